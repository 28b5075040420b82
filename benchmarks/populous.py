"""Worlds of any size, made by the gateway's own decisions: so many relations, so many seats in groups."""

from typing import Final

from gateway import commands, decide, events, profile
from gateway.commands import Command
from gateway.events import AnyEvent
from gateway.state import State

NOW_MS: Final = 1_785_000_000_000  # 2026-07-25 17:20 (UTC)
CUSTOMERS_EACH: Final = 1_000  # of one member
CORP_RELATIONS: Final = 100_000  # of one enterprise
GROUP_MEMBERS: Final = 2
GROUP_CONSUMERS: Final = 8


class Populous:
    """A state that grows by commands, as a world file's would; `records` are what a journal would keep of it."""

    def __init__(self, *, journaled: bool = False) -> None:
        self.state = State()
        self.records: list[bytes] = []
        self._journaled = journaled
        self._relations = self._groups = 0
        self.do(commands.ResetWorld("benchmarks"))
        self.do(commands.SetProfile(profile.read("bench")))

    def do(self, command: Command) -> None:
        """Have a command decided, and its events taken in."""
        decided = decide.by_service(self.state, NOW_MS, NOW_MS, command)
        assert isinstance(decided, list), decided
        for event in decided:
            self.take(event)

    def take(self, event: AnyEvent) -> None:
        """Take an event in."""
        if self._journaled:
            self.records.append(events.encode(event))
        self.state.apply(event)

    def add_relations(self, count: int) -> None:
        """Let new consumers add members, a thousand each."""
        for number in range(self._relations, self._relations + count):
            corpid = f"ww{number // CORP_RELATIONS:016d}"
            userid = f"m{number // CUSTOMERS_EACH}"
            if number % CORP_RELATIONS == 0:
                self.do(commands.PutCorp(corpid, corpid, corpid, "certified"))
            if number % CUSTOMERS_EACH == 0:
                self.do(commands.PutMember(corpid, userid, userid))
            self.do(commands.PutConsumer(f"c{number}", f"c{number}"))
            self.do(commands.PutRelation(corpid, userid, f"c{number}"))
        self._relations += count

    def add_second_relations(self) -> None:
        """Let everybody in the first enterprise who knows one member add a second one, the first one's neighbour."""
        corp = self.state.corps["ww" + 16 * "0"]
        userids = list(corp.members)
        for number, handle in enumerate(list(corp.consumers.values())):
            userid = userids[(number // CUSTOMERS_EACH + 1) % len(userids)]
            self.do(commands.PutRelation(corp.corpid, userid, handle))

    def add_groups(self, count: int, consumers: int = GROUP_CONSUMERS) -> None:
        """Make groups of the first enterprise, of people who are there; the next ones follow one another."""
        corp = self.state.corps["ww" + 16 * "0"]
        userids, handles = list(corp.members), list(corp.consumers.values())
        for number in range(self._groups, self._groups + count):
            seated = tuple(handles[(number * consumers + place) % len(handles)] for place in range(consumers))
            owner, other = (userids[(number + place) % len(userids)] for place in range(GROUP_MEMBERS))
            self.do(commands.PutGroup(corp.corpid, "group", owner, f"wr{number}", (), (other,), seated))
        self._groups += count
