"""What is true, by the simplest means: walks the durable records one by one, and knows nothing of how they were made.

`Mailboxes` has who may read what. Here stand the rules that every record must keep.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgpack

from gateway import events
from gateway.events import AnyEvent
from gateway.ports import Checkpoint
from gateway.profile import Profile
from gateway.state import State
from tests.property.simulated import Key, Mailboxes
from tests.simulation.broken import demand
from tests.simulation.many import Many
from tests.simulation.slots import Rule, Slot, window_of

RANK = ("unverified", "verified", "certified")
DAY_MS = 86_400_000
MASS_AFFAIRS = ("mass_task", "mass_reminded", "mass_cancelled")


def drop(kept: dict[Any, Any], meant: Callable[[Any], bool]) -> None:
    """Take out of a table what is meant."""
    for key in [key for key in kept if meant(key)]:
        del kept[key]


class Truth(Mailboxes):
    """The log so far. `asked` tells what a device has asked under a number, if it ever has."""

    def __init__(self, asked: Callable[[str, str, int], set[str]]) -> None:
        super().__init__()
        self._asked = asked
        self.records: list[bytes] = []
        self.commit = 0
        self.committed: dict[Key, int] = {}  # in which commit a message stands
        self.frames: dict[Key, dict[str, Any]] = {}
        self.latest_ms = 0
        self.last: dict[str, int] = {}  # conversation → position of its newest record
        self.numbers: dict[tuple[str, str], int] = {}
        self.used: Counter[Slot] = Counter()
        self.resets: Counter[str] = Counter()  # by enterprise
        self.owners: dict[str, str] = {}  # conversation → enterprise, also if it is gone
        self.profile: Profile | None = None
        self.limits: dict[Rule, int] = {}
        self.certified: dict[str, tuple[str, int]] = {}
        self.pairs: dict[str, tuple[str, str]] = {}  # single chat → member, consumer
        self.status: dict[str, str] = {}
        self.blocked: dict[str, tuple[bool, bool]] = {}  # by the member, by the consumer
        self.chats: dict[str, tuple[str, str]] = {}  # an app's chat → agent, person
        self.groups: set[str] = set()
        self.revoked: dict[str, int] = {}  # token → commit
        self.recalled: dict[Key, int] = {}
        self.spoken: list[str] = []  # what apps said through the API, by id
        self.said_by_app: dict[str, list[Key]] = {}
        self.heard: dict[tuple[str, str], int] = {}  # commands of services, and when they had their first outcome
        self.jobs: Counter[tuple[str, str]] = Counter()  # outcomes that are still to come
        self.due: dict[str, list[int]] = {}
        self.poisoned: set[str] = set()  # texts on which a rule has failed
        self.many = Many(self)
        self._kept = State()
        self.departed: set[str] = set()

    def _enter(self, conversation: str, corpid: str, *people: str) -> None:
        super()._enter(conversation, corpid, *people)
        self.owners[conversation] = corpid

    def commits(self, records: list[bytes]) -> None:
        """Take in a commit, whole."""
        self.commit += 1
        for record in records:
            self.records.append(record)
            self.take(events.decode(record))
        self.many.rest()

    def checkpoint(self) -> Checkpoint:
        """Make a checkpoint as the child process does: from the last one and the log."""
        for record in self.records[self._kept.position :]:
            self._kept.apply(events.decode(record))
        return Checkpoint(self._kept.position, self._kept.dump())

    def found(self, standing: list[bytes]) -> None:
        """Compare with what a restart finds; a commit that nobody heard of may stand at the end."""
        known = len(self.records)
        demand(standing[:known] == self.records, "J1", f"of {known} records {len(standing)} are left, or others")
        if len(standing) > known:
            self.commits(standing[known:])

    def take(self, event: AnyEvent) -> None:
        check = CHECKS.get(type(event))
        if check is not None:
            check(self, event)
        super().take(event)

    # What each event must keep.

    def _posted(self, event: events.Posted) -> None:
        at, name = self.position + 1, event.conversation
        key = name, event.sequence
        demand(event.sequence == self.heads.get(name, 0) + 1, "J2", f"{key} follows {self.heads.get(name, 0)}")
        demand(event.previous == self.last.get(name, 0), "J2", f"{key} names {event.previous} as the one before it")
        demand(event.time_ms >= self.latest_ms, "G4", f"{key}: the clock went back by {self.latest_ms - event.time_ms}")
        self.latest_ms, self.last[name] = event.time_ms, at
        self.committed[key] = self.commit
        frame = self.frames[key] = msgpack.unpackb(event.frame)
        demand((frame["conversation"], frame["sequence"]) == key, "D3", f"{key} is framed as another")
        self._told_of(event, frame)
        if event.device:
            self._by_device(event, frame)
        if event.origin is not None:
            self._outcome(event.origin, event.time_ms)
        if event.sender:
            self._counted(event)
            self._spoken(event, frame, event.sender)
        elif frame["side"] == "member":
            sender = f"{frame['corp']}/{frame['sender']}"
            demand(sender in self.inside[name], "D11", f"{sender} is not in {name}")
            self.many.say(name, frame)
            self._spoken(event, frame, sender)
        elif frame["content"].get("affair") in MASS_AFFAIRS:
            (person,) = self.inside[name]
            self.many.notice(person, frame["content"])

    def _by_device(self, event: events.Posted, frame: dict[str, Any]) -> None:
        who = event.sender, event.device
        demand(event.number > self.numbers.get(who, 0), "D5", f"{who} {event.number} stands twice, or out of order")
        self.numbers[who] = event.number
        said = self._asked(*who, event.number)
        demand(f"{event.conversation} {frame['content'].get('text')}" in said, "D1", f"{who} never said {frame}")
        demand(frame["content"].get("text") not in self.poisoned, "G6", f"{who} passes a rule that failed")
        demand(event.sender in self.inside.get(event.conversation, ()), "D11", f"{who} is not in {event.conversation}")

    def _told_of(self, event: events.Posted, frame: dict[str, Any]) -> None:
        """Note what an app is called back about: what people say to it."""
        chat = self.chats.get(event.conversation)
        if chat is not None and event.sender and "/#" not in event.sender:
            self.due.setdefault(f"{self.corps[event.conversation]}/#{chat[0]}", []).append(self.position + 1)

    def _spoken(self, event: events.Posted, frame: dict[str, Any], sender: str) -> None:
        self._badged(event, frame, sender)
        self._wanted(event, sender)

    def _counted(self, event: events.Posted) -> None:
        for rule in self.limits:
            side, per, name = rule
            subject = self.subject(side, per, event.sender, event.conversation)
            if subject:
                slot = rule, subject, window_of(event.time_ms, name)
                self.count(slot)

    def count(self, slot: Slot) -> None:
        used, limit = self.used[slot] + 1, self.limits[slot[0]]
        demand(used <= limit, "G3", f"{used} of {limit} in {slot}")
        self.used[slot] = used

    def subject(self, side: str, per: str, sender: str, conversation: str) -> str:
        """Name whom a rule counts; nobody where it does not count this."""
        mine = "app" if "/#" in sender else "member" if "/" in sender else "consumer"
        if side != mine:
            return ""
        if per == "sender":
            return sender
        if per == "conversation":
            return conversation
        corp = self.owners[conversation]
        return corp if per == "corp" else self._recipient(corp, mine, sender, conversation)

    def _recipient(self, corp: str, mine: str, sender: str, conversation: str) -> str:
        if conversation in self.pairs:
            member, consumer = self.pairs[conversation]
            return f"{corp} {consumer if sender == member else member}"
        if mine == "app" and conversation in self.chats and "/" not in self.chats[conversation][1]:
            return f"{corp} {self.chats[conversation][1]}"
        return ""

    def certification(self, corp: str, now_ms: int) -> str:
        level, until_ms = self.certified[corp]
        return "verified" if level == "certified" and 0 < until_ms <= now_ms else level

    def _badged(self, event: events.Posted, frame: dict[str, Any], sender: str) -> None:
        """What the consumer sees of a member is as the enterprise is now; without its badge it reaches few."""
        if "/" not in sender or "/#" in sender:
            return
        level = self.certification(frame["corp"], event.time_ms)
        shown = (frame.get("badge") or {}).get("certification")
        demand(shown == level, "G5", f"{event.conversation} {event.sequence} shows {shown}, not {level}")
        pair = self.pairs.get(event.conversation)
        assert self.profile is not None
        if pair is not None and level == "unverified" and self.profile.unverified_chat == "own":
            live = sum(self.status[name] in {"half", "mutual"} for name, at in self.pairs.items() if at[0] == pair[0])
            demand(live <= 1, "G5", f"{sender} reaches {live} customers without a badge")

    def _wanted(self, event: events.Posted, sender: str) -> None:
        """In a single chat both are together, and neither wants to hear nothing."""
        pair = self.pairs.get(event.conversation)
        if pair is not None:
            status, blocked = self.status[event.conversation], self.blocked[event.conversation]
            demand(status in {"half", "mutual"}, "G1", f"{sender} is allowed to speak where it is {status}")
            demand(not blocked[sender == pair[0]], "G1", f"{sender} is allowed to speak, and is blocked")

    def _joined(self, event: events.Joined) -> None:
        assert self.profile is not None
        size = len(self.inside[event.conversation] | {event.person})
        demand(size <= self.profile.group_size_max, "G2", f"{event.conversation} has {size} seats taken")

    def _answered(self, event: events.Answered) -> None:
        who = event.person, event.device
        demand(event.number > self.numbers.get(who, 0), "D5", f"{who} {event.number} stands twice, or out of order")
        self.numbers[who] = event.number

    def _outcome(self, origin: events.Origin, now_ms: int) -> None:
        """A service's command has one outcome, or one a recipient."""
        key = origin.source, origin.id
        if self.jobs[key]:
            self.jobs[key] -= 1
        else:
            self._heard(key, now_ms)

    def _heard(self, key: tuple[str, str], now_ms: int) -> None:
        """A command is decided once; a day later it is not remembered any more."""
        again = key in self.heard and now_ms - self.heard[key] < DAY_MS
        demand(not again, "D5", f"command {key} has another outcome")
        self.heard[key] = now_ms

    def _refused(self, event: events.CommandRefused) -> None:
        self._outcome(event.origin, event.time_ms)

    def _job(self, event: events.JobStarted) -> None:
        key = event.origin.source, event.origin.id
        self._heard(key, event.time_ms)
        self.jobs[key] += len(event.recipients)

    def _revoked(self, event: events.TokenRevoked) -> None:
        self.revoked[event.token_id] = self.commit

    def _member(self, event: events.MemberPut) -> None:
        key = f"{event.corpid}/{event.userid}"
        (self.departed.add if event.departed else self.departed.discard)(key)

    def _due(self, event: events.CallbackDue) -> None:
        for agent in event.agent_ids:
            self.due.setdefault(f"{event.corpid}/#{agent}", []).append(self.position + 1)

    def _reset(self, event: events.CorpReset) -> None:
        """Forget an enterprise: its ids may come again, and begin anew."""
        corp, gone = event.corpid, {name for name, of in self.corps.items() if of == event.corpid}
        mine = f"{corp}/", f"{corp} "
        self.resets[corp] += 1
        self.departed = {key for key in self.departed if not key.startswith(mine)}
        self.poisoned = {text for text in self.poisoned if not text.startswith(mine)}  # or what is not remembered
        by_conversation: tuple[dict[Any, Any], ...] = (self.last, self.pairs, self.status, self.blocked, self.chats)
        for kept in by_conversation:
            drop(kept, gone.__contains__)
        by_place: tuple[dict[Any, Any], ...] = (self.frames, self.committed, self.recalled)
        for kept in by_place:
            drop(kept, lambda key: key[0] in gone)
        by_device: tuple[dict[Any, Any], ...] = (self.numbers, self.accepted)
        for kept in by_device:
            drop(kept, lambda key: key[0].startswith(mine))
        drop(self.used, lambda slot: slot[1] in gone or slot[1] == corp or slot[1].startswith(mine))
        self.many.forget(corp)

    def _profile(self, event: events.ProfileSet) -> None:
        self.profile = event.profile
        self.limits = {(row.side, row.per, row.window): row.most(0) for row in event.profile.frequency}

    def _corp(self, event: events.CorpPut) -> None:
        self.certified[event.corpid] = event.certification, event.certified_until_ms

    def _relation(self, event: events.RelationPut) -> None:
        self.pairs[event.conversation] = event.member, event.consumer
        self.status[event.conversation] = event.status
        self.blocked[event.conversation] = event.blocked_by_member, event.blocked_by_consumer

    def _opened(self, event: events.AppOpened) -> None:
        self.chats[event.conversation] = event.agent_id, event.person

    def _spoke(self, event: events.AppSpoke) -> None:
        self.spoken.append(event.msgid)

    def _app_said(self, event: events.AppSaid) -> None:
        if event.conversation and not event.refused:
            self.said_by_app.setdefault(event.msgid, []).append((event.conversation, event.sequence))

    def _recall(self, event: events.AppRecalled) -> None:
        for key in self.said_by_app.get(event.msgid, []):
            self.recalled[key] = self.commit


CHECKS: dict[type, Callable[[Truth, Any], None]] = {
    events.Posted: Truth._posted,
    events.CorpReset: Truth._reset,
    events.Answered: Truth._answered,
    events.Joined: Truth._joined,
    events.CommandRefused: Truth._refused,
    events.JobStarted: Truth._job,
    events.TokenRevoked: Truth._revoked,
    events.CallbackDue: Truth._due,
    events.ProfileSet: Truth._profile,
    events.MemberPut: Truth._member,
    events.CorpPut: Truth._corp,
    events.RelationPut: Truth._relation,
    events.AppOpened: Truth._opened,
    events.AppSpoke: Truth._spoke,
    events.AppSaid: Truth._app_said,
    events.AppRecalled: Truth._recall,
    events.MassMade: lambda truth, event: truth.many.make(event),
    events.MassAnnounced: lambda truth, event: truth.many.announce(event),
    events.MassConfirmed: lambda truth, event: truth.many.confirm(event),
    events.MassSliced: lambda truth, event: truth.many.slice(event),
    events.MassCancelled: lambda truth, event: truth.many.cancel(event),
}
