"""World files: what is refused and where, and that one way is the reverse of the other."""

import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import world as worlds
from adapters.genesis import Genesis, begin
from adapters.world import BrokenWorld, Names, World, demo, read, write
from adapters.world.check import names_of
from adapters.world.file import (
    AppRow,
    BookTagRow,
    CodeRow,
    ConsumerRow,
    CorpRow,
    DepartmentRow,
    GroupRow,
    KnownRow,
    MemberRow,
    RelationRow,
    TagGroupRow,
    TagRow,
)
from gateway.profile import Certification
from gateway.rights import SWITCHES
from gateway.state import State
from protocol.wecom.members import Attribute, Channels, ExternalProfile, MemberDetails, Web

NOW_MS = 1_795_000_000_000
BASE = """version = 1
[[consumer]]
id = "amy"
[[consumer]]
id = "bob"
[[corp]]
corpid = "ww1"
name = "One"
[[corp.member]]
userid = "lin"
name = "Lin"
"""
RELATION = '[[corp.relation]]\nmember = "lin"\nconsumer = "amy"\n'
DEPARTMENT = "[[corp.department]]\nid = {}\nname = 'x'\nparent = {}\n"


def made(world: World, profile: str | None = None) -> Genesis:
    return begin(State(), lambda: world, profile, NOW_MS)


def exported(world: World) -> bytes:
    return write(worlds.export(made(world).state))


TAGS = "[[corp.tag_group]]\nid = 'etG'\nname = 'Level'\n[[corp.tag_group.tag]]\nid = 'etA'\nname = 'gold'\n"


