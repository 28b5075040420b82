"""What is remembered, as tables of plain structs that name one another by key.

`apply(event)` is the only writer; `voices`, `unionids` and `bots` are derived, and not remembered. Everything else can
be dumped as one value and loaded again, and two states that applied the same events dump the same bytes.
"""

from hashlib import blake2b
from typing import Final

from msgspec import Struct

from gateway import windows
from gateway.events import (
    Answered,
    AnyEvent,
    AppRecalled,
    AppSaid,
    AppSet,
    AppSpoke,
    BookTagDeleted,
    BookTagged,
    BookTagPut,
    BotSaid,
    CallbackDue,
    CallbackVerified,
    CardUpdated,
    CodeDropped,
    CodePut,
    CodeScanned,
    CommandRefused,
    Delivered,
    JobSliced,
    JobStarted,
    MassAnnounced,
    MassCancelled,
    MassConfirmed,
    MassMade,
    MassSliced,
    MediaKept,
    MenuPut,
    OauthCodeMade,
    OauthCodeUsed,
    OpenidGiven,
    Posted,
    TagsDeleted,
    TagsPut,
    TemplateDropped,
    TemplatePut,
    TokenRevoked,
    WelcomeGiven,
    WelcomeSpent,
)
from gateway.profile import DEFAULT_PROFILE, Profile, read
from gateway.rights import Switch
from gateway.state import tables
from gateway.state.apply import APPLIERS, posted
from gateway.state.clock import MovableClock
from gateway.state.conversations import Conversation, Group, Relation
from gateway.state.corps import App, Corp
from gateway.state.jobs import Job
from gateway.state.people import AnyPerson, Consumer, Device, Member
from gateway.state.quotas import COUNTED, Cell, Meter, Quotas
from protocol.mould import Mould


class Voice(Struct, gc=False):
    """What is known of a person who may speak in a conversation, while nothing but messages happens.

    Derived by the policies, forgotten at the next change of anything else: a withdrawn badge acts on the next message.
    It holds the things themselves, so that the hot path looks up once what it would look up four times.
    """

    conversation: Conversation
    devices: dict[str, Device]
    mould: Mould
    meter: Meter
    subjects: tuple[str, str, str, str]
    characters_max: int  # a text of so many is not too long, whatever they are
    minute: int = -1  # in which `cells` count: no window begins or ends within one
    cells: tuple[tuple[Cell, int], ...] = ()


QUIET: Final = frozenset({
    Posted, Answered, JobStarted, JobSliced, CommandRefused, Delivered, TokenRevoked,
    MassMade, MassAnnounced, MassConfirmed, MassSliced, MassCancelled,
    MediaKept, AppSpoke, AppSaid, AppRecalled, CardUpdated, CallbackDue, CallbackVerified,
    BotSaid, AppSet, MenuPut, BookTagPut, BookTagDeleted, BookTagged, OpenidGiven, OauthCodeMade, OauthCodeUsed,
    TagsPut, TagsDeleted, CodePut, CodeDropped, CodeScanned, WelcomeGiven, WelcomeSpent, TemplatePut, TemplateDropped,
})  # fmt: skip


