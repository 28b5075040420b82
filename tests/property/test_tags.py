"""Tags against a naive model: what each command answers, what is in the library then, and what customers wear.

The model is lists that are searched; it knows nothing of ids but that they are distinct, and nothing of events.
"""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import commands, decide, events
from gateway.profile import read
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.tags import GONE_MAX

NOW_MS = 1_795_000_000_000
CORP, MEMBER, CUSTOMERS = "silk", "zhang", ("amy", "bo")
TINY = read("tiny")
NOBODY = "etnobody"
names, makers, orders = st.sampled_from("abc"), st.sampled_from(["", "1", "2"]), st.integers(0, 2)
places = st.integers(0, 7)  # of an id among those ever given; what is beyond them is nobody's
some_tags_at = st.lists(st.sampled_from([1, 2, 4, 5, 1, 2, 4, 5, 6, 7, 0]), max_size=2)  # mostly tags that BEGIN makes
some_groups_at: st.SearchStrategy[list[int]] = st.just([]) | st.lists(st.sampled_from([0, 3, 6, 1]), max_size=2)


@dataclass
class Thing:
    """A tag, or a group of them."""

    id: str
    name: str
    order: int
    maker: str
    tags: list["Thing"] = field(default_factory=list)


@dataclass
class Model:
    """The library, and what each customer wears; each command gives the name of the reason for a no, or nothing."""

    groups: list[Thing] = field(default_factory=list)
    worn: dict[str, list[str]] = field(default_factory=lambda: {who: [] for who in CUSTOMERS})

    def tags(self) -> list[Thing]:
        return [tag for group in self.groups for tag in group.tags]

    def make(self, by: str, group_id: str, group_name: str, new: list[tuple[str, int]]) -> str:
        group = next((one for one in self.groups if one.id == group_id), None)
        if group_id and group is None:
            return "unknown_tag"
        if not new or not (group_id or group_name):
            return "malformed"
        if not group_id:
            group = next((one for one in self.groups if one.name == group_name), None)
        wanted = list(dict.fromkeys(name for name, _ in new))
        if group is not None and any(tag.name in wanted for tag in group.tags):
            return "tag_name_taken"
        return "tags_full" if len(self.tags()) + len(wanted) > TINY.tags_max else ""

    def made(self, put: events.TagsPut) -> None:
        group = next((one for one in self.groups if one.id == put.group.id), None)
        if group is None:
            group = Thing(put.group.id, put.group.name, put.group.order, put.group.maker)
            self.groups.append(group)
        group.tags += [Thing(tag.id, tag.name, tag.order, tag.maker) for tag in put.tags]

    def change(self, by: str, id_: str, name: str | None, order: int | None) -> str:
        beside = next((those for those in (self.groups, *(g.tags for g in self.groups)) if _has(those, id_)), None)
        if beside is None:
            return "unknown_tag"
        thing = next(one for one in beside if one.id == id_)
        if by not in ("", thing.maker):
            return "not_maker"
        if name and any(one.name == name for one in beside if one is not thing):
            return "tag_name_taken"
        thing.name = name or thing.name
        thing.order = thing.order if order is None else order
        return ""

    def delete(self, by: str, tag_ids: list[str], group_ids: list[str]) -> str:
        if not tag_ids and not group_ids:
            return "malformed"
        if not all(_has(self.tags(), id_) for id_ in tag_ids) or not all(_has(self.groups, id_) for id_ in group_ids):
            return "unknown_tag"
        gone = [tag for tag in self.tags() if tag.id in tag_ids]
        for group in self.groups:
            gone += [group, *group.tags] if group.id in group_ids else []
        if by and any(thing.maker != by for thing in gone):
            return "not_maker"
        for group in self.groups:
            group.tags = [tag for tag in group.tags if tag not in gone]
        self.groups = [group for group in self.groups if group.tags]
        self.worn = {who: [id_ for id_ in ids if _has(self.tags(), id_)] for who, ids in self.worn.items()}
        return ""

    def mark(self, who: str, add: list[str], remove: list[str]) -> str:
        if not all(_has(self.tags(), id_) for id_ in (*add, *remove)):
            return "unknown_tag"
        worn = [id_ for id_ in dict.fromkeys(self.worn[who] + add) if id_ not in remove]
        if len(worn) > TINY.customer_tags_max:
            return "customer_tags_full"
        self.worn[who] = worn
        return ""


def _has(things: list[Thing], id_: str) -> bool:
    return any(thing.id == id_ for thing in things)