BOT = "[[corp.app]]\nagent_id = 'aib1'\nname = 'Bot'\nsecret = 's'\nbot = true\n"
BROKEN = [
    ("consumer", "not TOML"),
    ("version = 2", "this Hutong reads version 1 (at version)"),
    ("", "add version = 1"),
    ("version = 1\nprofil = 'tiny'", "unknown key profil, did you mean profile?"),
    ("version = 1\nprofile = 'tinny'", "did you mean tiny? (at profile)"),
    ("version = 1\n[[consumer]]\nid = 'a/b'", "an id has no slash"),
    ("version = 1\n[[consumer]]\nnickname = 'x'", "`id` (at consumer[0])"),
    ("version = 1\n[[consumer]]\nid = 'a'\n[[consumer]]\nid = 'a'", "id 'a' stands twice (at consumer)"),
    ("version = 1\n[[consumer]]\nid = 'a'\nmuted = ['ww1']", "there is no enterprise 'ww1' (at consumer[0].muted)"),
    (BASE + "certification = 'gold'", "unknown key certification"),
    (
        "version = 1\n[[corp]]\ncorpid = 'w'\nname = 'x'\ncertification = 'gold'",
        "'gold': it takes unverified, verified, certified (at corp[0].certification)",
    ),
    ("version = 1\n[[corp]]\ncorpid = 'w'\nname = 'x'\ncertified_until = 2027-01-01", "(at corp[0].certified_until)"),
    ("version = 1\n[[corp]]\ncorpid = 'w'\nname = 'x'\ncertified_until = 2027-01-01T00:00:00", "timezone"),
    ("version = 1\n[[corp]]\ncorpid = 'w'\nname = 'x'\ncertified_until = 1960-01-01T00:00:00Z", "after 1970"),
    (BASE + "departments = [7]", "there is no department 7 (at corp[0].member[0].departments)"),
    (BASE + DEPARTMENT.format(1, 9), "there is no department 9 (at corp[0].department[0].parent)"),
    (BASE + DEPARTMENT.format(1, 1), "department 1 is above itself (at corp[0].department[0].parent)"),
    (BASE + DEPARTMENT.format(1, 2) + DEPARTMENT.format(2, 1), "is above itself"),
    (BASE + DEPARTMENT.format(1, 0) + DEPARTMENT.format(1, 0), "id 1 stands twice (at corp[0].department)"),
    (BASE + RELATION + RELATION, "pair 'lin' and 'amy' stands twice (at corp[0].relation)"),
    (BASE + RELATION.replace("lin", "lim"), "'lim', did you mean 'lin'? (at corp[0].relation[0].member)"),
    (BASE + RELATION.replace("amy", "any"), "'any', did you mean 'amy'? (at corp[0].relation[0].consumer)"),
    (BASE + RELATION + "status = 'friend'", "(at corp[0].relation[0].status)"),
    (BASE + RELATION + "state = 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'", "(at corp[0].relation[0].state)"),
    (
        BASE + RELATION + "external_userid = 'wm1'\n" + RELATION.replace("amy", "bob") + "external_userid = 'wm1'",
        "wm1 is consumer 'amy' (at corp[0].relation[1].external_userid)",
    ),
    (
        BASE + RELATION + "external_userid = 'wm1'\n[[corp.known]]\nconsumer = 'amy'\nexternal_userid = 'wm2'",
        "consumer 'amy' is wm2 here (at corp[0].relation[0].external_userid)",
    ),
    (BASE + "[[corp.group]]\nname = 'g'\nowner = 'amy'", "there is no member 'amy' (at corp[0].group[0].owner)"),
    (BASE + "[[corp.group]]\nname = 'g'\nowner = 'lin'\nconsumers = ['cy']", "(at corp[0].group[0].consumers)"),
    (BASE + "[[corp.code]]\nmember = 'lin'\ngroup = 'g'", "of a member or of a group (at corp[0].code[0])"),
    (BASE + "[[corp.app]]\nagent_id = 'a'\nname = 'a'\nsecret = 's'\ncallback_aes_key = 'short'", "has 43 letters"),
    (BASE + BOT.replace("aib1", "7"), "its agent_id is no number (at corp[0].app[0])"),
    (BASE + BOT + "callback_url = 'http://x/'", "a bot has no callback_url"),
    (BASE + BOT + "[[corp]]\ncorpid = 'ww2'\nname = 'Two'\n" + BOT, "belongs to ww1 (at corp[1].app[0].agent_id)"),
    (BASE + BOT + "[[corp.group]]\nname = 'g'\nowner = 'lin'\nbots = ['aib2']", "'aib2', did you mean 'aib1'?"),
    (BASE + "[[corp.code]]\n", "of a member or of a group (at corp[0].code[0])"),
    (
        BASE + "details = { mobile = '1' }\n[[corp.member]]\nuserid = 'wu'\nname = 'Wu'\ndetails = { mobile = '1' }",
        "mobile 1 is of member 'lin' (at corp[0].member[1].details.mobile)",
    ),
    (BASE + "details = { mobil = '1' }", "unknown key mobil, did you mean mobile? (at corp[0].member[0].details)"),
    (BASE + "details = { leads = [3] }", "there is no department of the member's 3"),
    (BASE + "[[corp.book_tag]]\nid = 1\nname = 'x'\nmembers = ['lim']", "'lim', did you mean 'lin'?"),
    (BASE + "[[corp.book_tag]]\nid = 1\nname = 'x'\n[[corp.book_tag]]\nid = 2\nname = 'x'", "'x' is tag 1"),
    (BASE + "[[corp.book_tag]]\nid = 1\nname = 'x'\n[[corp.book_tag]]\nid = 1\nname = 'y'", "id 1 stands twice"),
    (BASE + "[[corp.code]]\ngroup = 'g'", "there is no group 'g' (at corp[0].code[0].group)"),
    (
        BASE + "[[corp.code]]\ncode = 'q'\nmember = 'lin'\n[[corp.code]]\ncode = 'q'\nmember = 'lin'",
        "code 'q' stands twice (at corp[0].code)",
    ),
    (BASE + "[[corp.tag_group]]\nname = 'x'\ntag = []", "length >= 1 (at corp[0].tag_group[0].tag)"),
    (BASE + TAGS + TAGS, "name 'Level' stands twice (at corp[0].tag_group)"),
    (BASE + TAGS + TAGS.replace("Level", "Rank"), "id 'etG' stands twice (at corp[0].tag_group)"),
    (BASE + TAGS + TAGS.replace("Level", "Rank").replace("etG", "etH"), "id 'etA' stands twice"),
    (BASE + TAGS + TAGS.replace("etG", "etA"), "name 'Level' stands twice"),
    (BASE + TAGS + "[[corp.tag_group.tag]]\nname = 'gold'", "name 'gold' stands twice (at corp[0].tag_group[0].tag)"),
    (BASE + RELATION + "tag_ids = ['etAA']\n" + TAGS, "'etAA', did you mean 'etA'? (at corp[0].relation[0].tag_ids)"),
    (BASE + RELATION + "tag_ids = ['etG']\n" + TAGS, "etG is a group of tags (at corp[0].relation[0].tag_ids)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), BROKEN)
def test_broken_world_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(BrokenWorld) as broken:
        made(read(text.encode()))
    assert said in str(broken.value)
    assert "\n" not in str(broken.value)


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(BrokenWorld, match="not UTF-8 at byte 11"):
        read(b"version = 1\xff")


def test_world_may_name_what_is_there_already() -> None:
    state = made(read((BASE + RELATION).encode())).state
    more = "version = 1\n[[corp]]\ncorpid = 'ww1'\nname = 'One'\n[[corp.group]]\nname = 'g'\nowner = 'lin'\n"
    worlds.check(read((more + "consumers = ['bob']").encode()), names_of(state))
    taken = state.consumer("amy").known["ww1"].external_userid
    clash = "version = 1\n[[corp]]\ncorpid = 'ww1'\nname = 'One'\n[[corp.known]]\nconsumer = 'bob'\n"
    clash += f"external_userid = '{taken}'"
    with pytest.raises(BrokenWorld, match=f"{taken} is consumer 'amy'"):
        worlds.check(read(clash.encode()), names_of(state))


def test_a_bot_that_is_there_is_one_enterprise_s_and_stays_one() -> None:
    state = made(read((BASE + BOT).encode())).state
    corp = "version = 1\n[[corp]]\ncorpid = '{}'\nname = 'One'\n"
    worlds.check(read((corp.format("ww1") + BOT).encode()), names_of(state))
    with pytest.raises(BrokenWorld, match="belongs to ww1"):
        worlds.check(read((corp.format("ww2") + BOT).encode()), names_of(state))
    with pytest.raises(BrokenWorld, match="stays what it is"):
        worlds.check(read((corp.format("ww1") + BOT.replace("true", "false")).encode()), names_of(state))


def test_tags_that_are_there_are_named_renamed_and_not_confused() -> None:
    state = made(read((BASE + RELATION + "tag_ids = ['etA']\n" + TAGS).encode())).state
    corp = "version = 1\n[[corp]]\ncorpid = 'ww1'\nname = 'One'\n"
    worlds.check(read((corp + RELATION + "tag_ids = ['etA']\n").encode()), names_of(state))
    worlds.check(read((corp + TAGS.replace("gold", "Gold").replace("Level", "Rank")).encode()), names_of(state))
    for text, said in (
        (TAGS.replace("etG", "etH").replace("etA", "etB"), "'Level' is etG here (at corp[0].tag_group[0].id)"),
        (TAGS.replace("etA", "etB"), "'gold' is etA here (at corp[0].tag_group[0].tag[0].id)"),
        (TAGS.replace("etG", "etH").replace("Level", "Rank"), "etA stands elsewhere: 'gold'"),
        (TAGS.replace("etG", "etA").replace("etA'\nname = 'gold", "etB'\nname = 'tin"), "'Level' is etG here"),
    ):
        with pytest.raises(BrokenWorld) as broken:
            worlds.check(read((corp + text).encode()), names_of(state))
        assert said in str(broken.value)


def test_a_number_is_free_once_its_member_has_given_it_up() -> None:
    member = "[[corp.member]]\nuserid = '{0}'\nname = '{0}'\ndetails = {{ mobile = '{1}' }}\n"
    head = "version = 1\n[[corp]]\ncorpid = 'ww1'\nname = 'One'\n"
    state = made(read((head + member.format("lin", 1) + member.format("wu", 2)).encode())).state
    worlds.check(read((head + member.format("wu", 3) + member.format("lin", 2)).encode()), names_of(state))
    with pytest.raises(BrokenWorld, match="mobile 2 is of member 'wu'"):
        worlds.check(read((head + member.format("lin", 2) + member.format("wu", 3)).encode()), names_of(state))


def test_demo_is_what_the_readme_says() -> None:
    state = made(demo()).state
    assert [corp.certification for corp in state.corps.values()] == ["certified", "verified", "unverified"]
    assert sum(len(corp.members) for corp in state.corps.values()) == 20
    assert len(state.people) == 220
    assert [one.name for corp in state.corps.values() for one in corp.departments.values() if one.store] == [
        "人民路店",
        "滨江店",
    ]
    assert all(corp.apps for corp in state.corps.values())
    assert made(demo()).state.digest() == state.digest()


def test_profile_asked_for_wins_over_the_world_s() -> None:
    world = read(b"version = 1\nprofile = 'tiny'")
    assert made(world).state.profile.name == "tiny"
    assert made(world, "bench").state.profile.name == "bench"
    assert made(read(b"version = 1")).state.profile.name == "wecom-2026-08"


def test_derived_ids_follow_the_seed() -> None:
    text = BASE + RELATION
    assert exported(read(text.encode())) == exported(read(text.encode()))
    assert exported(read(f"seed = 'other'\n{text}".encode())) != exported(read(text.encode()))


@given(st.text())
def test_every_text_is_written_so_that_toml_reads_it(text: str) -> None:
    world = World(1, None, None, [ConsumerRow("amy", text)])
    assert tomllib.loads(write(world).decode())["consumer"][0].get("nickname", "") == text


# The law: what a world's file says is what comes back of it.

_character = st.characters(codec="utf-8", exclude_characters="/#" + "".join(map(chr, range(32))))
_id = st.text(_character, min_size=1, max_size=3)
_name = st.text(st.characters(codec="utf-8"), max_size=4)
_names = st.lists(_name, max_size=2)
_yes = st.booleans()
_moment = st.datetimes(datetime(1971, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds are bare
_made = st.sampled_from([datetime(2026, 1, 1, tzinfo=UTC), datetime(2020, 2, 3, 4, 5, 6, 789_012, tzinfo=UTC)])
_certification: st.SearchStrategy[Certification] = st.sampled_from(get_args(Certification))
_status = st.sampled_from(["pending", "half", "mutual", "removed_by_member"])
_app = st.builds(AppRow, _id, _name, st.just("secret"), callback_token=_name)


def some(of: Sequence[Any], most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(of), unique=True, max_size=most) if of else st.just([])


def customer(kind: Any, handle: str, *first: object, **others: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Bring the consumer's id, or leave it to be derived."""
    place = [st.just(one) for one in (*first, handle)]
    return st.builds(kind, *place, st.sampled_from(["", f"wm-{handle}"]), **others)


def details(number: int) -> st.SearchStrategy[MemberDetails]:
    """Note something of a member; nobody else has the same number."""
    attribute = st.builds(Attribute, st.just(1), _name, web=st.none() | st.builds(Web, _name, _name))
    attributes = st.lists(attribute, max_size=2).map(tuple)
    profile = st.builds(ExternalProfile, _name, st.none() | st.builds(Channels, _name), attributes)
    return st.builds(
        MemberDetails, alias=_name, mobile=st.just(str(number)), email=st.just(f"{number}@x.org"), enabled=_yes,
        order=st.just((number,)), extattr=attributes, external_profile=st.none() | profile,
    )  # fmt: skip


def departments(ids: list[int]) -> st.SearchStrategy[list[DepartmentRow]]:
    """Give each a smaller one as its parent, so that there is no circle; the file has them in any order."""
    rows = [
        st.builds(
            DepartmentRow, st.just(one), _name, st.sampled_from([0, *(less for less in ids if less < one)]), _yes,
            _name, st.integers(0, 9),
        )
        for one in ids
    ]  # fmt: skip
    return st.tuples(*rows).map(list)


@st.composite
def tag_groups(draw: st.DrawFn, corpid: str) -> list[TagGroupRow]:
    """Give groups whose tags bring their ids, or leave them to be derived."""

    def one(kind: Any, id_: str, *first: st.SearchStrategy[Any]) -> Any:
        brought = st.sampled_from(["", f"et-{corpid}-{id_}"])
        return draw(st.builds(kind, *first, id=brought, order=st.integers(0, 3), maker=_name, made_at=_made))

    named = st.sampled_from("abc")
    names = draw(st.lists(named, unique=True, max_size=2))
    inside = {name: draw(st.lists(named, unique=True, min_size=1, max_size=3)) for name in names}
    return [
        one(TagGroupRow, name, st.just(name), st.just([one(TagRow, name + tag, st.just(tag)) for tag in inside[name]]))
        for name in names
    ]


@st.composite
def corp_rows(draw: st.DrawFn, corpid: str, handles: list[str]) -> CorpRow:
    ids = draw(some(range(1, 9)))
    userids = draw(st.lists(_id, unique=True, max_size=3))
    row = CorpRow(corpid, draw(_name), draw(_name), draw(_certification), draw(st.none() | _moment))
    apps = draw(st.lists(_app, unique_by=lambda app: app.agent_id, max_size=2))
    row.app = [AppRow(f"bot-{number}-{corpid}", draw(_name), "secret", bot=True) for number in draw(some(range(2)))]
    bots = [app.agent_id for app in row.app]
    row.app += apps  # bots come first, as they are written
    for app in row.app:
        app.trusted_ips, app.abilities = draw(some(["127.0.0.1", "::1"])), draw(some(["contacts", "customers"]))
        app.range_members, app.range_departments = draw(some(userids)), draw(some(ids))
    row.department = draw(departments(ids))
    row.member = [
        draw(st.builds(MemberRow, st.just(one), _name, some(ids), _yes, _yes, _yes, st.none() | details(number)))
        for number, one in enumerate(userids)
    ]
    present = [member.userid for member in row.member if not member.departed]
    row.book_tag = [
        draw(st.builds(BookTagRow, st.just(number), st.just(f"tag {number}"), _id, some(present), some(ids)))
        for number in draw(some(range(1, 5)))
    ]
    row.tag_group = draw(tag_groups(corpid))
    row.known = [draw(customer(KnownRow, handle)) for handle in draw(some(handles))]
    row.relation = [
        draw(
            customer(
                RelationRow, handle, userid, status=_status, state=_name, remark=_name, tags=_names,
                blocked_by_member=_yes, blocked_by_consumer=_yes, added_by=st.integers(0, 20), description=_name,
                company=_name, mobiles=_names.map(tuple), made_at=_made, confirmed=st.sampled_from([None, True, False]),
                tag_ids=some([tag.id for group in row.tag_group for tag in group.tag if tag.id]),
            )
        )
        for userid, handle in draw(some([(userid, handle) for userid in userids for handle in handles], 4))
    ]  # fmt: skip
    chats = draw(some(["", "wrA", "wrB"])) if userids else []
    staff, guests = some(userids), some(handles)
    row.group = [
        draw(
            st.builds(GroupRow, _name, st.sampled_from(userids), st.just(chat), staff, staff, guests, _name, some(bots))
        )
        for chat in chats
    ]
    row.code = [CodeRow("", member=userid, state=draw(_name)) for userid in draw(some(userids))]
    row.code += [CodeRow(f"qr-{corpid}-{chat}", group=chat, skip_verify=draw(_yes)) for chat in chats if chat]
    return row


@st.composite
def any_world(draw: st.DrawFn) -> World:
    handles = draw(st.lists(_id, unique=True, max_size=3))
    corpids = draw(st.lists(st.from_regex(r"[A-Za-z0-9_-]{1,9}", fullmatch=True), unique=True, max_size=2))
    consumers = [draw(st.builds(ConsumerRow, st.just(handle), _name, _name, some(corpids))) for handle in handles]
    rows = [draw(corp_rows(corpid, handles)) for corpid in corpids]
    profile = draw(st.sampled_from([None, "tiny", "wecom-2018-11"]))
    return World(1, profile, draw(st.none() | _id), consumers, rows, draw(some(SWITCHES)))


@settings(deadline=None, max_examples=100)
@given(any_world())
def test_what_is_exported_comes_back_byte_for_byte(world: World) -> None:
    worlds.check(world, Names())
    first = exported(world)
    assert exported(read(first)) == first
    _holds(read(first), world)


def _holds(export: World, world: World) -> None:
    """See that the export says everything that the world said; ids that it left out apart."""
    assert export.strict == [switch for switch in SWITCHES if switch in world.strict]
    assert [msgspec.structs.replace(row, muted=sorted(row.muted)) for row in world.consumer] == export.consumer
    for row, told in zip(world.corp, export.corp, strict=True):
        until = _cut(row.certified_until)
        assert (told.corpid, told.name, told.certification, told.certified_until) == (
            row.corpid, row.name, row.certification, until,
        )  # fmt: skip
        assert (told.app, told.member, told.book_tag) == (row.app, row.member, row.book_tag)
        assert told.department == sorted(row.department, key=lambda one: one.id)
        assert {_told(one) for one in told.relation} == {_told(one) for one in row.relation}
        assert {group.name: set(map(_tag, group.tag)) for group in told.tag_group} == {
            group.name: set(map(_tag, group.tag)) for group in row.tag_group
        }
        assert sorted((one.name, one.bots) for one in told.group) == sorted((one.name, one.bots) for one in row.group)
        assert {(one.member, one.group, one.state) for one in told.code} == {
            (one.member, one.group, one.state) for one in row.code
        }
        ids = {one.consumer: one.external_userid for one in told.known}
        ids |= {one.consumer: one.external_userid for one in told.relation}
        brought: list[KnownRow | RelationRow] = [*row.known, *row.relation]
        for one in brought:
            assert ids[one.consumer] == one.external_userid or not one.external_userid


def _told(row: RelationRow) -> tuple[object, ...]:
    fields = msgspec.structs.asdict(row)
    del fields["external_userid"]
    fields["made_at"] = _cut(row.made_at)
    by_status = row.status in ("mutual", "removed_by_consumer")
    fields["confirmed"] = _confirmed(row) if _confirmed(row) != by_status else None
    return tuple(tuple(value) if isinstance(value, list) else value for value in fields.values())


def _cut(moment: datetime | None) -> datetime | None:
    return moment - timedelta(microseconds=moment.microsecond % 1000) if moment is not None else None


def _confirmed(row: RelationRow) -> bool:
    """Say what is left of a file's word: who is a friend is confirmed, and whom the member deleted is not."""
    if row.status in {"mutual", "removed_by_member"}:
        return row.status == "mutual"
    return bool(row.confirmed) if row.confirmed is not None else row.status == "removed_by_consumer"


def _tag(row: TagRow) -> tuple[object, ...]:
    return row.name, row.order, row.maker, _cut(row.made_at)
