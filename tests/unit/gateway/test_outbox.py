"""The outbox: answers always go out, pushes only where they fit, and what is held back waits."""

import pytest

from gateway.outbox import Outbox


class Pipe:
    def __init__(self, waiting: int = 0) -> None:
        self.waiting = waiting
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def buffered(self) -> int:
        return self.waiting

    async def writable(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self, code: int, reason: str) -> None: ...


def filled(pipe: Pipe) -> Outbox:
    outbox = Outbox(pipe)
    outbox.answers.append(b"answer")
    outbox.pushes.append(b"push")
    return outbox


def test_a_turn_is_one_write_answers_first() -> None:
    pipe = Pipe()
    assert filled(pipe).flush(4)
    assert pipe.writes == [b"answerpush"]


@pytest.mark.parametrize(("waiting", "fits"), [(0, True), (1, True), (6, True), (7, False), (100, False)])
def test_pushes_go_out_as_long_as_they_fit_beside_what_waits(waiting: int, fits: bool) -> None:
    pipe = Pipe(waiting)
    outbox = filled(pipe)
    assert outbox.flush(10) is fits
    assert pipe.writes == [b"answerpush" if fits else b"answer"]
    assert outbox.flush(10)
    assert len(pipe.writes) == 1, "nothing is said twice, nor written when there is nothing"


def test_one_push_above_the_bound_goes_out_where_nothing_waits() -> None:
    pipe = Pipe()
    outbox = Outbox(pipe)
    outbox.pushes.append(b"x" * 100)
    assert outbox.flush(10)
    assert pipe.writes == [b"x" * 100]


def test_answers_alone_always_keep_up() -> None:
    pipe = Pipe(waiting=1_000)
    outbox = Outbox(pipe)
    outbox.answers.append(b"answer")
    assert outbox.flush(10)
    assert pipe.writes == [b"answer"]


def test_what_is_held_back_follows_once_released() -> None:
    pipe = Pipe()
    outbox = filled(pipe)
    outbox.held = True
    assert outbox.flush(10)
    outbox.pushes.append(b"more")
    assert outbox.flush(10)
    assert pipe.writes == [b"answer"]
    assert outbox.release()
    assert pipe.writes == [b"answer", b"pushmore"]
    assert not outbox.release()


def test_what_is_held_back_is_bounded() -> None:
    pipe = Pipe()
    outbox = filled(pipe)
    outbox.held = True
    outbox.pushes.append(b"more")
    assert not outbox.flush(7)
    assert not outbox.held
    assert not outbox.release()
    assert pipe.writes == [b"answer"]


def test_a_closed_link_is_told_nothing() -> None:
    pipe = Pipe()
    outbox = filled(pipe)
    outbox.clear()
    assert outbox.flush(10)
    assert pipe.writes == []
