"""Every attempt to call an app back, looked back on: the newest ones, bounded, and counts of them all."""

from collections import Counter
from typing import Literal

from msgspec import Struct

from adapters.recalled import Recalled

Outcome = Literal["delivered", "failed", "given_up"]
ANSWER_SHOWN = 200  # bytes of an answer
LINE_BYTES = 1_000  # of a line beside its texts, roughly


class CallbackView(Struct, omit_defaults=True):
    """One attempt; of a record at `position`, the first is attempt 1. `time_ms` is of the movable clock.

    `failed` is tried again, `given_up` is not. `message` is the plaintext, `answer` the beginning of what came back,
    `reply` what became of an answer in place.
    """

    corpid: str
    agent_id: str
    position: int
    event: str
    attempt: int
    replayed: bool
    outcome: Outcome
    time_ms: int
    real_ms: int
    duration_us: int
    status: int = 0
    error: str = ""
    answer: str = ""
    reply: str = ""
    message: str = ""
    ordinal: int = 0


class CallbackLine(CallbackView):
    """An attempt as it is kept."""

    size: int = 0


class CallbackLines(Recalled[CallbackLine]):
    """The newest attempts, and how many of each event there were by outcome."""

    def __init__(self, lines_max: int, bytes_max: int) -> None:
        super().__init__(lines_max, bytes_max)
        self.counts: dict[Outcome, Counter[str]] = {
            "delivered": Counter(), "failed": Counter(), "given_up": Counter()
        }  # fmt: skip

    def add(self, line: CallbackLine) -> None:
        self.counts[line.outcome][line.event] += 1
        line.size = LINE_BYTES + len(line.message) + len(line.answer) + len(line.error)
        super().add(line)
