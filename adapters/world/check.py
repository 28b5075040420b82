"""Does a world file hang together? Every name that it uses is in it, or in the world that it is added to."""

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from typing import Any, Final

from msgspec import Struct, field

from adapters.world.file import (
    AppRow,
    BrokenWorld,
    CodeRow,
    ContactWayRow,
    CorpRow,
    DepartmentRow,
    GroupRow,
    TagGroupRow,
    TagRow,
    World,
)
from gateway import profile
from gateway.decide.directory import CORPS_MAX
from gateway.decide.members import PEOPLE_MAX
from gateway.decide.ways import CODES_MAX
from gateway.state import State
from gateway.state.book import unique_of
from gateway.state.corps import ROOT

_SUGGEST_AMONG_MAX: Final = 10_000  # looking for a near name among more takes too long


class CorpNames(Struct):
    """The ids that an enterprise has given; `customers` both ways, consumer to id and id to consumer."""

    departments: dict[int, int] = field(default_factory=dict)  # id → parent
    apps: dict[str, bool] = field(default_factory=dict)  # agent_id → whether it is a bot
    members: set[str] = field(default_factory=set)
    ids: dict[str, str] = field(default_factory=dict)
    consumers: dict[str, str] = field(default_factory=dict)
    chats: set[str] = field(default_factory=set)
    taken: dict[str, str] = field(default_factory=dict)  # a mobile or a mail → whose it is
    tags: dict[str, int] = field(default_factory=dict)  # of the address book: name → id
    corp_tags: dict[str, tuple[str, str]] = field(default_factory=dict)  # id → its group, if any, and its name
    corp_tag_names: dict[tuple[str, str], str] = field(default_factory=dict)  # the reverse


class Names(Struct):
    """Every name there is: a world's, and then those of the file that is added to it."""

    corps: dict[str, CorpNames] = field(default_factory=dict)
    consumers: set[str] = field(default_factory=set)
    codes: dict[str, str] = field(default_factory=dict)  # code → corpid
    bots: dict[str, str] = field(default_factory=dict)  # a bot's id → corpid
    people: int = 0


def names_of(state: State) -> Names:
    """Copy the names of a world."""
    codes = {code: put.corpid for code, put in state.codes.items()}
    names = Names({}, set(), codes, dict(state.bots), len(state.people))
    for corpid, corp in state.corps.items():
        departments = {id_: department.parent for id_, department in corp.departments.items()}
        ids = {handle: external for external, handle in corp.consumers.items()}
        taken = {entry: state.member(key).userid for entry, key in corp.book.taken.items()}
        tags = {tag.name: tag.id for tag in corp.book.tags.values()}
        apps = {app.agent_id: app.bot is not None for app in corp.apps.values()}
        names.corps[corpid] = CorpNames(
            departments, apps, set(corp.members), ids, dict(corp.consumers), set(corp.chats), taken, tags
        )
        for group in corp.tags.groups.values():
            for within, tag in (("", group.said), *((group.said.id, tag) for tag in group.tags.values())):
                names.corps[corpid].corp_tags[tag.id] = within, tag.name
                names.corps[corpid].corp_tag_names[within, tag.name] = tag.id
    names.consumers = {key for key in state.people if "/" not in key}
    return names


def check(world: World, names: Names) -> None:
    """Raise `BrokenWorld` at the first thing that would be refused; `names` are those already there, and grow."""
    if world.profile is not None:
        try:
            profile.table(world.profile)
        except profile.UnknownProfile as why:
            raise BrokenWorld(f"{why} (at profile)") from why
    _distinct((row.id for row in world.consumer), "consumer", "id")
    _distinct((row.corpid for row in world.corp), "corp", "corpid")
    before = len(names.consumers)
    names.consumers.update(row.id for row in world.consumer)
    names.people += len(names.consumers) - before
    for row in world.corp:
        names.corps.setdefault(row.corpid, CorpNames())
    for place, consumer in _placed(world.consumer, "consumer"):
        for corpid in consumer.muted:
            _known(corpid, names.corps, "enterprise", f"{place}.muted")
    for place, corp in _placed(world.corp, "corp"):
        _corp(corp, names.corps[corp.corpid], names, f"{place}.")
    for what, count, most in (
        ("enterprises", len(names.corps), CORPS_MAX),
        ("people", names.people, PEOPLE_MAX),
        ("codes", len(names.codes), CODES_MAX),
    ):
        if count > most:
            raise BrokenWorld(f"{count} {what}: at most {most} have room")


