"""The state as a world file: every id is written, and nothing is written that the file would not bring back."""

from datetime import UTC, datetime, timedelta

from adapters.world.file import (
    AppRow,
    BookTagRow,
    CodeRow,
    ConsumerRow,
    ContactWayRow,
    CorpRow,
    DepartmentRow,
    GroupRow,
    JoinWayRow,
    KnownRow,
    MemberRow,
    RelationRow,
    TagGroupRow,
    TagRow,
    World,
)
from gateway.decide.contacts import confirmed_by
from gateway.events import CodePut, ContactWay, JoinWay
from gateway.state import State
from gateway.state.book import BookTag
from gateway.state.conversations import Conversation, Group
from gateway.state.corps import Corp
from gateway.state.people import Consumer
from gateway.state.tags import TagGroup


def export(state: State) -> World:
    """Copy a world. Things stand in the order in which they were made, as reading the file will make them again."""
    related: dict[str, list[Conversation]] = {corpid: [] for corpid in state.corps}
    for conversation in state.conversations.values():
        if conversation.relation is not None:
            related[conversation.corpid].append(conversation)
    consumers = [_consumer(person) for person in state.people.values() if isinstance(person, Consumer)]
    corps = [_corp(state, corp, related[corpid]) for corpid, corp in state.corps.items()]
    return World(1, state.profile.name, state.seed, consumers, corps, list(state.strict))


def _consumer(consumer: Consumer) -> ConsumerRow:
    muted = sorted(corpid for corpid, known in consumer.known.items() if known.muted)
    return ConsumerRow(consumer.key, consumer.nickname, consumer.unionid, muted)


def _corp(state: State, corp: Corp, related: list[Conversation]) -> CorpRow:
    relations = [_relation(state, conversation) for conversation in related]
    met = {row.consumer for row in relations}
    codes = [put for put in state.codes.values() if put.corpid == corp.corpid]
    return CorpRow(
        corp.corpid,
        corp.name,
        corp.short_name if corp.short_name != corp.name else "",
        corp.certification,
        _moment(corp.certified_until_ms),
        [
            AppRow(
                app.agent_id,
                app.name,
                app.secret,
                app.callback_url,
                app.callback_token,
                app.callback_aes_key,
                list(app.rights.trusted_ips),
                list(app.rights.members),
                list(app.rights.departments),
                list(app.rights.abilities),
                app.bot is not None,
            )
            for app in sorted(corp.apps.values(), key=lambda app: app.bot is None)  # as the file is read
        ],
        # By id, since a parent may have been made after its child.
        [
            DepartmentRow(one.id, one.name, one.parent, one.store, one.name_en, one.order)
            for _, one in sorted(corp.departments.items())
        ],
        [_member(state, key) for key in corp.members.values()],
        [KnownRow(handle, external) for external, handle in corp.consumers.items() if handle not in met],
        relations,
        [_group(state, group) for group in map(state.group, corp.chats.values()) if not group.dismissed],
        _codes(state, codes),
        _contact_ways(codes),
        _join_ways(state, codes),
        [_book_tag(state, tag) for tag in corp.book.tags.values()],
        [_tag_group(group) for group in corp.tags.groups.values()],
    )


def _moment(ms: int) -> datetime | None:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms) if ms else None


def _member(state: State, key: str) -> MemberRow:
    member = state.member(key)
    return MemberRow(
        member.userid, member.name, list(member.departments), member.activated, member.real_name_verified,
        member.departed, member.details,
    )  # fmt: skip


def _book_tag(state: State, tag: BookTag) -> BookTagRow:
    members = [state.member(key).userid for key in tag.members]
    return BookTagRow(tag.id, tag.name, tag.agent_id, members, list(tag.departments))


def _relation(state: State, conversation: Conversation) -> RelationRow:
    relation = conversation.relation
    assert relation is not None
    noted = relation.noted
    return RelationRow(
        state.member(relation.member).userid, relation.consumer,
        state.name_of(conversation.corpid, relation.consumer), relation.status, relation.added_by, noted.state,
        noted.remark, list(noted.tags), relation.blocked_by_member, relation.blocked_by_consumer,
        noted.description, noted.company, noted.mobiles,
        list(state.corps[conversation.corpid].tags.alive(noted.tag_ids)), _moment(relation.made_ms),
        relation.confirmed if relation.confirmed != confirmed_by(relation.status) else None,
    )  # fmt: skip


def _tag_group(group: TagGroup) -> TagGroupRow:
    said = group.said
    tags = [TagRow(tag.name, tag.id, tag.order, tag.maker, _moment(tag.made_ms)) for tag in group.tags.values()]
    return TagGroupRow(said.name, tags, said.id, said.order, said.maker, _moment(said.made_ms))


def _group(state: State, group: Group) -> GroupRow:
    """Write the seats in the order in which a group is seated: owner, admins, members, consumers."""
    first = {group.owner, *group.admins}
    others = [key for key in group.seats if key not in first]
    members = [state.member(key).userid for key in others if "/" in key]
    return GroupRow(
        group.name, state.member(group.owner).userid, group.chat_id,
        [state.member(key).userid for key in group.admins], members, [key for key in others if "/" not in key],
        group.notice, list(group.bots),
    )  # fmt: skip


def _codes(state: State, codes: list[CodePut]) -> list[CodeRow]:
    return [
        CodeRow(
            put.code, put.userid or None, state.group(put.conversation).chat_id if put.conversation else None,
            put.state, put.skip_verify,
        )
        for put in codes
        if put.way is None and not (put.conversation and state.group(put.conversation).dismissed)
    ]  # fmt: skip


def _contact_ways(codes: list[CodePut]) -> list[ContactWayRow]:
    """Write the contact ways, but those of temporary sessions: they are no more than these."""
    return [
        ContactWayRow(
            put.way.type, put.way.scene, put.code, list(put.way.users), list(put.way.parties), put.way.style,
            put.way.remark, put.state, put.skip_verify, put.way.is_exclusive, put.way.mark_source,
        )
        for put in codes
        if isinstance(put.way, ContactWay) and not put.way.expires_s
    ]  # fmt: skip


def _join_ways(state: State, codes: list[CodePut]) -> list[JoinWayRow]:
    """Write the join ways that still have a group."""
    rows = []
    for put in codes:
        if not isinstance(put.way, JoinWay):
            continue
        way, groups = put.way, [state.group(chat) for chat in put.way.chats]
        living = [group.chat_id for group in groups if not group.dismissed]
        if living:
            row = JoinWayRow(
                way.scene, living, put.code, way.remark, put.state, way.auto_create, way.base_name, way.base_id,
                way.mark_source, way.rooms,
            )  # fmt: skip
            rows.append(row)
    return rows