class Shop:
    """A member with two customers, and beside them the model."""

    def __init__(self) -> None:
        self.state, self.model = State(), Model()
        self.given: list[str] = []  # every id there ever was
        self.ask(commands.SetProfile(TINY))
        self.ask(commands.PutCorp(CORP, "Silk", "Silk", "certified"))
        self.ask(commands.PutMember(CORP, MEMBER, "Zhang"))
        for handle in CUSTOMERS:
            self.ask(commands.PutConsumer(handle))
            self.ask(commands.PutRelation(CORP, MEMBER, handle, external_userid=handle))

    def ask(self, command: commands.Command) -> list[events.AnyEvent] | str:
        """Give what happened, or the name of the reason for a no."""
        decided = decide.by_service(self.state, NOW_MS, NOW_MS, command)
        if isinstance(decided, Refusal):
            return decided.reason.name
        assert isinstance(decided, list)
        for event in decided:
            self.state.apply(events.decode(events.encode(event)))
        return decided

    def id_at(self, place: int) -> str:
        return self.given[place] if place < len(self.given) else NOBODY

    def do(self, step: tuple[Any, ...]) -> None:
        verb, *rest = step
        getattr(self, verb)(*rest)
        self.compare()

    def make(self, by: str, place: int | None, name: str, new: list[tuple[str, int]]) -> None:
        group = self.id_at(place) if place is not None else ""
        tags = tuple(commands.NewTag(*one) for one in new)
        expected = self.model.make(by, group, name, new)
        told = self.ask(commands.MakeTags(CORP, by, group, name, 1, tags))
        assert (told if isinstance(told, str) else "") == expected
        if not isinstance(told, str):
            (put,) = (event for event in told if isinstance(event, events.TagsPut))
            ids = {put.group.id, *(tag.id for tag in put.tags)} - {thing.id for thing in self.model.groups}
            assert not ids & set(self.given), "an id is given once"
            first = {name: next(order for other, order in new if other == name) for name, _ in new}
            assert {tag.name: tag.order for tag in put.tags} == first and list(first) == [tag.name for tag in put.tags]
            self.given += [id_ for id_ in (put.group.id, *(tag.id for tag in put.tags)) if id_ in ids]
            self.model.made(put)

    def change(self, by: str, place: int, name: str | None, order: int | None) -> None:
        id_ = self.id_at(place)
        told = self.ask(commands.ChangeTag(CORP, by, id_, name, order))
        assert (told if isinstance(told, str) else "") == self.model.change(by, id_, name, order)

    def delete(self, by: str, tags: list[int], groups: list[int]) -> None:
        tag_ids, group_ids = [*map(self.id_at, tags)], [*map(self.id_at, groups)]
        told = self.ask(commands.DeleteTags(CORP, by, tuple(tag_ids), tuple(group_ids)))
        assert (told if isinstance(told, str) else "") == self.model.delete(by, tag_ids, group_ids)

    def mark(self, who: str, add: list[int], remove: list[int]) -> None:
        on, off = [*map(self.id_at, add)], [*map(self.id_at, remove)]
        told = self.ask(commands.MarkCustomer(CORP, MEMBER, who, tuple(on), tuple(off)))
        assert (told if isinstance(told, str) else "") == self.model.mark(who, on, off)

    def compare(self) -> None:
        """See that the library says what the model says, in the same order, and that a checkpoint keeps it."""
        library = self.state.corps[CORP].tags
        seen = [
            Thing(
                group.said.id, group.said.name, group.said.order, group.said.maker,
                [Thing(tag.id, tag.name, tag.order, tag.maker) for tag in group.tags.values()],
            )
            for group in library.groups.values()
        ]  # fmt: skip
        assert seen == self.model.groups
        assert library.group_of == {tag.id: group.id for group in self.model.groups for tag in group.tags}
        assert not library.gone.keys() & library.group_of.keys() and len(library.gone) <= GONE_MAX
        member = self.state.member(f"{CORP}/{MEMBER}")
        for who in CUSTOMERS:
            assert list(library.alive(self.state.relation(member.contacts[who]).noted.tag_ids)) == self.model.worn[who]
        assert State.load(self.state.dump()).digest() == self.state.digest()


new_tags = st.lists(st.tuples(names, orders), max_size=3)
some_tags = st.lists(st.tuples(names, orders), min_size=1, max_size=4)
steps = st.one_of(
    st.tuples(st.just("make"), makers, st.none() | places, st.sampled_from(["", "x", "y"]), new_tags),
    st.tuples(st.just("make"), makers, st.none(), st.sampled_from("xyz"), some_tags),
    st.tuples(st.just("change"), makers, places, st.none() | names, st.none() | orders),
    st.tuples(st.just("delete"), makers, some_tags_at, some_groups_at),
    st.tuples(st.just("mark"), st.sampled_from(CUSTOMERS), some_tags_at, some_tags_at),
)


BEGIN: list[tuple[Any, ...]] = [  # so that most of what follows has something to be about
    ("make", "1", None, "x", [("a", 0), ("b", 1)]),
    ("make", "", None, "y", [("a", 2), ("c", 2)]),
    ("mark", "amy", [1, 2, 4], []),
]


@settings(max_examples=150)
@given(st.lists(steps, max_size=25))
def test_tags_are_what_a_naive_model_says(walk: list[tuple[Any, ...]]) -> None:
    shop = Shop()
    for step in (*BEGIN, *walk):
        shop.do(step)
