"""The state as one value, and back: what a checkpoint holds.

Rules of the file:
- Nothing is said twice. A conversation stands once, elsewhere is its number in that table; whose contact is where
  follows from it.
- The long tables are parted, and one part is put in its place before the next is decoded: a name then is one string
  wherever it stands, and the room of a part's own strings is used again by the next. A million relations are loaded in
  a third of the time and less than half of the memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from gateway.events import CodePut
from gateway.profile import Profile
from gateway.rights import Switch
from gateway.state.clock import MovableClock
from gateway.state.conversations import Conversation
from gateway.state.corps import Corp
from gateway.state.jobs import Job
from gateway.state.people import AnyPerson, Member, stay_since
from gateway.state.quotas import Quotas

if TYPE_CHECKING:
    from gateway.state import State

PART: Final = 4_096  # rows


class Tables(Struct, array_like=True):
    """What is remembered. `places` tells of each person, in the order of people, which conversations are theirs: by
    number, with the ends of the intervals where they have any."""

    position: int
    epoch: int
    seed: str
    profile: Profile
    clock: MovableClock
    corps: dict[str, Corp]
    codes: dict[str, CodePut]
    quotas: Quotas
    jobs: dict[int, Job]
    jobs_made: int
    revoked: dict[str, int]
    strict: tuple[Switch, ...]
    people: list[Raw]
    conversations: list[Raw]
    places: list[Raw]


Place = int | tuple[int, ...]

PLAIN: Final = Tables.__struct_fields__[:-3]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Tables).decode
_people = msgspec.msgpack.Decoder(list[AnyPerson]).decode
_conversations = msgspec.msgpack.Decoder(list[Conversation]).decode
_places = msgspec.msgpack.Decoder(list[list[Place]]).decode


def dump(state: State) -> bytes:
    """Give the whole state as bytes; equal states give equal bytes."""
    numbers = {name: number for number, name in enumerate(state.conversations)}
    people = state.people.values()
    return _encode(
        Tables(
            **{name: getattr(state, name) for name in PLAIN},
            people=_parted(replace(person, conversations={}, contacts={}) for person in people),
            conversations=_parted(state.conversations.values()),
            places=_parted(_placed(person, numbers) for person in people),
        )
    )


def _parted(rows: Iterable[Any]) -> list[Raw]:
    rest = iter(rows)
    return [Raw(_encode(part)) for part in iter(lambda: list(islice(rest, PART)), [])]


def _placed(person: AnyPerson, numbers: dict[str, int]) -> list[Place]:
    return [(numbers[name], *ends) if ends else numbers[name] for name, ends in person.conversations.items()]


def load(state: State, data: bytes) -> None:
    """Fill an empty state with what was dumped."""
    tables = _decode(data)
    for name in PLAIN:
        setattr(state, name, getattr(tables, name))
    people = state.people
    for part in tables.people:
        for person in _people(part):
            people[person.key] = person
    for corp in state.corps.values():
        _name_people(corp, people)
    for part in tables.conversations:
        for conversation in _conversations(part):
            conversation.corpid = state.corps[conversation.corpid].corpid
            _name_those_in(conversation, people)
            state.conversations[conversation.id] = conversation
    _place(people.values(), tables.places, list(state.conversations.values()))


def _name_people(corp: Corp, people: dict[str, AnyPerson]) -> None:
    """Have an enterprise name its people by the strings that are their keys."""
    corp.members = {userid: people[key].key for userid, key in corp.members.items()}
    corp.consumers = {external_userid: people[key].key for external_userid, key in corp.consumers.items()}


def _name_those_in(conversation: Conversation, people: dict[str, AnyPerson]) -> None:
    """Have a conversation name its people by the strings that are their keys, and one moment by one number."""
    relation, group = conversation.relation, conversation.group
    if relation is not None:
        relation.member, relation.consumer = people[relation.member].key, people[relation.consumer].key
        if relation.made_ms == relation.since_ms:
            relation.made_ms = relation.since_ms
    elif group is not None:
        group.seats = {people[key].key: sequence for key, sequence in group.seats.items()}
    elif conversation.app is not None:
        conversation.app.person = people[conversation.app.person].key
    else:
        conversation.person = people[conversation.person].key


def _place(people: Iterable[AnyPerson], parts: list[Raw], conversations: list[Conversation]) -> None:
    rest: Iterator[AnyPerson] = iter(people)
    for part in parts:
        for places, person in zip(_places(part), rest, strict=False):  # the parts end first, or together
            _place_one(person, places, conversations)


def _place_one(person: AnyPerson, places: list[Place], conversations: list[Conversation]) -> None:
    """Give a person their conversations, and those they have a single chat with as contacts."""
    own, contacts, is_member = person.conversations, person.contacts, type(person) is Member
    for place in places:
        if isinstance(place, tuple):
            number, *ends = place
            own[conversations[number].id] = stay_since(*ends) if len(ends) == 1 else tuple(ends)
            continue
        conversation = conversations[place]
        own[conversation.id] = ()
        relation = conversation.relation
        if relation is not None:
            contacts[relation.consumer if is_member else relation.member] = conversation.id
