"""How each event changes what is remembered: one function an event, found by the event's type.

Rules of the file:
- Applying never refuses, never reads a clock, never rolls dice: the same events give the same state.
- What a function finds missing is a defect, and raising is right: the process stops, and a restart replays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import events
from gateway.state.apply import (  # noqa: F401 - for their appliers
    app_groups,
    app_messages,
    book,
    bots,
    callbacks,
    mass,
    media,
    snapshots,
    strictness,
    tags,
    ways,
)
from gateway.state.apply.registry import APPLIERS as APPLIERS
from gateway.state.apply.registry import applies
from gateway.state.bots import Bot
from gateway.state.conversations import (
    NOTHING_NOTED,
    AppChat,
    Arrival,
    Awaited,
    Conversation,
    Group,
    Kind,
    Relation,
    RelationDetails,
)
from gateway.state.corps import App, Corp, Department
from gateway.state.jobs import Job, Outcome, remember
from gateway.state.people import Answer, AnyPerson, Consumer, Device, Known, Member, member_key, stay_since
from gateway.windows import MINUTE_MS

if TYPE_CHECKING:
    from gateway.state import State

AWAITED_MAX = 2_000  # outcomes in one conversation that wait for their first acknowledgement


@applies(events.Posted)
def posted(state: State, event: events.Posted) -> None:
    sender, sequence, time_ms = event.sender, event.sequence, event.time_ms
    voice = state.voices.get((sender, event.conversation))
    conversation = state.conversations[event.conversation] if voice is None else voice.conversation
    assert sequence == conversation.head + 1, "sequences of a conversation are dense"
    conversation.advance(state.position)
    clock = state.clock
    if time_ms > clock.latest_ms:  # noqa: PLR1730 - this runs for every message, and nearly never
        clock.latest_ms = time_ms
    if not sender:
        return
    if voice is None:
        _note_reply(conversation, sender)
        state.charge(conversation, sender, time_ms)
        devices = state.people[sender].devices if event.device else {}
    else:
        minute = time_ms // MINUTE_MS
        if voice.minute != minute:  # a voice's first message, too: whoever has spoken often has replied
            _note_reply(conversation, sender)
            voice.minute, voice.cells = minute, voice.meter.cells(voice.subjects, state.indexes(time_ms))
        for cell, _ in voice.cells:
            cell[0] += 1
        devices = voice.devices
    if event.device:
        device = devices.get(event.device) or devices.setdefault(event.device, Device())
        device.keep(Answer(event.number, event.digest, event.conversation, sequence, time_ms))
    group = conversation.group
    if (conversation.app is not None or (group is not None and group.bots)) and "/#" not in sender:
        callbacks.overheard(state, conversation, event)  # what people say: no app hears itself, or another
    if event.origin is not None:
        _await(conversation, event)
        _remember(state, conversation.corpid, event.origin, event.time_ms)


def _note_reply(conversation: Conversation, sender: str) -> None:
    relation = conversation.relation
    if relation is not None and sender == relation.consumer:
        relation.replied = True


def _await(conversation: Conversation, event: events.Posted) -> None:
    origin = event.origin
    assert origin is not None
    conversation.awaited = (
        *conversation.awaited[-AWAITED_MAX:],
        *(
            Awaited(event.sequence, person, origin.source, origin.id)
            for person in conversation.people
            if person != event.sender
        ),
    )


def _remember(state: State, corpid: str, origin: events.Origin, time_ms: int) -> None:
    remember(state.corps[corpid].outcomes, origin, Outcome(time_ms, state.epoch, state.position))


def _device(state: State, person: str, name: str) -> Device:
    devices = state.people[person].devices
    device = devices.get(name)
    if device is None:
        device = devices[name] = Device()
    return device


@applies(events.Answered)
def answered(state: State, event: events.Answered) -> None:
    answer = Answer(event.number, event.digest, event.conversation, event.sequence, event.time_ms)
    _device(state, event.person, event.device).keep(answer)


@applies(events.WorldReset)
def world_reset(state: State, event: events.WorldReset) -> None:
    state.clear()
    state.epoch, state.seed = event.epoch, event.seed


@applies(events.ProfileSet)
def profile_set(state: State, event: events.ProfileSet) -> None:
    state.profile = event.profile
    state.bind_meters()


@applies(events.ClockSet)
def clock_set(state: State, event: events.ClockSet) -> None:
    clock = state.clock
    clock.real_ms, clock.shown_ms, clock.rate = event.real_ms, event.shown_ms, event.rate
    clock.latest_ms = max(clock.latest_ms, event.shown_ms)


@applies(events.TokenRevoked)
def token_revoked(state: State, event: events.TokenRevoked) -> None:
    state.revoked = {token: until for token, until in state.revoked.items() if until > event.real_s}
    state.revoked[event.token_id] = event.expires_s
    state.clock.revoked_ms = max(state.clock.revoked_ms, event.real_s * 1000)


@applies(events.CorpPut)
def corp_put(state: State, event: events.CorpPut) -> None:
    corp = state.corps.get(event.corpid)
    if corp is None:
        corp = Corp(event.corpid, event.name, event.short_name, since_position=state.position)
        state.corps[event.corpid] = corp
    corp.name, corp.short_name = event.name, event.short_name
    corp.certification, corp.certified_until_ms = event.certification, event.certified_until_ms


@applies(events.AppPut)
def app_put(state: State, event: events.AppPut) -> None:
    apps = state.corps[event.corpid].apps
    known = apps.get(event.agent_id)
    app = apps[event.agent_id] = App(
        event.agent_id, event.name, event.secret, event.callback_url, event.callback_token, event.callback_aes_key,
        known.conversations if known else {}, known.due if known else [], event.rights,
        sheet=known.sheet if known else None, bot=(known.bot if known else None) or (Bot() if event.bot else None),
    )  # fmt: skip
    if event.bot:
        state.bots[event.agent_id] = event.corpid
    app.callback_verified = known is not None and known.callback_verified and known.callback == app.callback


@applies(events.DepartmentPut)
def department_put(state: State, event: events.DepartmentPut) -> None:
    departments = state.corps[event.corpid].departments
    known = departments.get(event.id)
    departments[event.id] = Department(
        event.id, event.name, event.parent, event.store, event.name_en, event.order, known.leaders if known else [],
    )  # fmt: skip


@applies(events.MemberPut)
def member_put(state: State, event: events.MemberPut) -> None:
    corp = state.corps[event.corpid]
    key = corp.members.get(event.userid) or member_key(event.corpid, event.userid)
    member = state.people.get(key)
    if not isinstance(member, Member):
        member = Member(key, corpid=corp.corpid, userid=event.userid, own=event.own)
        state.people[key] = member
        corp.members[event.userid] = key
        _open(state, event.own, "own", event.corpid, person=key)
        member.conversations[event.own] = ()
    member.name, member.departments = event.name, event.departments
    member.activated, member.real_name_verified = event.activated, event.real_name_verified
    book.member_put(corp, member, event)


def _open(
    state: State,
    conversation: str,
    kind: Kind,
    corpid: str,
    person: str = "",
    relation: Relation | None = None,
    group: Group | None = None,
    app: AppChat | None = None,
) -> None:
    assert conversation not in state.conversations, "ids of conversations are never given twice"
    corp = state.corps[corpid]
    state.conversations[conversation] = Conversation(
        conversation, kind, corp.corpid, person=person, relation=relation, group=group, app=app
    )
    corp.made += 1


@applies(events.ConsumerPut)
def consumer_put(state: State, event: events.ConsumerPut) -> None:
    consumer = state.people.get(event.handle)
    if not isinstance(consumer, Consumer):
        consumer = state.people[event.handle] = Consumer(event.handle)
    if consumer.unionid != event.unionid:
        if consumer.unionid:
            state.unionids[consumer.unionid].remove(event.handle)
        if event.unionid:
            state.unionids.setdefault(event.unionid, []).append(event.handle)
    consumer.nickname, consumer.unionid = event.nickname, event.unionid


@applies(events.ConsumerKnown)
def consumer_known(state: State, event: events.ConsumerKnown) -> None:
    consumer, corp = state.consumer(event.handle), state.corps[event.corpid]
    consumer.known[corp.corpid] = Known(event.external_userid, event.own)
    consumer.conversations[event.own] = ()
    corp.consumers[event.external_userid] = consumer.key
    _open(state, event.own, "own", event.corpid, person=consumer.key)


@applies(events.ConsumerMuted)
def consumer_muted(state: State, event: events.ConsumerMuted) -> None:
    state.consumer(event.handle).known[event.corpid].muted = event.on


def _tie(state: State, handle: str, corpid: str, by: int) -> None:
    """Count a live relation or seat of a consumer, who is a customer of the enterprise while there is any."""
    known = state.consumer(handle).known[corpid]
    was, known.ties = known.ties > 0, known.ties + by
    state.corps[corpid].customers += (known.ties > 0) - was


@applies(events.RelationPut)
def relation_put(state: State, event: events.RelationPut) -> None:
    member, consumer = state.member(event.member), state.consumer(event.consumer)
    if event.conversation not in state.conversations:
        relation = Relation(member.key, consumer.key, "pending")
        _open(state, event.conversation, "single", event.corpid, relation=relation)
        member.conversations[event.conversation] = consumer.conversations[event.conversation] = ()
        member.contacts[consumer.key] = consumer.contacts[member.key] = event.conversation
    relation = state.relation(event.conversation)
    was_live = relation.live
    relation.status, relation.added_by, relation.since_ms = event.status, event.added_by, event.time_ms
    relation.blocked_by_member, relation.blocked_by_consumer = event.blocked_by_member, event.blocked_by_consumer
    details = RelationDetails(
        event.state, event.remark, event.tags, event.description, event.company, event.mobiles, event.picture,
        event.tag_ids,
    )  # fmt: skip
    relation.details = details if details != NOTHING_NOTED else None
    # Records of before these two fields say it by status and time.
    relation.made_ms = event.made_ms or relation.made_ms or event.time_ms
    relation.confirmed = event.confirmed or event.status == "mutual"
    if relation.live != was_live:
        by = 1 if relation.live else -1
        if relation.live:
            relation.began = state.conversations[event.conversation].head
        member.live_contacts += by
        _tie(state, event.consumer, event.corpid, by)


@applies(events.AppOpened)
def app_opened(state: State, event: events.AppOpened) -> None:
    chat = AppChat(event.agent_id, event.person)
    _open(state, event.conversation, "app", event.corpid, app=chat)
    state.corps[event.corpid].apps[event.agent_id].conversations[event.person] = event.conversation
    state.people[event.person].conversations[event.conversation] = ()


@applies(events.GroupPut)
def group_put(state: State, event: events.GroupPut) -> None:
    if event.conversation not in state.conversations:
        group = Group(event.chat_id, event.name, event.owner, made_ms=event.time_ms)
        _open(state, event.conversation, "group", event.corpid, group=group)
        state.corps[event.corpid].chats[event.chat_id] = event.conversation
    group = state.group(event.conversation)
    group.name, group.owner, group.admins, group.notice = event.name, event.owner, event.admins, event.notice
    group.dismissed = False


@applies(events.Joined)
def joined(state: State, event: events.Joined) -> None:
    conversation, group, person = state.seat(event.conversation, event.person)
    assert event.person not in group.seats, "nobody has two seats"
    group.seats[person.key] = event.sequence
    if event.sequence not in group.arrivals:
        group.arrivals[event.sequence] = Arrival(event.time_ms, event.scene, event.by, event.state)
    group.version = event.sequence
    ends = person.conversations.get(conversation.id)
    person.conversations[conversation.id] = (*ends, event.sequence) if ends else stay_since(event.sequence)
    if isinstance(person, Consumer):
        _tie(state, event.person, conversation.corpid, 1)


@applies(events.Left)
def left(state: State, event: events.Left) -> None:
    conversation, group, person = state.seat(event.conversation, event.person)
    joining = group.seats.pop(event.person)
    if joining not in group.seats.values():
        del group.arrivals[joining]
    group.admins = tuple(admin for admin in group.admins if admin != event.person)
    group.version = event.sequence
    _close(state, conversation, person, event.sequence)


def _close(state: State, conversation: Conversation, person: AnyPerson, sequence: int) -> None:
    """Let a membership end with this sequence."""
    person.conversations[conversation.id] = (*person.conversations[conversation.id], sequence)
    if isinstance(person, Consumer):
        _tie(state, person.key, conversation.corpid, -1)


@applies(events.Dismissed)
def dismissed(state: State, event: events.Dismissed) -> None:
    group = state.group(event.conversation)
    for key in group.seats:
        _close(state, state.conversations[event.conversation], state.people[key], event.sequence)
    group.seats, group.arrivals, group.admins, group.bots = {}, {}, (), {}
    group.version, group.dismissed = event.sequence, True


@applies(events.JobStarted)
def job_started(state: State, event: events.JobStarted) -> None:
    state.jobs_made += 1
    state.jobs[event.job] = Job(
        event.job, event.corpid, event.by_app, event.sender, event.recipients, event.content, event.origin
    )
    _remember(state, event.corpid, event.origin, event.time_ms)


@applies(events.JobSliced)
def job_sliced(state: State, event: events.JobSliced) -> None:
    job = state.jobs[event.job]
    job.done = event.done
    if job.done >= len(job.recipients):
        del state.jobs[event.job]


@applies(events.CommandRefused)
def command_refused(state: State, event: events.CommandRefused) -> None:
    _remember(state, event.corpid, event.origin, event.time_ms)


@applies(events.Delivered)
def delivered(state: State, event: events.Delivered) -> None:
    conversation = state.conversations[event.conversation]
    conversation.awaited = tuple(
        awaited
        for awaited in conversation.awaited
        if awaited.person != event.person or awaited.sequence != event.sequence
    )


@applies(events.CorpReset)
def corp_reset(state: State, event: events.CorpReset) -> None:
    corp = state.corps.pop(event.corpid)
    gone = {name for name, conversation in state.conversations.items() if conversation.corpid == event.corpid}
    members = set(corp.members.values())
    for key in members:
        del state.people[key]
    for handle in corp.consumers.values():
        consumer = state.consumer(handle)
        del consumer.known[event.corpid]
        consumer.forgotten[event.corpid] = state.position
        consumer.conversations = {name: ends for name, ends in consumer.conversations.items() if name not in gone}
        consumer.contacts = {key: name for key, name in consumer.contacts.items() if key not in members}
    for name in gone:
        del state.conversations[name]
    state.quotas.forget(event.corpid, gone)
    state.codes = {code: put for code, put in state.codes.items() if put.corpid != event.corpid}
    state.bots = {bot: corpid for bot, corpid in state.bots.items() if corpid != event.corpid}
    state.jobs = {job.id: job for job in state.jobs.values() if job.corpid != event.corpid}
