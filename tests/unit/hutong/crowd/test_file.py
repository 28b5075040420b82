"""A crowd file: what it says is read, and what it cannot say is told with its place and what was meant."""

import re
import tomllib
from pathlib import Path

import pytest
from cyclopts import CycloptsError

from hutong.crowd.file import checked, named

MEMBER = '[[persona]]\nname = "clerk"\nside = "member"\ncount = 2\nrate_per_s = 3\n'
CONSUMER = '[[persona]]\nname = "patient"\nside = "consumer"\ncount = 10\n'
HEAD = "version = 1\n"


def refused(text: str) -> str:
    with pytest.raises(CycloptsError) as error:
        checked(tomllib.loads(text), "crowd.toml")
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_file_says_who_there_is() -> None:
    crowd = checked(tomllib.loads(HEAD + "seed = 7\n" + MEMBER + CONSUMER + "answers = 1\nafter_s = [0.5, 2]"), "f")
    clerk, patient = crowd.persona
    assert (crowd.seed, crowd.people) == (7, 12)
    assert (clerk.side, clerk.rate_per_s, clerk.reads) == ("member", 3.0, True)
    assert (patient.answers, patient.after_s) == (1.0, (0.5, 2.0))


def test_the_crowd_that_comes_with_hutong_is_of_5000() -> None:
    crowd = named("demo")
    assert crowd.people == 5000
    assert {"answers", "deletes_after", "reads", "floods", "rate_per_s"} <= {
        name for persona in crowd.persona for name in persona.__struct_fields__ if getattr(persona, name)
    } | {"reads" for persona in crowd.persona if not persona.reads}


def test_the_example_of_the_documents_is_read() -> None:
    text = (Path(__file__).resolve().parents[4] / "docs/crowd.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert checked(tomllib.loads(example), "docs/crowd.md").people == 4800


def test_another_file_is_another_enterprise_and_the_same_file_the_same() -> None:
    files = [HEAD + MEMBER + CONSUMER, HEAD + "seed = 1\n" + MEMBER + CONSUMER]
    first, second, again = (checked(tomllib.loads(text), "f").corpid for text in (*files, files[0]))
    assert first == again != second


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "crowd.toml describes nobody: begin each kind of people with a line [[persona]]."),
        (HEAD + "persona = 3", "describes nobody"),
        (MEMBER + CONSUMER, "crowd.toml lacks version: it takes 1,"),
        ("version = 2\n" + MEMBER + CONSUMER, "version in crowd.toml is 2: it takes 1, the version that this Hutong"),
        (HEAD + "sed = 1\n" + MEMBER, "unknown key sed in crowd.toml. Did you mean seed?"),
        (HEAD + "seed = -1\n" + MEMBER, "seed in crowd.toml is -1: it takes a number from 0."),
        (HEAD + "seconds = nan\n" + MEMBER, "seconds in crowd.toml is nan: it takes a number of seconds above 0."),
        (HEAD + "seconds = inf\n" + MEMBER, "it takes a number of seconds above 0."),
        (HEAD + "idle_s = 0\n" + MEMBER, "it takes a number of seconds from 1."),
        (HEAD + MEMBER + "answrs = 1", "unknown key answrs in persona clerk of crowd.toml. Did you mean answers?"),
        (HEAD + MEMBER + "answers = '1'", "answers in persona clerk of crowd.toml is '1': it takes a share from 0 to"),
        (HEAD + MEMBER + "answers = nan", "it takes a share from 0 to 1."),
        (HEAD + MEMBER + "answers = 1\nafter_s = 3", "it takes two numbers of seconds, [least, most]."),
        (HEAD + MEMBER + "answers = 1\nafter_s = [3, 1]", "after_s is [3.0, 1.0]: the least comes first."),
        (HEAD + MEMBER + "after_s = [1, 3]", "after_s has no effect without answers."),
        (HEAD + MEMBER + "within_s = 3", "within_s has no effect without deletes_after."),
        (HEAD + MEMBER + "reads = false\nanswers = 1", "who reads nothing neither answers nor deletes"),
        (HEAD + MEMBER + "floods = true", "floods waits for each answer and rate_per_s for none: choose one."),
        (HEAD + '[[persona]]\nname = "a b"', "persona a b of crowd.toml lacks side: it takes member or consumer."),
        (HEAD + '[[persona]]\nside = "x"', "persona 1 of crowd.toml lacks name: it takes a word of at most 30 letters"),
        (HEAD + MEMBER.replace("clerk", "a b"), "name in persona a b of crowd.toml is 'a b'"),
        (HEAD + MEMBER.replace("clerk", "a\\n"), "it takes a word of at most 30 letters, digits, - and _."),
        (
            HEAD + MEMBER.replace("count = 2", "count = 0"),
            "count in persona clerk of crowd.toml is 0: it takes a number",
        ),
        (
            HEAD + MEMBER.replace("member", "staff"),
            "side in persona clerk of crowd.toml is 'staff': it takes member or",
        ),
        (HEAD + MEMBER, "crowd.toml: no persona is on the side consumer: there is nobody to talk to."),
        (HEAD + MEMBER + MEMBER + CONSUMER, "two personas are named clerk."),
        (HEAD + MEMBER + CONSUMER.replace("10", "49999"), "50001 people: at most 50000 have room in one crowd."),
        (
            HEAD + "seconds = 101" + "\n" + CONSUMER + MEMBER.replace("= 3", "= 10000"),
            "2020000 texts in 101 s: at most 2000000",
        ),
    ],
)
def test_what_cannot_be_is_told(text: str, says: str) -> None:
    assert says in refused(text)
