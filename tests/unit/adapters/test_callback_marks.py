"""Marks of callbacks: kept over restarts, and not believed where they are another journal's."""

from pathlib import Path

import pytest

from adapters.callback_marks import FILE, Marks, Progress
from gateway.state import State

KEY = "ww/#1"


def state(epoch: int = 3, position: int = 10) -> State:
    made = State()
    made.epoch, made.position = epoch, position
    return made


async def test_what_was_marked_is_there_after_a_restart(tmp_path: Path) -> None:
    marks = Marks(tmp_path / FILE, state())
    marks.of(KEY).upto, marks.of(KEY).aside = 10, {7: 2, 9: 1}
    marks.of("ww/#gone")
    marks.forget("ww/#gone")
    marks.end()
    await marks.keep()
    again = Marks(tmp_path / FILE, state())
    assert again.of(KEY) == Progress(10, {7: 2, 9: 1})
    assert again.keys() == {KEY}


async def test_nothing_is_written_where_nothing_has_changed(tmp_path: Path) -> None:
    marks = Marks(tmp_path / FILE, state())
    marks.end()
    await marks.keep()
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        '{"epoch":3,"apps":{"\xff":{"upto":10}}}',
        '{"epoch":2,"apps":{"ww/#1":{"upto":10}}}',
        '{"epoch":3,"apps":{"ww/#1":{"upto":11}}}',
        '{"epoch":3,"apps":{"ww/#1":{"upto":"x"}}}',
    ],
)
async def test_marks_that_are_not_this_journals_are_not_believed(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, "latin-1")
    assert not Marks(tmp_path / FILE, state()).keys()


async def test_a_disk_that_does_not_take_marks_is_told_and_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marks = Marks(tmp_path / "nowhere" / FILE, state())
    marks.changed()
    marks.end()
    await marks.keep()
    assert "callbacks_not_marked" in capsys.readouterr().out