def _corp(corp: CorpRow, at: CorpNames, names: Names, place: str) -> None:
    if corp.certified_until is not None and corp.certified_until.timestamp() < 0.001:
        raise BrokenWorld(f"a moment after 1970 is wanted (at {place}certified_until)")
    _distinct((row.agent_id for row in corp.app), f"{place}app", "agent_id")
    _departments(corp.department, at, place)
    _distinct((row.userid for row in corp.member), f"{place}member", "userid")
    before = len(at.members)
    at.members.update(row.userid for row in corp.member)
    names.people += len(at.members) - before
    for where, member in _placed(corp.member, f"{place}member"):
        for department in member.departments:
            _known(department, at.departments, "department", f"{where}.departments")
    for where, app in _placed(corp.app, f"{place}app"):
        _app(app, corp.corpid, at, names, where)
        for userid in app.range_members:
            _known(userid, at.members, "member", f"{where}.range_members")
    _book(corp, at, place)
    _book_tags(corp, at, place)
    _tags(corp.tag_group, at, f"{place}tag_group")
    _customers(corp, at, names, place)
    _distinct((row.chat_id for row in corp.group if row.chat_id), f"{place}group", "chat_id")
    for where, group in _placed(corp.group, f"{place}group"):
        _group(group, at, names, where)
    _codes(corp, at, names, place)


def _app(app: AppRow, corpid: str, at: CorpNames, names: Names, where: str) -> None:
    if at.apps.setdefault(app.agent_id, app.bot) is not app.bot:
        raise BrokenWorld(f"{app.agent_id!r} stays what it is, a bot or none (at {where}.bot)")
    if app.bot and (app.callback_url or app.agent_id.isdecimal()):
        raise BrokenWorld(f"a bot has no callback_url, and its agent_id is no number (at {where})")
    if app.bot and names.bots.setdefault(app.agent_id, corpid) != corpid:
        raise BrokenWorld(f"bot {app.agent_id!r} belongs to {names.bots[app.agent_id]} (at {where}.agent_id)")


def _book(corp: CorpRow, at: CorpNames, place: str) -> None:
    """Check what the address book notes of members, row by row as they will be set."""
    held: dict[str, list[str]] = {}
    for entry, userid in at.taken.items():
        held.setdefault(userid, []).append(entry)
    for where, row in _placed(corp.member, f"{place}member"):
        for entry in held.get(row.userid, ()):
            del at.taken[entry]
        for id_ in row.details.leads if row.details is not None else ():
            _known(id_, row.departments or [ROOT], "department of the member's", f"{where}.details.leads")
        for name, entry in ({} if row.departed else unique_of(row.details)).items():
            if at.taken.setdefault(entry, row.userid) != row.userid:
                raise BrokenWorld(f"{entry} is of member {at.taken[entry]!r} (at {where}.details.{name})")


def _book_tags(corp: CorpRow, at: CorpNames, place: str) -> None:
    _distinct((row.id for row in corp.book_tag), f"{place}book_tag", "id")
    for where, tag in _placed(corp.book_tag, f"{place}book_tag"):
        at.tags = {name: id_ for name, id_ in at.tags.items() if id_ != tag.id}
        if at.tags.setdefault(tag.name, tag.id) != tag.id:
            raise BrokenWorld(f"{tag.name!r} is tag {at.tags[tag.name]} (at {where}.name)")
        for userid in tag.members:
            _known(userid, at.members, "member", f"{where}.members")
        for id_ in tag.departments:
            _known(id_, at.departments, "department", f"{where}.departments")


def _departments(rows: list[DepartmentRow], at: CorpNames, place: str) -> None:
    """Check that parents exist, and that nobody is above themselves."""
    _distinct((row.id for row in rows), f"{place}department", "id")
    at.departments.update({row.id: row.parent for row in rows})
    for where, row in _placed(rows, f"{place}department"):
        above, seen = row.parent, {row.id}
        while above:
            _known(above, at.departments, "department", f"{where}.parent")
            if above in seen:
                raise BrokenWorld(f"department {row.id} is above itself (at {where}.parent)")
            seen.add(above)
            above = at.departments[above]


def _tags(rows: list[TagGroupRow], at: CorpNames, place: str) -> None:
    _distinct((row.name for row in rows), place, "name")
    ids = [row.id for row in rows] + [tag.id for row in rows for tag in row.tag]
    _distinct(filter(None, ids), place, "id")
    for where, row in _placed(rows, place):
        group = _named(row, "", at, where)
        _distinct((tag.name for tag in row.tag), f"{where}.tag", "name")
        for there, tag in _placed(row.tag, f"{where}.tag"):
            _named(tag, group, at, there)


def _named(row: TagGroupRow | TagRow, group: str, at: CorpNames, where: str) -> str:
    """Check that nothing beside it has the name, and nothing elsewhere the id; give the id, or what stands for it."""
    key = group, row.name
    id_ = row.id or at.corp_tag_names.get(key) or f"\0{len(at.corp_tags)}"
    if at.corp_tag_names.setdefault(key, id_) != id_:
        raise BrokenWorld(f"{row.name!r} is {at.corp_tag_names[key]} here (at {where}.id)")
    was = at.corp_tags.setdefault(id_, key)
    if was[0] != group:
        raise BrokenWorld(f"{id_} stands elsewhere: {was[1]!r} (at {where}.id)")
    if was != key:
        del at.corp_tag_names[was]
        at.corp_tags[id_] = key
    return id_


