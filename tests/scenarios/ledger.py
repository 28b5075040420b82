"""Plays a table of requests against the rules themselves: state and decisions, no sockets, no waiting.

Rules of the file:
- A line is a request, two or more spaces, and what comes of it. A line without an outcome prepares: it must succeed.
- `##` begins a scenario in a world of its own; `#` is a remark. Times are those of Shanghai.
- The world begins at 2026-08-10 09:00:00, a Monday, under profile `tiny`.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from gateway import commands, deadlines, decide, policy, profile
from gateway.commands import book
from gateway.decide import jobs
from gateway.events import (
    AnyEvent,
    CallbackDue,
    CommandRefused,
    CorpPut,
    JobStarted,
    MassMade,
    MassSliced,
    Origin,
    Posted,
    WelcomeGiven,
)  # fmt: skip
from gateway.policy.attempt import Attempt
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.jobs import Job
from gateway.state.people import Answer, Consumer, Member
from protocol import content, frames
from protocol.codec import MSGPACK, decode_message
from protocol.errors import REASONS
from protocol.wecom.departments import DepartmentCreate, DepartmentUpdate
from protocol.wecom.members import MemberCreate, MemberUpdate

SHANGHAI = ZoneInfo("Asia/Shanghai")
BEGIN = datetime(2026, 8, 10, 9, tzinfo=SHANGHAI)
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
NAMES = {reason.code: name for name, reason in REASONS.items()}

Outcome = str
Handler = Callable[..., Outcome]
GRAMMAR: list[tuple[re.Pattern[str], Handler]] = []


def line(pattern: str) -> Callable[[Handler], Handler]:
    """Let a method play the lines of this form: WORD is a name, LIST are names with commas, TEXT is quoted."""
    form = pattern.replace("WORD", r"([\w-]+)").replace("LIST", r"([\w-]+(?:, [\w-]+)*)").replace("TEXT", r'"([^"]*)"')

    def register(handler: Handler) -> Handler:
        GRAMMAR.append((re.compile(form), handler))
        return handler

    return register


class Row(NamedTuple):
    """One line of a table: where it stands, what is asked, what should come of it."""

    number: int
    request: str
    outcome: str


class Scenario(NamedTuple):
    title: str
    rows: list[Row]


def scenarios(path: Path) -> list[Scenario]:
    """Read the scenarios of a table."""
    found: list[Scenario] = []
    for number, text in enumerate(path.read_text("utf-8").splitlines(), 1):
        stripped = text.strip()
        if stripped.startswith("## "):
            found.append(Scenario(stripped[3:], []))
        elif stripped and not stripped.startswith("#"):
            request, *outcome = re.split(r"\s{2,}", stripped, maxsplit=1)
            found[-1].rows.append(Row(number, request, outcome[0] if outcome else ""))
    return found


def play(scenario: Scenario) -> tuple[list[str], list[str]]:
    """Play a scenario; give what the table says and what happened, line by line."""
    ledger = Ledger()
    said, happened = [], []
    for row in scenario.rows:
        outcome = ledger.ask(row.request)
        expected = row.outcome or ("" if not outcome.startswith("refused") else "accepted")
        said.append(f"{row.number}: {row.request}  {expected}")
        happened.append(f"{row.number}: {row.request}  {outcome if row.outcome or expected else ''}")
    return said, happened


class Ledger:
    """A world, its clock, and names for what is in it."""

    def __init__(self) -> None:
        self.state = State()
        self.now_ms = _ms(BEGIN)
        self.records: list[AnyEvent] = []
        self.corp_of: dict[str, str] = {}
        self.group_ids: dict[str, str] = {}
        self.masses: dict[str, str] = {}
        self.heard: dict[str, int] = {}
        self.commands_made = 0
        self.serve(commands.ResetWorld("seed"))
        self.serve(commands.SetProfile(profile.read("tiny")))

    def ask(self, request: str) -> Outcome:
        for form, handler in GRAMMAR:
            if match := form.fullmatch(request):
                return handler(self, *match.groups())
        raise AssertionError(f"no line has this form: {request}")

    # Doing and telling.

    def _apply(self, happened: list[AnyEvent]) -> None:
        for event in happened:
            self.state.apply(event)
            self.records.append(event)

    def serve(self, command: commands.Command) -> Outcome:
        decided = decide.by_service(self.state, self.now_ms, self.now_ms, command)
        if isinstance(decided, Refusal):
            return self._refused(decided)
        if isinstance(decided, commands.Repeated):
            return "repeated"
        self._apply(decided)
        refused = [event for event in decided if isinstance(event, CommandRefused)]
        started = [event for event in decided if isinstance(event, JobStarted)]
        if refused:
            return self._told(refused[0])
        return f"begun for {len(started[0].recipients)}" if started else "accepted"

    def client(self, name: str, make: Callable[[int], frames.ClientCommand], number: str | None = None) -> Outcome:
        person = self.state.people[self.key(name)]
        device = person.devices.get("phone")
        after = (device.last_number if device is not None else 0) + 1
        decided = decide.by_client(self.state, self.now_ms, person, "phone", make(int(number) if number else after))
        if isinstance(decided, Refusal):
            return self._refused(decided)
        if isinstance(decided, Answer):
            return f"as before {decided.sequence}"
        self._apply(decided if isinstance(decided, list) else [decided])
        return f"accepted {decided.sequence}" if isinstance(decided, Posted) and number else "accepted"

    def _refused(self, refusal: Refusal) -> Outcome:
        text = f"refused {refusal.reason.name}"
        return f"{text} retry {self._time(refusal.retry_at_ms)}" if refusal.retry_at_ms else text

    def _told(self, event: CommandRefused) -> Outcome:
        text = f"refused {NAMES[event.code]}"
        return f"{text} retry {self._time(event.retry_at_ms)}" if event.retry_at_ms else text

    def _time(self, time_ms: int) -> str:
        now, then = (datetime.fromtimestamp(at / 1000, SHANGHAI) for at in (self.now_ms, time_ms))
        return f"{then:%H:%M:%S}" if now.date() == then.date() else f"{then:%Y-%m-%d %H:%M:%S}"

    # Names.

    def key(self, name: str) -> str:
        return self.state.key_of(f"{self.corp_of[name]}/{name}") if name in self.corp_of else name

    def external(self, corpid: str, consumer: str) -> str:
        person = self.state.people.get(consumer)
        known = person.known.get(corpid) if isinstance(person, Consumer) else None
        return known.external_userid if known is not None else "wm-of-a-stranger"

    def conversation(self, one: str, other: str) -> str:
        if other in self.group_ids:
            return self.group_ids[other]
        return self.state.people[self.key(one)].contacts.get(self.key(other), "cv-of-nobody")

    def sides(self, corpid: str, names: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Sort names into userids of members and the enterprise's ids of consumers."""
        listed = names.split(", ")
        members = tuple(name for name in listed if name in self.corp_of)
        return members, tuple(self.external(corpid, name) for name in listed if name not in self.corp_of)

    # Preparing the world.

    @line(r"profile ([\w-]+)")
    def set_profile(self, name: str) -> Outcome:
        return self.serve(commands.SetProfile(profile.read(name)))

    @line(r"clock (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")
    def clock_to(self, moment: str) -> Outcome:
        return self._advance(_ms(datetime.fromisoformat(moment).replace(tzinfo=SHANGHAI)) - self.now_ms)

    @line(r"clock \+(\d+)([smhdw])")
    def clock_on(self, count: str, unit: str) -> Outcome:
        return self._advance(int(timedelta(**{UNITS[unit]: int(count)}).total_seconds()) * 1000)

    def _advance(self, by_ms: int) -> Outcome:
        before = len(self.records)
        outcome = self.serve(commands.SetClock(by_ms))
        if outcome != "accepted":
            return outcome
        self.now_ms = self.state.clock.shown_ms
        fell = [event for event in self.records[before:] if isinstance(event, CorpPut)]
        told = [f"{event.short_name} is {event.certification} from {self._time(event.time_ms)}" for event in fell]
        return ", ".join(told) or "accepted"

    @line(r"corp WORD (certified|verified|unverified)(?: until (\d{4}-\d\d-\d\d))?")
    def put_corp(self, name: str, certification: Any, until: str | None) -> Outcome:
        until_ms = _ms(datetime.fromisoformat(until).replace(tzinfo=SHANGHAI)) if until else 0
        return self.serve(commands.PutCorp(name, f"{name} company", name.title(), certification, until_ms))

    @line(r"member WORD of WORD( not activated)?( without real name)?( departed)?(?: in store (\d+))?")
    def put_member(self, name: str, corp: str, asleep: str, unnamed: str, gone: str, store: str | None) -> Outcome:
        self.corp_of[name] = corp
        stores = (int(store),) if store else ()
        return self.serve(
            commands.PutMember(corp, name, name.title(), stores, not asleep, not unnamed, bool(gone))
        )  # fmt: skip

    @line(r"store (\d+) of WORD")
    def put_store(self, number: str, corp: str) -> Outcome:
        return self.serve(commands.PutDepartment(corp, int(number), f"store {number}", store=True))

    @line(r"app WORD of WORD( is called back)?")
    def put_app(self, agent: str, corp: str, called: str | None) -> Outcome:
        address = "http://crm.example/" if called else ""
        return self.serve(commands.PutApp(corp, agent, agent.title(), "secret", address))

    @line(r"WORD welcomes WORD TEXT")
    def welcome(self, corp: str, who: str, text: str) -> Outcome:
        """Use the newest welcome code that was given for a consumer."""
        chats = set(self.state.consumer(who).contacts.values())
        given = [event for event in self.records if isinstance(event, WelcomeGiven) and event.conversation in chats]
        code = given[-1].code if given else "none"
        return self.serve(commands.SendWelcome(corp, code, (content.Text(text),)))

    @line(r"consumers? LIST")
    def put_consumers(self, names: str) -> Outcome:
        return [self.serve(commands.PutConsumer(name, name.title())) for name in names.split(", ")][-1]

    @line(r"WORD knows LIST(?: as (pending|half|mutual|removed_by_member|removed_by_consumer))?")
    def put_relation(self, member: str, consumers: str, status: Any) -> Outcome:
        corp = self.corp_of[member]
        return [
            self.serve(commands.PutRelation(corp, member, consumer, status=status or "mutual"))
            for consumer in consumers.split(", ")
        ][-1]

    @line(r"group WORD of WORD with LIST")
    def put_group(self, name: str, owner: str, others: str) -> Outcome:
        corp, listed = self.corp_of[owner], others.split(", ")
        members = tuple(other for other in listed if other in self.corp_of)
        consumers = tuple(other for other in listed if other not in self.corp_of)
        chat_id = f"chat-{name}"
        outcome = self.serve(
            commands.PutGroup(corp, name, owner, chat_id, members=members, consumers=consumers)
        )  # fmt: skip
        self.group_ids[name] = self.state.corps[corp].chats[chat_id]
        return outcome

    @line(r"WORD is filled up to (\d+)")
    def fill(self, name: str, size: str) -> Outcome:
        group = self.state.group(self.group_ids[name])
        corp = self.state.conversations[self.group_ids[name]].corpid
        guests = tuple(f"guest{number}" for number in range(int(size) - len(group.seats)))
        for guest in guests:
            self.serve(commands.PutConsumer(guest))
        owner = self.state.member(group.owner).userid
        return self.serve(commands.PutGroup(corp, name, owner, group.chat_id, consumers=guests))

    @line(r"code WORD of WORD( to be accepted)?(?: with state WORD)?")
    def put_code(self, code: str, of: str, ask: str | None, state: str | None) -> Outcome:
        if of in self.group_ids:
            group = self.state.conversations[self.group_ids[of]]
            assert group.group is not None
            return self.serve(commands.PutCode(group.corpid, chat_id=group.group.chat_id, code=code))
        return self.serve(
            commands.PutCode(self.corp_of[of], of, state=state or "", skip_verify=not ask, code=code)
        )  # fmt: skip

    @line(r"contact way WORD of LIST(?: and store (\d+))?")
    def put_contact_way(self, code: str, names: str, store: str | None) -> Outcome:
        listed = tuple(names.split(", "))
        stores = (int(store),) if store else ()
        return self.serve(commands.PutContactWay(self.corp_of[listed[0]], 2, 2, listed, stores, code=code))

    @line(r"temporary way WORD of WORD for (\d+)([smhdw])")
    def put_temporary_way(self, code: str, of: str, count: str, unit: str) -> Outcome:
        expires_s = int(timedelta(**{UNITS[unit]: int(count)}).total_seconds())
        return self.serve(commands.PutContactWay(self.corp_of[of], 1, 2, (of,), code=code, expires_s=expires_s))

    @line(r"join way WORD of LIST(?: as TEXT from (\d+))?")
    def put_join_way(self, code: str, names: str, base: str | None, first: str | None) -> Outcome:
        corp = self.state.conversations[self.group_ids[names.split(", ", maxsplit=1)[0]]].corpid
        chats = tuple(f"chat-{name}" for name in names.split(", "))
        way = commands.PutJoinWay(corp, 2, chats, "", "", bool(base), base or "", int(first or 1), code=code)
        return self.serve(way)

    # What an app asks the address book for.

    @line(r"WORD makes WORD with (phone|mail) (\S+)(?: in (\d+))?")
    def make_member(self, corp: str, name: str, kind: str, given: str, department: str | None) -> Outcome:
        self.corp_of[name] = corp
        mobile, mail = (given, "") if kind == "phone" else ("", given)
        departments = (int(department),) if department else ()
        asked = MemberCreate(userid=name, name=name.title(), department=departments, mobile=mobile, email=mail)
        return self.serve(book.CreateMember(corp, asked))

    @line(r"WORD lets WORD in")
    def admit_member(self, corp: str, name: str) -> Outcome:
        return self.serve(book.AdmitMember(corp, name))

    @line(r"WORD (disables|enables) WORD")
    def enable_member(self, corp: str, verb: str, name: str) -> Outcome:
        return self.serve(book.UpdateMember(corp, MemberUpdate(userid=name, enable=int(verb == "enables"))))

    @line(r"WORD calls WORD WORD")
    def rename_member(self, corp: str, name: str, new: str) -> Outcome:
        self.corp_of[new] = corp
        return self.serve(book.UpdateMember(corp, MemberUpdate(userid=name, new_userid=new)))

    @line(r"WORD gives WORD (phone|mail) (\S+)")
    def note_member(self, corp: str, name: str, kind: str, given: str) -> Outcome:
        mobile, mail = (given, "") if kind == "phone" else ("", given)
        return self.serve(book.UpdateMember(corp, MemberUpdate(userid=name, mobile=mobile, email=mail)))

    @line(r"WORD lets WORD go")
    def delete_member(self, corp: str, name: str) -> Outcome:
        return self.serve(book.DeleteMembers(corp, (name,)))

    @line(r"WORD makes department (\d+) TEXT in (\d+)")
    def make_department(self, corp: str, number: str, name: str, parent: str) -> Outcome:
        asked = DepartmentCreate(id=int(number), name=name, parentid=int(parent))
        return self.serve(book.CreateDepartment(corp, asked))

    @line(r"WORD moves department (\d+) into (\d+)")
    def move_department(self, corp: str, number: str, parent: str) -> Outcome:
        return self.serve(book.UpdateDepartment(corp, DepartmentUpdate(id=int(number), parentid=int(parent))))

    @line(r"WORD deletes department (\d+)")
    def delete_department(self, corp: str, number: str) -> Outcome:
        return self.serve(book.DeleteDepartment(corp, int(number)))

    @line(r"reset WORD")
    def reset(self, corp: str) -> Outcome:
        """Tell which commands over MQTT were cut short."""
        before = len(self.records)
        self.serve(commands.ResetCorp(corp))
        ended = [event for event in self.records[before:] if isinstance(event, CommandRefused)]
        return ", ".join(f"{event.origin.id} {self._told(event)}" for event in ended) or "accepted"

    # What people ask for.

    @line(r"WORD(?:\[(\d+)\])? → WORD TEXT")
    def say(self, sender: str, number: str | None, to: str, text: str) -> Outcome:
        return self._send(sender, to, content.Text(text), number)

    @line(r"WORD → WORD text of (\d+) bytes")
    def say_bytes(self, sender: str, to: str, size: str) -> Outcome:
        return self._send(sender, to, content.Text("x" * int(size)))

    @line(r"WORD → WORD text of (\d+) characters, (\d+) bytes")
    def say_chinese(self, sender: str, to: str, count: str, size: str) -> Outcome:
        text = "好" * int(count)
        assert len(text.encode()) == int(size), "the table miscounts"
        return self._send(sender, to, content.Text(text))

    @line(r"WORD → WORD link of (\d+) bytes")
    def say_link(self, sender: str, to: str, size: str) -> Outcome:
        link = content.Link("t", "u")
        while (lacking := int(size) - len(MSGPACK.encode(link))) > 0:
            link = content.Link("t", "u", link.description + "x" * max(1, lacking // 2))
        assert len(MSGPACK.encode(link)) == int(size), "no description gives this size"
        return self._send(sender, to, link)

    @line(r"WORD → WORD (image|voice|video|file|location|product|coupon)")
    def say_kind(self, sender: str, to: str, kind: str) -> Outcome:
        fields: dict[str, dict[str, Any]] = {
            "location": {"latitude": 31.2, "longitude": 121.5},
            "product": {"title": "tea", "price_fen": 100},
            "coupon": {"title": "tea", "code": "c"},
        }
        said = msgspec.convert({"kind": kind, **fields.get(kind, {"media_id": "m"})}, content.Sendable)
        return self._send(sender, to, said)

    def _send(self, sender: str, to: str, said: content.Sendable, number: str | None = None) -> Outcome:
        conversation = self.conversation(sender, to)
        return self.client(sender, lambda number: frames.Send(number, conversation, said), number)

    @line(r"WORD → own affairs of WORD TEXT")
    def say_to_own(self, sender: str, corp: str, text: str) -> Outcome:
        own = self.state.own_of(corp, self.key(sender))
        return self.client(sender, lambda number: frames.Send(number, own, content.Text(text)))

    @line(r"WORD → app WORD of WORD TEXT")
    def say_to_app(self, sender: str, agent: str, corp: str, text: str) -> Outcome:
        chat = self.state.corps[corp].apps[agent].conversations.get(self.key(sender), "cv-of-nobody")
        return self.client(sender, lambda number: frames.Send(number, chat, content.Text(text)))

    @line(r"WORD scans WORD")
    def scan(self, who: str, code: str) -> Outcome:
        return self.client(who, lambda number: frames.Scan(number, code))

    @line(r"WORD joins by WORD")
    def join(self, who: str, code: str) -> Outcome:
        return self.client(who, lambda number: frames.Join(number, code))

    @line(r"WORD (accepts|refuses|deletes) WORD")
    def change(self, who: str, verb: str, other: str) -> Outcome:
        kinds: dict[str, type[frames.Accept | frames.Refuse | frames.Delete]]
        kinds = {"accepts": frames.Accept, "refuses": frames.Refuse, "deletes": frames.Delete}
        kind = kinds[verb]
        return self.client(who, lambda number: kind(number, self.conversation(who, other)))

    @line(r"WORD (blocks|unblocks) WORD")
    def block(self, who: str, verb: str, other: str) -> Outcome:
        return self.client(
            who, lambda number: frames.Block(number, self.conversation(who, other), verb == "blocks")
        )  # fmt: skip

    @line(r"WORD (mutes|unmutes) WORD")
    def mute(self, who: str, verb: str, corp: str) -> Outcome:
        own = self.state.own_of(corp, self.key(who))
        return self.client(who, lambda number: frames.Mute(number, own, verb == "mutes"))

    @line(r"WORD notes of WORD TEXT")
    def note(self, who: str, other: str, text: str) -> Outcome:
        return self.client(who, lambda number: frames.Remark(number, self.conversation(who, other), text))

    @line(r"WORD marks WORD with LIST")
    def mark(self, who: str, other: str, names: str) -> Outcome:
        ids = tuple(self.tag_id(self.corp_of[who], name) for name in names.split(", "))
        return self.client(who, lambda number: frames.Remark(number, self.conversation(who, other), tag_ids=ids))

    def tag_id(self, corp: str, name: str) -> str:
        """Find a tag, or a group, by name; what is not there gives an id that nothing has."""
        groups = self.state.corps[corp].tags.groups.values()
        things = [one for group in groups for one in (group.said, *group.tags.values())]
        return next((one.id for one in things if one.name == name), "etnothing")

    @line(r"(?:app WORD of|the console of) WORD makes LIST in WORD")
    def make_tags(self, app: str | None, corp: str, names: str, group: str) -> Outcome:
        tags = tuple(map(commands.NewTag, names.split(", ")))
        return self.serve(commands.MakeTags(corp, app or "", "", group, 0, tags))

    @line(r"(?:app WORD of|the console of) WORD calls WORD WORD")
    def change_tag(self, app: str | None, corp: str, name: str, new: str) -> Outcome:
        return self.serve(commands.ChangeTag(corp, app or "", self.tag_id(corp, name), new))

    @line(r"(?:app WORD of|the console of) WORD (deletes|deletes group) WORD")
    def delete_tag(self, app: str | None, corp: str, verb: str, name: str) -> Outcome:
        ids = (self.tag_id(corp, name),)
        tags, groups = ((), ids) if verb == "deletes group" else (ids, ())
        return self.serve(commands.DeleteTags(corp, app or "", tags, groups))

    @line(r"app WORD of WORD (marks|unmarks) WORD of WORD with LIST")
    def mark_by_api(self, _app: str, corp: str, verb: str, customer: str, userid: str, names: str) -> Outcome:
        ids = tuple(self.tag_id(corp, name) for name in names.split(", "))
        add, remove = (ids, ()) if verb == "marks" else ((), ids)
        return self.serve(commands.MarkCustomer(corp, userid, self.external(corp, customer), add, remove))

    @line(r"app WORD of WORD notes of WORD of WORD TEXT")
    def note_by_api(self, _app: str, corp: str, customer: str, userid: str, text: str) -> Outcome:
        return self.serve(commands.NoteCustomer(corp, userid, self.external(corp, customer), text))

    @line(r"WORD wears for WORD")
    def worn(self, customer: str, userid: str) -> Outcome:
        library = self.state.corps[self.corp_of[userid]].tags
        ids = library.alive(self.state.relation(self.conversation(userid, customer)).noted.tag_ids)
        return ", ".join(library.groups[library.group_of[id_]].tags[id_].name for id_ in ids) or "nothing"

    @line(r"WORD creates WORD(?: with LIST)?")
    def create(self, who: str, name: str, others: str | None) -> Outcome:
        members, consumers = self.sides(self.corp_of.get(who, ""), others) if others else ((), ())
        outcome = self.client(who, lambda number: frames.Create(number, name, members, consumers))
        if outcome == "accepted":
            self.group_ids[name] = list(self.state.corps[self.corp_of[who]].chats.values())[-1]
        return outcome

    @line(r"WORD (invites|removes) LIST (?:to|from) WORD")
    def seat(self, who: str, verb: str, others: str, group: str) -> Outcome:
        kind = frames.Invite if verb == "invites" else frames.Remove
        conversation = self.group_ids[group]
        members, consumers = self.sides(self.state.conversations[conversation].corpid, others)
        return self.client(who, lambda number: kind(number, conversation, members, consumers))

    @line(r"WORD leaves WORD")
    def leave(self, who: str, group: str) -> Outcome:
        return self.client(who, lambda number: frames.Leave(number, self.group_ids[group]))

    @line(r"WORD renames WORD TEXT")
    def rename(self, who: str, group: str, name: str) -> Outcome:
        return self.client(who, lambda number: frames.Rename(number, self.group_ids[group], name))

    @line(r"WORD announces in WORD TEXT")
    def announce(self, who: str, group: str, text: str) -> Outcome:
        return self.client(who, lambda number: frames.Announce(number, self.group_ids[group], text))

    @line(r"WORD hands WORD to WORD")
    def hand_over(self, who: str, group: str, other: str) -> Outcome:
        return self.client(who, lambda number: frames.HandOver(number, self.group_ids[group], other))

    @line(r"WORD (appoints|dismisses) WORD in WORD")
    def appoint(self, who: str, verb: str, other: str, group: str) -> Outcome:
        on = verb == "appoints"
        return self.client(who, lambda number: frames.Appoint(number, self.group_ids[group], other, on))

    @line(r"WORD dismisses the group WORD")
    def dismiss(self, who: str, group: str) -> Outcome:
        return self.client(who, lambda number: frames.Dismiss(number, self.group_ids[group]))

    # What services ask for over MQTT.

    @line(r"(app|member) WORD of WORD → (consumer|member|store|group) ([\w-]+) TEXT(?: as WORD)?")
    def publish(self, kind: Any, sender: str, corp: str, to_kind: Any, to: str, text: str, name: str | None) -> Outcome:
        self.commands_made += 1
        target = {"consumer": lambda: self.external(corp, to), "group": lambda: f"chat-{to}"}.get(to_kind, lambda: to)()
        origin = Origin("till", name or f"order-{self.commands_made}")
        return self.serve(commands.SendFor(corp, origin, kind, sender, to_kind, target, content.Text(text)))

    @line(r"the jobs go on")
    def go_on(self) -> Outcome:
        told = []
        for command in deadlines.slices(self.state):
            job = self.state.jobs[command.job]
            done, name = job.done, job.recipients[job.done].partition("/")[2]
            happened = jobs.slice_job(self.state, self.now_ms, command)
            self._apply(happened)
            if job.mass:
                told += self._mass_told(job, done, happened)
                continue
            refused = [event for event in happened if isinstance(event, CommandRefused)]
            said = [event for event in happened if isinstance(event, Posted) and event.origin is not None]
            assert len(refused) + len(said) == 1, "each recipient has one outcome"
            told.append(f"{name} {self._told(refused[0]) if refused else 'accepted'}")
        return ", ".join(told) or "nothing to do"

    # Mass messages.

    @line(r"mass WORD of WORD TEXT(?: to LIST)?(?: by WORD)?")
    def make_mass(self, name: str, corp: str, text: str, customers: str | None, sender: str | None) -> Outcome:
        named = tuple(self.external(corp, one) for one in customers.split(", ")) if customers else ()
        return self._make_mass(name, commands.MakeMass(corp, "single", (content.Text(text),), sender or "", named))

    @line(r"mass WORD of WORD TEXT with an image to LIST")
    def make_long_mass(self, name: str, corp: str, text: str, customers: str) -> Outcome:
        named = tuple(self.external(corp, one) for one in customers.split(", "))
        contents = (content.Text(text), content.Image("media"))
        return self._make_mass(name, commands.MakeMass(corp, "single", contents, "", named))

    @line(r"mass WORD of WORD TEXT into (?:all groups|groups LIST) by WORD")
    def make_group_mass(self, name: str, corp: str, text: str, groups: str | None, sender: str) -> Outcome:
        named = tuple(f"chat-{group}" for group in groups.split(", ")) if groups else ()
        return self._make_mass(
            name, commands.MakeMass(corp, "group", (content.Text(text),), sender, chat_ids=named)
        )  # fmt: skip

    def _make_mass(self, name: str, command: commands.MakeMass) -> Outcome:
        """Tell who is to send to whom, and whom nobody can send to."""
        before = len(self.records)
        outcome = self.serve(command)
        if outcome != "accepted":
            return outcome
        (made,) = [event for event in self.records[before:] if isinstance(event, MassMade)]
        self.masses[name] = made.id
        told = [f"{userid} to {', '.join(map(self._name, to))}" for userid, to in made.parts.items()]
        known = {external: handle for handle, external in self._externals(command.corpid).items()}
        failed = [known.get(one, "a stranger") for one in made.failed]
        return "; ".join(told) + (f"; not to {', '.join(failed)}" if failed else "")

    def _externals(self, corp: str) -> dict[str, str]:
        return {handle: external for external, handle in self.state.corps[corp].consumers.items()}

    def _name(self, conversation: str) -> str:
        """Name a recipient as the tables do."""
        chat = self.state.conversations[conversation]
        return chat.relation.consumer if chat.relation is not None else self.state.group(conversation).name

    @line(r"WORD confirms WORD")
    def confirm(self, who: str, name: str) -> Outcome:
        return self.client(who, lambda number: frames.Confirm(number, self.masses.get(name, "msg-of-nobody")))

    @line(r"WORD sends TEXT to (everyone|LIST)".replace("LIST", r"[\w-]+(?:, [\w-]+)*"))
    def send_mass(self, who: str, text: str, to: str) -> Outcome:
        names = () if to == "everyone" else tuple(self.conversation(who, one) for one in to.split(", "))
        return self.client(who, lambda number: frames.SendMass(number, (content.Text(text),), names))

    @line(r"WORD (reminds of|cancels) WORD")
    def change_mass(self, corp: str, verb: str, name: str) -> Outcome:
        kind = commands.RemindMass if verb == "reminds of" else commands.CancelMass
        return self.serve(kind(corp, self.masses[name]))

    def _mass_told(self, job: Job, done: int, happened: list[AnyEvent]) -> list[str]:
        """Tell what became of each recipient, or which members were told."""
        sliced = next((event for event in happened if isinstance(event, MassSliced)), None)
        if sliced is None:
            return [f"{key.partition('/')[2]} hears {job.affair}" for key in job.recipients[done : job.done]]
        words = {1: "received", 2: "no friend", 3: "had others"}
        return [
            f"{self._name(chat)} {words[result]}"
            for chat, result in zip(job.recipients[done:], sliced.results, strict=False)
        ]

    # What one can see.

    @line(r"badge that WORD sees of WORD")
    def badge(self, who: str, other: str) -> Outcome:
        conversation = self.conversation(who, other)
        said = [event for event in self.records if isinstance(event, Posted) and event.conversation == conversation]
        badge = decode_message(said[-1].frame).badge
        return f"{badge.name} / {badge.company} / {badge.certification}" if badge else "none"

    @line(r"WORD is with")
    def is_with(self, who: str) -> Outcome:
        """Tell which members a consumer knows."""
        chats = self.state.consumer(who).contacts
        return ", ".join(key.rpartition("/")[2] for key, chat in chats.items() if self.state.relation(chat).live)

    @line(r"WORD sits in")
    def sits_in(self, who: str) -> Outcome:
        at = (self.state.conversations[name].group for name in self.state.people[self.key(who)].conversations)
        return ", ".join(group.name for group in at if group is not None and self.key(who) in group.seats)

    @line(r"WORD is told")
    def is_told(self, corp: str) -> Outcome:
        """Tell what an enterprise's apps were called back about since this was last asked."""
        since, self.heard[corp] = self.heard.get(corp, 0), len(self.records)
        due = [event.change for event in self.records[since:] if isinstance(event, CallbackDue)]
        told = [type(change).__name__ + "!" * bool(getattr(change, "welcome_code", "")) for change in due]
        return ", ".join(told) or "nothing"

    @line(r"WORD and WORD are")
    def relation(self, one: str, other: str) -> Outcome:
        return self.state.relation(self.conversation(one, other)).status

    @line(r"state noted of WORD and WORD")
    def state_of(self, one: str, other: str) -> Outcome:
        return self.state.relation(self.conversation(one, other)).noted.state

    @line(r"WORD hears")
    def hears(self, who: str) -> Outcome:
        """Tell the notices in a person's own affairs since this was last asked."""
        key = self.key(who)
        person = self.state.people[key]
        owns = (
            {person.own} if isinstance(person, Member) else {at.own for at in self.state.consumer(key).known.values()}
        )
        since, self.heard[who] = self.heard.get(who, 0), len(self.records)
        told = [event for event in self.records[since:] if isinstance(event, Posted) and event.conversation in owns]
        notices = [decode_message(event.frame).content for event in told]
        return ", ".join(notice.affair for notice in notices if isinstance(notice, content.Notice)) or "nothing"

    @line(r"seats of WORD")
    def seats(self, name: str) -> Outcome:
        group = self.state.group(self.group_ids[name])
        marks = {**dict.fromkeys(group.admins, "+"), group.owner: "*"}
        return ", ".join(key.rpartition("/")[2] + marks.get(key, "") for key in group.seats)

    @line(r"size of WORD")
    def size(self, name: str) -> Outcome:
        return str(len(self.state.group(self.group_ids[name]).seats))

    @line(r"customers of WORD")
    def customers(self, corp: str) -> Outcome:
        return str(self.state.corps[corp].customers)

    @line(r"left for WORD → WORD")
    def left(self, sender: str, to: str) -> Outcome:
        return self._left(sender, to, "")

    @line(r"(corp|own) masses left for WORD → WORD")
    def masses_left(self, whose: str, sender: str, to: str) -> Outcome:
        return self._left(sender, to, f"{whose}_mass")

    def _left(self, sender: str, to: str, mass: Any) -> Outcome:
        """Tell what each frequency rule leaves, as `limits explain` does."""
        conversation = self.state.conversations[self.conversation(sender, to)]
        person = self.state.people[self.key(sender)]
        said = content.Text("x")
        corp = self.state.corps[conversation.corpid]
        attempt = Attempt(self.now_ms, corp, conversation, person.side, person.key, said, 1, person, mass=mass)
        lines = [one for one in policy.explain(self.state, attempt) if one.resets_at_ms is not None]
        return ", ".join(
            f"{one.rule.removeprefix('frequency/')} {one.left}/{one.limit} until {self._time(one.resets_at_ms or 0)}"
            for one in lines
        )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
