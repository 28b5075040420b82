"""A world file as commands, in an order in which each finds what it names."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from adapters.world.file import (
    CodeRow,
    ContactWayRow,
    CorpRow,
    DepartmentRow,
    JoinWayRow,
    RelationRow,
    TagGroupRow,
    TagRow,
    World,
)
from gateway import commands
from gateway.commands import Command
from gateway.commands.book import PutBookTag
from gateway.rights import Rights


def asks(world: World) -> Iterator[Command]:
    """List the commands. Rows that bring their ids come first, so that a derived id can pass over them."""
    for corp in world.corp:
        yield from _enterprise(corp)
    for consumer in world.consumer:
        yield commands.PutConsumer(consumer.id, consumer.nickname, consumer.unionid)
    for corp in world.corp:
        yield from _members(corp)
    for corp in world.corp:
        yield from _tags(corp)
        yield from _relations(corp)
    for corp in world.corp:
        yield from _apps(corp, bots=True)
        yield from _groups(corp)
    for corp in world.corp:
        yield from _apps(corp, bots=False)
    for consumer in world.consumer:
        # An enterprise can be muted once it knows the consumer.
        for corpid in consumer.muted:
            yield commands.PutKnown(corpid, consumer.id)
        if consumer.muted:
            yield commands.PutConsumer(consumer.id, consumer.nickname, consumer.unionid, tuple(consumer.muted))


def _enterprise(corp: CorpRow) -> Iterator[Command]:
    until_ms = _ms(corp.certified_until)
    yield commands.PutCorp(corp.corpid, corp.name, corp.short_name or corp.name, corp.certification, until_ms)
    for department in _parents_first(corp.department):
        yield commands.PutDepartment(
            corp.corpid, department.id, department.name, department.parent, department.store, department.name_en,
            department.order,
        )  # fmt: skip


def _apps(corp: CorpRow, *, bots: bool) -> Iterator[Command]:
    """Make the apps last: what a world file brings is no news to those that it brings with it.

    Bots are told no news, and groups name them.
    """
    for app in (app for app in corp.app if app.bot is bots):
        rights = Rights(
            tuple(app.trusted_ips), tuple(app.range_members), tuple(app.range_departments), tuple(app.abilities)
        )
        yield commands.PutApp(
            corp.corpid, app.agent_id, app.name, app.secret, app.callback_url, app.callback_token,
            app.callback_aes_key, rights, app.bot,
        )  # fmt: skip


def _ms(moment: datetime | None) -> int:
    """Count whole milliseconds since 1970; 0 where no moment is given."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) if moment is not None else 0


def _parents_first(rows: list[DepartmentRow]) -> Iterator[DepartmentRow]:
    waiting = {row.id: row for row in rows}
    for row in rows:
        line = [row] if row.id in waiting else []
        while line and line[-1].parent in waiting:
            line.append(waiting[line[-1].parent])
        for one in reversed(line):
            del waiting[one.id]
            yield one


def _members(corp: CorpRow) -> Iterator[Command]:
    for row in corp.member:
        yield commands.PutMember(
            corp.corpid, row.userid, row.name, tuple(row.departments), row.activated, row.real_name_verified,
            row.departed, row.details,
        )  # fmt: skip
    for tag in corp.book_tag:
        yield PutBookTag(corp.corpid, tag.id, tag.name, tag.agent_id, tuple(tag.members), tuple(tag.departments))


def _relations(corp: CorpRow) -> Iterator[Command]:
    for brings_id in (True, False):
        for known in corp.known:
            if bool(known.external_userid) is brings_id:
                yield commands.PutKnown(corp.corpid, known.consumer, known.external_userid)
        for row in corp.relation:
            if bool(row.external_userid) is brings_id:
                yield _relation(corp.corpid, row)


def _relation(corpid: str, row: RelationRow) -> Command:
    return commands.PutRelation(
        corpid, row.member, row.consumer, row.external_userid, row.status, row.added_by, row.state, row.remark,
        tuple(row.tags), row.blocked_by_member, row.blocked_by_consumer, row.description, row.company, row.mobiles,
        tuple(row.tag_ids), _ms(row.made_at), row.confirmed,
    )  # fmt: skip


def _tags(corp: CorpRow) -> Iterator[Command]:
    for row in sorted(corp.tag_group, key=lambda row: not (row.id and all(tag.id for tag in row.tag))):
        yield commands.PutTags(corp.corpid, _tag(row), tuple(map(_tag, row.tag)))


def _tag(row: TagGroupRow | TagRow) -> commands.NewTag:
    return commands.NewTag(row.name, row.order, row.id, row.maker, _ms(row.made_at))


def _groups(corp: CorpRow) -> Iterator[Command]:
    for row in sorted(corp.group, key=lambda row: not row.chat_id):
        yield commands.PutGroup(
            corp.corpid, row.name, row.owner, row.chat_id, tuple(row.admins), tuple(row.members),
            tuple(row.consumers), row.notice, tuple(row.bots),
        )  # fmt: skip
    for code in sorted(corp.code, key=lambda row: not row.code):
        yield _code(corp.corpid, code)
    for way in sorted(corp.contact_way, key=lambda row: not row.code):
        yield _contact_way(corp.corpid, way)
    for join_way in sorted(corp.join_way, key=lambda row: not row.code):
        yield _join_way(corp.corpid, join_way)


def _code(corpid: str, row: CodeRow) -> Command:
    return commands.PutCode(corpid, row.member or "", row.group or "", row.state, row.skip_verify, row.code)


def _contact_way(corpid: str, row: ContactWayRow) -> Command:
    return commands.PutContactWay(
        corpid, row.type, row.scene, tuple(row.members), tuple(row.departments), row.style, row.remark,
        row.skip_verify, row.state, row.exclusive, row.mark_source, code=row.code, brought=True,
    )  # fmt: skip


def _join_way(corpid: str, row: JoinWayRow) -> Command:
    return commands.PutJoinWay(
        corpid, row.scene, tuple(row.groups), row.remark, row.state, row.auto_create, row.base_name, row.base_id,
        row.mark_source, row.code, row.rooms,
    )  # fmt: skip
