"""What the documents say is so: those made from the code are fresh, and every example in the others is read.

Rules of the file:
- Each JSON block of docs/protocol.md names its direction; each of its lines is one frame or one content.
- An example must come back from our structs as it was written: a key that no struct has would be lost on the way.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec
import orjson
import pytest

from docs import generate
from gateway import profile
from protocol import errors
from protocol.asyncapi import document
from protocol.codec import FRAME_BYTES_MAX, JSON
from protocol.content import Affair, AnyContent, AppContent, Sendable
from protocol.frames import CURSORS_MAX, ClientFrame, ServerFrame
from tests.unit.protocol.test_asyncapi import VALIDATORS

DOCS = Path(generate.__file__).parent
PROTOCOL = (DOCS / "protocol.md").read_text("utf-8")
BLOCK = re.compile(r"^```json(.*)\n((?:.*\n)*?)```$", re.MULTILINE)


class Example(NamedTuple):
    """One line of a JSON block."""

    direction: str
    line: str


def examples() -> Iterator[Example]:
    for block in BLOCK.finditer(PROTOCOL):
        yield from (Example(block[1].strip(), line) for line in block[2].splitlines())


EXAMPLES = list(examples())
each_example = pytest.mark.parametrize("example", EXAMPLES, ids=[f"example-{n}" for n in range(len(EXAMPLES))])
READ: dict[str, Callable[[bytes], Any]] = {
    "client": JSON.decode,
    "server": msgspec.json.Decoder(ServerFrame).decode,
    "content": msgspec.json.Decoder(Sendable).decode,
    "app content": msgspec.json.Decoder(AppContent).decode,
}


def tags(union: Any) -> set[str]:
    return {member.__struct_config__.tag for member in get_args(union)}


@pytest.mark.parametrize("name", generate.FILES)
def test_documents_made_from_the_code_are_fresh(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == generate.FILES[name](), f"{name} is old: make docs"


def test_the_asyncapi_file_is_the_document() -> None:
    assert orjson.loads((DOCS / "asyncapi.json").read_bytes()) == document()


def test_profiles_name_every_number_of_every_profile() -> None:
    text = generate.profiles_md()
    values, sources = text.split("## Sources")
    for name in profile.names():
        assert f"- `{name}`: " in text
        for key in profile.Profile.__struct_fields__:
            assert key in ("name", "frequency", "calls") or f"\n| {key} | " in values
        for row in profile.table(name)["frequency"]:
            assert row["source"] in sources
    assert "| group_size_max | 10 \\* | 100 | 500 | 500 |" in values
    assert "| group_size_max | 10 | wecom-2018-11 | not published |" in sources


@each_example
def test_every_example_is_read_and_comes_back(example: Example) -> None:
    read = READ[example.direction](example.line.encode())
    assert orjson.loads(JSON.encode(read)) == orjson.loads(example.line)


@each_example
def test_every_example_is_valid_by_its_schema(example: Example) -> None:
    frame = orjson.loads(example.line)
    if example.direction == "content":
        frame = {"type": "send", "number": 1, "conversation": "cv", "content": frame}
    if example.direction == "app content":
        place = {"corp": "ww", "conversation": "cv", "sequence": 1, "time_ms": 1, "side": "app", "sender": "1"}
        frame = {"type": "message", **place, "content": frame}
    VALIDATORS[frame["type"]].validate(frame)


def test_every_frame_and_every_kind_has_an_example() -> None:
    shown: dict[str, set[str]] = {direction: set() for direction in READ}
    for example in EXAMPLES:
        read = orjson.loads(example.line)
        shown[example.direction].add(read.get("type") or read["kind"])
    assert shown == {
        "client": tags(ClientFrame),
        "server": tags(ServerFrame),
        "content": tags(Sendable),
        "app content": tags(AppContent) - tags(Sendable),
    }
    assert tags(AnyContent) - tags(AppContent) == {"notice"}


def test_every_affair_is_told_of_once() -> None:
    table = PROTOCOL[PROTOCOL.index("| affair |") :].split("\n\n")[0]
    named = [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(get_args(Affair))


def test_every_close_code_has_something_to_do() -> None:
    table = PROTOCOL[PROTOCOL.index("| code | what to do |") :].split("\n\n")[0]
    named = [int(code) for row in table.splitlines()[2:] for code in re.findall(r"\d{4}", row.split("|")[1])]
    assert sorted(named) == sorted(errors.Close)


def test_examples_name_real_reasons() -> None:
    for example in EXAMPLES:
        frame = orjson.loads(example.line)
        if frame.get("type") == "refused":
            reason = errors.REASONS[frame["reason"]]
            assert (frame["code"], frame["text"], frame["advice"]) == (reason.code, reason.text, reason.advice)
        if frame.get("type") == "fault":
            assert errors.Close(frame["code"]).name.lower() == frame["reason"]
    for name in re.findall(r"refused as\s+`(\w+)`", PROTOCOL):
        assert name in errors.REASONS


def test_numbers_in_the_prose_are_those_of_the_code() -> None:
    assert f"larger than {FRAME_BYTES_MAX // 1024} KiB" in PROTOCOL
    assert f"at most {CURSORS_MAX} pairs" in " ".join(PROTOCOL.split())
    default = profile.read(profile.DEFAULT_PROFILE)
    assert f"at most {default.text_bytes_max:,} bytes of UTF-8" in PROTOCOL
    assert f"at most {default.body_bytes_max // 1024} KiB as MessagePack" in PROTOCOL


def test_every_hundred_of_a_reason_is_a_policy() -> None:
    assert {reason.code // 100 for reason in errors.REASONS.values()} == set(errors.POLICIES)


def test_every_close_code_says_what_it_means() -> None:
    assert set(errors.CLOSINGS) == set(errors.Close)
