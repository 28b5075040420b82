"""How customers come to an enterprise, and how they are welcomed: ways, their scans, welcome codes, templates."""

from typing import Final

from msgspec import Struct, field

WELCOME_MS: Final = 20_000  # DOC 92137
WELCOMES_MAX: Final = 10_000  # codes of one enterprise that still count: 500 customers a second


class Welcome(Struct, array_like=True):
    conversation: str
    given_ms: int
    spent: bool = False


class Template(Struct, array_like=True, frozen=True, gc=False):
    """A welcome for groups, and the app that made it, which alone may change it."""

    agent_id: str
    body: bytes


class Ways(Struct, array_like=True):
    """`made`, `given` and `written` number all codes, welcome codes and templates, so that none comes again."""

    made: int = 0
    given: int = 0
    contact: dict[str, int] = field(default_factory=dict)  # code of a contact way → when it was made
    temporary: dict[str, int] = field(default_factory=dict)  # code of a temporary one → when it lapses
    scans: dict[str, int] = field(default_factory=dict)  # code → how many times, where that matters
    welcomes: dict[str, Welcome] = field(default_factory=dict)
    temporary_day: int = 0
    temporary_made: int = 0  # on that day
    written: int = 0
    templates: dict[str, Template] = field(default_factory=dict)

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