def _customers(corp: CorpRow, at: CorpNames, names: Names, place: str) -> None:
    _distinct(((row.member, row.consumer) for row in corp.relation), f"{place}relation", "pair")
    for where, relation in _placed(corp.relation, f"{place}relation"):
        _known(relation.member, at.members, "member", f"{where}.member")
        for tag in relation.tag_ids:
            _known(tag, at.corp_tags, "tag", f"{where}.tag_ids")
            if not at.corp_tags[tag][0]:
                raise BrokenWorld(f"{tag} is a group of tags (at {where}.tag_ids)")
    for kind, rows in (("known", corp.known), ("relation", corp.relation)):
        for where, row in _placed(rows, f"{place}{kind}"):
            _known(row.consumer, names.consumers, "consumer", f"{where}.consumer")
            if row.external_userid:
                _external(row.consumer, row.external_userid, at, where)


def _external(consumer: str, external: str, at: CorpNames, where: str) -> None:
    if at.consumers.setdefault(external, consumer) != consumer:
        raise BrokenWorld(f"{external} is consumer {at.consumers[external]!r} (at {where}.external_userid)")
    if at.ids.setdefault(consumer, external) != external:
        raise BrokenWorld(f"consumer {consumer!r} is {at.ids[consumer]} here (at {where}.external_userid)")


def _group(group: GroupRow, at: CorpNames, names: Names, where: str) -> None:
    _known(group.owner, at.members, "member", f"{where}.owner")
    for name in group.admins:
        _known(name, at.members, "member", f"{where}.admins")
    for name in group.members:
        _known(name, at.members, "member", f"{where}.members")
    for name in group.consumers:
        _known(name, names.consumers, "consumer", f"{where}.consumers")
    for name in group.bots:
        _known(name, [bot for bot, is_bot in at.apps.items() if is_bot], "bot", f"{where}.bots")
    if group.chat_id:
        at.chats.add(group.chat_id)


def _codes(corp: CorpRow, at: CorpNames, names: Names, place: str) -> None:
    codes = [row.code for rows in (corp.code, corp.contact_way, corp.join_way) for row in rows]
    _distinct(filter(None, codes), f"{place}code", "code")
    for where, code in _placed(corp.code, f"{place}code"):
        _code(code, at, where)
        _take(code.code, corp.corpid, names, where)
    for where, way in _placed(corp.contact_way, f"{place}contact_way"):
        _contact_way(way, at, where)
        _take(way.code, corp.corpid, names, where)
    for where, join_way in _placed(corp.join_way, f"{place}join_way"):
        for name in join_way.groups:
            _known(name, at.chats, "group", f"{where}.groups")
        _take(join_way.code, corp.corpid, names, where)


def _code(code: CodeRow, at: CorpNames, where: str) -> None:
    if (code.member is None) == (code.group is None):
        raise BrokenWorld(f"a code is of a member or of a group (at {where})")
    if code.member is not None:
        _known(code.member, at.members, "member", f"{where}.member")
    if code.group is not None:
        _known(code.group, at.chats, "group", f"{where}.group")


def _contact_way(way: ContactWayRow, at: CorpNames, where: str) -> None:
    for name in way.members:
        _known(name, at.members, "member", f"{where}.members")
    for department in way.departments:
        _known(department, at.departments, "department", f"{where}.departments")


def _take(code: str, corpid: str, names: Names, where: str) -> None:
    key = code or f"\0{len(names.codes)}"  # one that is derived later
    if names.codes.setdefault(key, corpid) != corpid:
        raise BrokenWorld(f"code {code} belongs to {names.codes[key]} (at {where}.code)")


def _placed(rows: list[Any], place: str) -> Iterator[tuple[str, Any]]:
    for index, row in enumerate(rows):
        yield f"{place}[{index}]", row


def _distinct(keys: Iterable[object], place: str, what: str) -> None:
    seen: set[object] = set()
    for key in keys:
        if key in seen:
            shown = " and ".join(map(repr, key)) if isinstance(key, tuple) else repr(key)
            raise BrokenWorld(f"{what} {shown} stands twice (at {place})")
        seen.add(key)


def _known(name: Any, known: Collection[Any], what: str, place: str) -> None:
    if name in known:
        return
    near = get_close_matches(str(name), map(str, known), 1) if len(known) <= _SUGGEST_AMONG_MAX else []
    hint = f", did you mean {near[0]!r}?" if near else ""
    raise BrokenWorld(f"there is no {what} {name!r}{hint} (at {place})")
