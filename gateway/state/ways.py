"""How customers come to an enterprise: its ways in the order of making, their scans, and its welcome codes."""

from typing import Final

from msgspec import Struct, field

WELCOME_MS: Final = 20_000  # DOC 92137
WELCOMES_MAX: Final = 10_000  # codes of one enterprise that still count: 500 customers a second


class Welcome(Struct, array_like=True):
    conversation: str
    given_ms: int
    spent: bool = False


class Ways(Struct, array_like=True):
    """`made` and `given` number the codes and the welcome codes ever made, so that none comes again."""

    made: int = 0
    given: int = 0
    contact: dict[str, int] = field(default_factory=dict)  # code of a contact way → when it was made
    scans: dict[str, int] = field(default_factory=dict)  # code → how many times, where that matters
    welcomes: dict[str, Welcome] = field(default_factory=dict)
    temporary_day: int = 0
    temporary_made: int = 0  # on that day

    def keep(self, code: str, welcome: Welcome) -> None:
        """Keep a welcome code, in place of those that are too old to count, or of the oldest."""
        while self.welcomes:
            oldest = next(iter(self.welcomes))
            still_counts = self.welcomes[oldest].given_ms + WELCOME_MS >= welcome.given_ms
            if still_counts and len(self.welcomes) < WELCOMES_MAX:
                break
            del self.welcomes[oldest]
        self.welcomes[code] = welcome
        self.given += 1
