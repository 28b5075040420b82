"""Who talks to whom: N clients in groups of G, S senders a group, W messages outstanding a sender.

Rules of the file:
- A group of two is a single chat between a member and a consumer; a larger one is a customer group, half and half.
- Both sides send: members and consumers take turns from group to group, and within a group.
- It is spread over several enterprises, since one alone would be kinder to every cache.
"""

from dataclasses import dataclass

CORPS = 4


@dataclass(frozen=True)
class Workload:
    """One shape of load, named N/G/W/S."""

    clients: int
    group: int
    window: int
    senders: int

    @property
    def name(self) -> str:
        return f"{self.clients}/{self.group}/{self.window}/{self.senders}"

    @property
    def single(self) -> bool:
        return self.group == 2

    @property
    def groups(self) -> int:
        return self.clients // self.group


@dataclass(frozen=True)
class Person:
    """One of a workload's people: how the control names them, and where they belong."""

    key: str
    group: int
    sends: bool


def corp_of(group: int) -> str:
    """Name the enterprise of a group."""
    return f"ww{group % CORPS:016d}"


def members_of(workload: Workload, group: int) -> list[str]:
    """List the userids of the members of a group."""
    return [f"m{group}-{i}" for i in range(workload.group // 2)]


def consumers_of(workload: Workload, group: int) -> list[str]:
    """List the handles of the consumers of a group."""
    return [f"c{group}-{i}" for i in range(workload.group - workload.group // 2)]


def people_of(workload: Workload) -> list[Person]:
    """List everybody, group by group, the senders of each group first."""
    return [person for group in range(workload.groups) for person in _people_of_group(workload, group)]


def _people_of_group(workload: Workload, group: int) -> list[Person]:
    members = [f"{corp_of(group)}/{userid}" for userid in members_of(workload, group)]
    consumers = consumers_of(workload, group)
    first, second = (members, consumers) if group // CORPS % 2 == 0 else (consumers, members)
    turns = [key for pair in zip(first, second, strict=False) for key in pair]
    turns += first[len(second) :] + second[len(first) :]
    return [Person(key, group, place < workload.senders) for place, key in enumerate(turns)]


ONE_TO_ONE = Workload(200, 2, 16, 1)
TENS = Workload(200, 10, 8, 2)
HUNDREDS = Workload(200, 100, 8, 10)
FIVE_HUNDREDS = Workload(1000, 500, 2, 20)
WORKLOADS = (ONE_TO_ONE, TENS, HUNDREDS, FIVE_HUNDREDS)

IDLE_BASELINE = 200
IDLE = Workload(2200, 2, 1, 1)
