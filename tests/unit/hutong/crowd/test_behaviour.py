"""What people do about what they hear: from persona, dice, hearing and time alone."""

from itertools import islice, pairwise
from statistics import mean
from typing import Any

import pytest

from hutong.crowd.behaviour import Delete, Say, Script
from hutong.crowd.file import Persona


def persona(**keys: Any) -> Persona:
    return Persona(**{"name": "patient", "side": "consumer", "count": 1, **keys})


def heard(script: Script, times: int, every_s: float = 1.0) -> list[Say | Delete | None]:
    """Give what somebody does about so many messages in one conversation."""
    return [script.hears("cv1", number * every_s) for number in range(times)]


def test_the_same_seed_and_hearing_give_the_same_decisions() -> None:
    playing = persona(answers=0.5, rate_per_s=2)
    first, again, other = (Script(playing, seed, "patient-1") for seed in (7, 7, 8))
    assert heard(first, 50) == heard(again, 50) != heard(other, 50)
    spoken = [list(islice(script.speaks(["cv1", "cv2"], 0.0), 50)) for script in (first, again, other)]
    assert spoken[0] == spoken[1] != spoken[2]


def test_two_people_of_a_persona_decide_each_for_themselves() -> None:
    playing = persona(answers=0.5)
    assert heard(Script(playing, 7, "patient-1"), 50) != heard(Script(playing, 7, "patient-2"), 50)


def test_who_answers_a_share_does_so_within_the_seconds() -> None:
    acts = heard(Script(persona(answers=0.8, after_s=(1, 20)), 7, "patient-1"), 2000)
    answers = [(number, act) for number, act in enumerate(acts) if isinstance(act, Say)]
    assert 0.76 < len(answers) / len(acts) < 0.84
    after_s = [act.at_s - number for number, act in answers]
    assert min(after_s) >= 1 and max(after_s) <= 20
    assert 10 < mean(after_s) < 11


@pytest.mark.parametrize("playing", [persona(), persona(rate_per_s=3), persona(reads=False), persona(floods=True)])
def test_who_is_not_made_to_react_does_not(playing: Persona) -> None:
    assert set(heard(Script(playing, 7, "x"), 100)) == {None}


def test_who_is_written_to_too_often_deletes_and_then_counts_anew() -> None:
    script = Script(persona(deletes_after=3, within_s=10), 7, "touchy-1")
    acts = heard(script, 6, every_s=5)
    assert acts == [None, None, Delete("cv1", 10), None, None, Delete("cv1", 25)]


def test_who_is_written_to_seldom_enough_deletes_nobody() -> None:
    assert set(heard(Script(persona(deletes_after=3, within_s=10), 7, "touchy-1"), 50, every_s=5.1)) == {None}


def test_each_who_writes_too_often_is_counted_apart() -> None:
    script = Script(persona(deletes_after=2), 7, "touchy-1")
    assert [script.hears(name, 0) for name in ("cv1", "cv2", "cv1")] == [None, None, Delete("cv1", 0)]


def test_who_speaks_at_a_rate_goes_round_their_conversations() -> None:
    says = list(islice(Script(persona(rate_per_s=5), 7, "clerk-1").speaks(["a", "b", "c"], 100.0), 3000))
    assert {(one.conversation, two.conversation) for one, two in pairwise(says)} == {
        ("a", "b"), ("b", "c"), ("c", "a"),
    }  # fmt: skip
    assert says[0].at_s > 100
    assert (says[-1].at_s - 100) / 3000 == pytest.approx(1 / 5, rel=0.05)
    gaps = [two.at_s - one.at_s for one, two in pairwise(says)]
    assert sum(gap > 0.2 for gap in gaps) / len(gaps) == pytest.approx(0.3679, abs=0.03)  # 1/e: Poisson's, not a beat


def test_who_has_nobody_to_write_to_says_nothing() -> None:
    assert list(Script(persona(rate_per_s=5), 7, "clerk-1").speaks([], 0.0)) == []