class State:
    """Everything the rules may read. `position` is the ordinal of the last event applied.

    `voices` is derived: not dumped, and empty after every event that is not in QUIET. So are `unionids`, the handles of
    each, made again from the people, and `bots`, the enterprise of each. Nor is `newest_due` dumped: the newest
    position that some app is to be told of, 0 after a load.
    """

    def __init__(self) -> None:
        self.position = 0
        self.epoch = 0
        self.newest_due = 0
        self.clear()

    def clear(self) -> None:
        """Forget the world; what is left is the place in the journal, the clock, and which link tokens were revoked."""
        self.seed = ""
        self.profile: Profile = read(DEFAULT_PROFILE)
        self.clock = getattr(self, "clock", None) or MovableClock()
        self.corps: dict[str, Corp] = {}
        self.people: dict[str, AnyPerson] = {}
        self.conversations: dict[str, Conversation] = {}
        self.codes: dict[str, CodePut] = {}
        self.quotas = Quotas()
        self.jobs: dict[int, Job] = {}
        self.jobs_made = 0
        self.revoked: dict[str, int] = getattr(self, "revoked", {})
        self.strict: tuple[Switch, ...] = ()
        self.voices: dict[tuple[str, str], Voice] = {}
        self.unionids: dict[str, list[str]] = {}
        self.bots: dict[str, str] = {}  # a bot's id, unique in the world → corpid
        self.bind_meters()

    def bind_meters(self) -> None:
        """Bind the frequency rules of each side to their counters."""
        self.meters = {kind: Meter(self.profile, self.quotas, sides) for kind, sides in COUNTED.items()}
        self._minute, self._indexes = -1, windows.indexes(0)

    def apply(self, event: AnyEvent) -> None:
        """Take an event in; the only way the state changes."""
        self.position += 1
        kind = type(event)
        if kind is Posted:
            posted(self, event)
            return
        if kind not in QUIET:
            self.voices.clear()
        APPLIERS[kind](self, event)
        self.clock.latest_ms = max(self.clock.latest_ms, getattr(event, "time_ms", 0))

    def indexes(self, now_ms: int) -> tuple[int, ...]:
        """Number the aligned windows of a moment; remembered, since no window begins or ends within a minute."""
        if now_ms // windows.MINUTE_MS != self._minute:
            self._minute, self._indexes = now_ms // windows.MINUTE_MS, windows.indexes(now_ms)
        return self._indexes

    def subjects(self, conversation: Conversation, sender: str, *, mass: bool = False) -> tuple[str, str, str, str]:
        """Name whom a message counts for: sender, conversation, recipient where there is one, enterprise.

        The recipient of a mass message may be a group.
        """
        recipient = conversation.id if mass else ""
        if conversation.relation is not None:
            relation = conversation.relation
            recipient = relation.consumer if sender != relation.consumer else relation.member
        elif conversation.app is not None and sender != conversation.app.person:
            recipient = conversation.app.person if isinstance(self.people[conversation.app.person], Consumer) else ""
        if recipient:
            recipient = f"{conversation.corpid}/{recipient}"  # what one enterprise sends is no other's business
        return sender, conversation.id, recipient, conversation.corpid

    def charge(self, conversation: Conversation, sender: str, now_ms: int) -> None:
        """Count a message against every frequency rule of its sender's side."""
        person = self.people.get(sender)
        meter = self.meters[person.side if person is not None else self.counted(conversation, sender)]
        meter.charge(self.subjects(conversation, sender), self.indexes(now_ms))

    def counted(self, conversation: Conversation, app: str) -> str:
        """Say which rules of frequency count what an app (its key) says."""
        if conversation.kind == "app_group":
            return "app_group"
        bot = self.corps[conversation.corpid].apps[app.partition("/#")[2]].bot
        return "app" if bot is None else "bot"

    def calls_back(self, app: App) -> bool:
        """Tell whether an app is called back: it has an address, which has answered where that is asked for."""
        return bool(app.callback_url) and (app.callback_verified or "verified_callback" not in self.strict)

    def listeners(self, corpid: str) -> tuple[str, ...]:
        """Name the apps of an enterprise that are called back."""
        return tuple(app.agent_id for app in self.corps[corpid].apps.values() if self.calls_back(app))

    # Typed look-ups for those who know that the thing is there; anything else is a defect.

    def member(self, key: str) -> Member:
        person = self.people[key]
        assert isinstance(person, Member)
        return person

    def consumer(self, handle: str) -> Consumer:
        person = self.people[handle]
        assert isinstance(person, Consumer)
        return person

    def relation(self, conversation: str) -> Relation:
        relation = self.conversations[conversation].relation
        assert relation is not None
        return relation

    def group(self, conversation: str) -> Group:
        group = self.conversations[conversation].group
        assert group is not None
        return group

    def seat(self, conversation: str, person: str) -> tuple[Conversation, Group, AnyPerson]:
        return self.conversations[conversation], self.group(conversation), self.people[person]

    def present(self, corpid: str, userid: str) -> Member | None:
        """Give a member who is there; to the address book one who has left is not."""
        corp = self.corps.get(corpid)
        key = corp.members.get(userid) if corp is not None else None
        member = self.member(key) if key is not None else None
        return member if member is not None and not member.departed else None

    def key_of(self, name: str) -> str:
        """Give the key of whom control names: a member renamed has another userid than the key says."""
        corpid, _, userid = name.partition("/")
        corp = self.corps.get(corpid) if userid else None
        return corp.members.get(userid, name) if corp is not None else name

    def own_of(self, corpid: str, key: str) -> str:
        """Give the conversation of a person's own affairs in this enterprise."""
        person = self.people[key]
        return person.own if isinstance(person, Member) else self.consumer(key).known[corpid].own

    def name_of(self, corpid: str, key: str) -> str:
        """Name a person as this enterprise does: a member by userid, a consumer by the enterprise's own id."""
        person = self.people.get(key)
        if isinstance(person, Consumer):
            return person.known[corpid].external_userid
        if isinstance(person, Member):
            return person.userid
        return key.partition("/")[2].removeprefix("#")

    def group_of(self, conversation: str) -> tuple[str, str]:
        """Give the enterprise and the chat_id of a group; KeyError for a conversation that is none."""
        found = self.conversations[conversation]
        if found.group is None:
            raise KeyError(conversation)
        return found.corpid, found.group.chat_id

    def other_of(self, conversation: str, key: str) -> str:
        """Give the other person of a conversation of two."""
        others = [person for person in self.conversations[conversation].people if person != key]
        if len(others) != 1:
            raise KeyError(conversation)
        return others[0]

    def dump(self) -> bytes:
        """Give the whole state as bytes; equal states give equal bytes."""
        return tables.dump(self)

    @classmethod
    def load(cls, data: bytes) -> "State":
        """Give back the state that was dumped."""
        state = cls()
        tables.load(state, data)
        state.bind_meters()
        for person in state.people.values():
            if isinstance(person, Consumer) and person.unionid:
                state.unionids.setdefault(person.unionid, []).append(person.key)
        state.bots = {
            app.agent_id: corp.corpid for corp in state.corps.values() for app in corp.apps.values() if app.bot
        }
        return state

    def digest(self) -> str:
        """Give a short name for everything remembered, to compare states by."""
        return blake2b(self.dump(), digest_size=16).hexdigest()
