"""Worlds of any size, made by the gateway's own decisions: so many relations, so many seats in groups."""

from collections.abc import Iterable
from typing import Final

from adapters.world import Names, asks, check, read
from gateway import commands, decide, events, profile
from gateway.commands import Command
from gateway.events import AnyEvent, Posted
from gateway.state import State
from protocol.content import Text
from protocol.frames import Send

NOW_MS: Final = 1_785_000_000_000  # 2026-07-25 17:20 (UTC)
CUSTOMERS_EACH: Final = 1_000  # of one member
CORP_RELATIONS: Final = 100_000  # of one enterprise
GROUP_MEMBERS: Final = 2
GROUP_CONSUMERS: Final = 8
DEVICE: Final = "bench"
TEXT: Final = Text(100 * "x")


class Populous:
    """A state that grows by commands, as a world file's would; `records` are what a journal would keep of it."""

    def __init__(self, *, journaled: bool = False) -> None:
        self.state = State()
        self.records: list[bytes] = []
        self._journaled = journaled
        self._relations = self._groups = self._said = 0
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

    def add_world(self, text: str) -> None:
        """Add what a world file holds."""
        world = read(text.encode())
        check(world, Names())
        for command in asks(world):
            self.do(command)

    def chats(self) -> list[str]:
        """Name the single chats."""
        return [name for name, one in self.state.conversations.items() if one.relation is not None]

    def say_in(self, chats: Iterable[str]) -> None:
        """Let the consumer of each chat say something."""
        self._said += 1
        for chat in chats:
            person = self.state.people[self.state.relation(chat).consumer]
            posted = decide.by_client(self.state, NOW_MS, person, DEVICE, Send(self._said, chat, TEXT))
            assert isinstance(posted, Posted), posted
            self.take(posted)

    def add_second_relations(self) -> None:
        """Let everybody in the first enterprise who knows one member add a second one, the first one's neighbour."""
        corp = self.state.corps["ww" + 16 * "0"]
        userids = list(corp.members)
        for number, handle in enumerate(list(corp.consumers.values())):
            userid = userids[(number // CUSTOMERS_EACH + 1) % len(userids)]
            self.do(commands.PutRelation(corp.corpid, userid, handle))

    def add_groups(self, count: int, consumers: int = GROUP_CONSUMERS) -> None:
        """Make groups of the first enterprise, of people who are there; the next ones follow one another."""
        self._put_groups(range(self._groups, self._groups + count), consumers)
        self._groups += count

    def join_groups(self, consumers: int) -> None:
        """Let so many consumers join each of the groups, which were made without any."""
        self._put_groups(range(self._groups), consumers)

    def _put_groups(self, numbers: range, consumers: int) -> None:
        corp = self.state.corps["ww" + 16 * "0"]
        userids, handles = list(corp.members), list(corp.consumers.values())
        for number in numbers:
            seated = tuple(handles[(number * consumers + place) % len(handles)] for place in range(consumers))
            owner, other = (userids[(number + place) % len(userids)] for place in range(GROUP_MEMBERS))
            self.do(commands.PutGroup(corp.corpid, "group", owner, f"wr{number}", (), (other,), seated))
