"""What has been used of each frequency rule, in the present aligned window.

All subjects share a window's edge, so a rule's counters are one table that is thrown away whole at the edge: memory is
bounded by who was active in the window, and no timer runs.
"""

from typing import Final

from msgspec import Struct, field

from gateway import windows
from gateway.profile import Frequency, Profile

# Which sides' rules count what is said: by a person or an app, by an app in its own group, by a bot, in an enterprise's
# mass message, in a member's own.
COUNTED: Final = {
    "member": ("member",),
    "consumer": ("consumer",),
    "app": ("app",),
    "app_group": ("app_group",),
    "bot": ("bot",),
    "corp_mass": ("corp_mass", "mass"),
    "own_mass": ("own_mass", "mass"),
}
SUBJECTS: Final = ("sender", "conversation", "recipient", "corp")


MONTH: Final = windows.WINDOWS.index("month")

Cell = list[int]
NOTHING: Final[Cell] = [0]  # read, never written


class Used(Struct, array_like=True):
    """The counters of one (side, subject, window): the number of the window, and a cell for each subject.

    A cell is a list of one number, so that whoever counts often can hold it.
    """

    index: int = 0
    counts: dict[str, Cell] = field(default_factory=dict)


def slot_of(rule: Frequency) -> str:
    """Name the counters a rule reads; the name outlives a change of profile."""
    return f"{rule.side}/{rule.per}/{rule.window}"


class Quotas(Struct, array_like=True):
    used: dict[str, Used] = field(default_factory=dict)

    def count(self, rule: Frequency, subject: str, now_ms: int) -> int:
        """Tell how much of the present window a subject has used."""
        used = self.used.get(slot_of(rule))
        if used is None or used.index != windows.indexes(now_ms)[windows.WINDOWS.index(rule.window)]:
            return 0
        return used.counts.get(subject, NOTHING)[0]

    def forget(self, corpid: str, conversations: set[str]) -> None:
        """Drop what an enterprise has used: its ids will come again, and begin anew.

        The tables are emptied in place, since the meters are bound to them.
        """
        prefix = f"{corpid}/"
        for slot, used in self.used.items():
            own = corpid if "/corp/" in slot else ""  # a consumer's handle may be an enterprise's id, too
            gone = [key for key in used.counts if key == own or key in conversations or key.startswith(prefix)]
            for key in gone:
                del used.counts[key]


class Meter:
    """The frequency rules of some sides, bound to their counters: what the hot path asks and charges.

    Derived from the profile and the quotas, and rebuilt when either is replaced; holds no truth of its own. `_present`
    are the counters of the windows that were charged last.
    """

    def __init__(self, profile: Profile, quotas: Quotas, sides: tuple[str, ...]) -> None:
        self.rules = tuple(rule for rule in profile.frequency if rule.side in sides)
        self._bound = tuple(
            (
                quotas.used.setdefault(slot_of(rule), Used()),
                windows.WINDOWS.index(rule.window),
                SUBJECTS.index(rule.per),
                rule,
            )
            for rule in self.rules
        )
        self._indexes: tuple[int, ...] = ()
        self._present: tuple[tuple[dict[str, Cell], int, int], ...] = ()

    def refusing(self, subjects: tuple[str, str, str, str], indexes: tuple[int, ...]) -> Frequency | None:
        """Give the rule that has nothing left for one of these subjects; an empty subject is never counted.

        Where several have nothing left it is the one of the longest window: trying again before that ends is in vain.
        """
        spent, longest = None, -1
        for used, window, subject, rule in self._bound:
            if used.index == indexes[window] and window > longest:
                cell = used.counts.get(subjects[subject], NOTHING)
                if cell[0] >= rule.most(indexes[MONTH]):
                    spent, longest = rule, window
        return spent

    def charge(self, subjects: tuple[str, str, str, str], indexes: tuple[int, ...]) -> None:
        """Count one message for every subject."""
        for cell, _ in self.cells(subjects, indexes):
            cell[0] += 1

    def cells(self, subjects: tuple[str, str, str, str], indexes: tuple[int, ...]) -> tuple[tuple[Cell, int], ...]:
        """Give the cells to be counted in, and their limits, for as long as these windows last.

        Only for whoever is about to count: asking must not change anything.
        """
        if indexes != self._indexes:
            self._roll(indexes)
        return tuple(
            (counts.setdefault(subjects[subject], [0]), limit)
            for counts, subject, limit in self._present
            if subjects[subject]
        )

    def _roll(self, indexes: tuple[int, ...]) -> None:
        """Throw away the counters of windows that are over."""
        for used, window, _, _ in self._bound:
            if used.index != indexes[window]:
                used.index, used.counts = indexes[window], {}
        self._indexes = indexes
        month = indexes[MONTH]
        self._present = tuple((used.counts, subject, rule.most(month)) for used, _, subject, rule in self._bound)
