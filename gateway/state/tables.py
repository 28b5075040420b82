"""The state as one value, and back: what a checkpoint holds.

Rules of the file:
- Which conversations are whose is said once, by numbers in the table of conversations; whose contact is where follows
  from it.
- The long tables are parted, and one part is put in its place before the next is decoded: a name then is one string
  wherever it stands, and the room of a part's own strings is used again by the next. A world is then half
  as large (`python -m benchmarks.memory`).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from operator import attrgetter
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
from gateway.state.people import AnyPerson, Consumer, Member, stay_since
from gateway.state.quotas import Quotas

if TYPE_CHECKING:
    from gateway.state import State

PART: Final = 256  # rows


class Tables(Struct, array_like=True):
    """What is remembered. `stays` tells of each person, in the order of people, which conversations are theirs: by
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
    stays: list[Raw]


Stay = int | tuple[int, ...]

PLAIN: Final = Tables.__struct_fields__[:-3]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Tables).decode
_people = msgspec.msgpack.Decoder(list[AnyPerson]).decode
_conversations = msgspec.msgpack.Decoder(list[Conversation]).decode
_stays = msgspec.msgpack.Decoder(list[list[Stay]]).decode

_key: Final = attrgetter("key")
_id: Final = attrgetter("id")


def dump(state: State) -> bytes:
    """Give the whole state as bytes; equal states give equal bytes."""
    numbers = {name: number for number, name in enumerate(state.conversations)}
    people = state.people.values()
    return _encode(
        Tables(
            **{name: getattr(state, name) for name in PLAIN},
            people=_parted(replace(person, conversations={}, contacts={}) for person in people),
            conversations=_parted(state.conversations.values()),
            stays=_parted(_stays_of(person, numbers) for person in people),
        )
    )


def _parted(rows: Iterable[Any]) -> list[Raw]:
    rest = iter(rows)
    return [Raw(_encode(part)) for part in iter(lambda: list(islice(rest, PART)), [])]


def _stays_of(person: AnyPerson, numbers: dict[str, int]) -> list[Stay]:
    return [(numbers[name], *ends) if ends else numbers[name] for name, ends in person.conversations.items()]


def load(state: State, data: bytes) -> None:
    """Fill an empty state with what was dumped.

    Consumers are given theirs first: the string that is a consumer's key is then known where a member's contacts are
    named.
    """
    tables = _decode(data)
    for name in PLAIN:
        setattr(state, name, getattr(tables, name))
    people, conversations = state.people, state.conversations
    for part in map(_people, tables.people):
        people.update(zip(map(_key, part), part, strict=True))
    for corp in state.corps.values():
        _name_people(corp, people)
    for chats in map(_conversations, tables.conversations):
        conversations.update(zip(map(_id, chats), chats, strict=True))
        _name_those_in(chats, state.corps, people)
    table = list(conversations.values())
    for kind in (Consumer, Member):
        everybody = iter(people.values())
        for stays in map(_stays, tables.stays):
            for own, person in zip(stays, everybody, strict=False):  # the parts end first, or together
                if type(person) is kind:
                    _give(person, own, table)


def _name_people(corp: Corp, people: dict[str, AnyPerson]) -> None:
    """Have an enterprise name its people by the strings that are their keys."""
    corp.members = {userid: people[key].key for userid, key in corp.members.items()}
    corp.consumers = {external_userid: people[key].key for external_userid, key in corp.consumers.items()}


def _name_those_in(chats: list[Conversation], corps: dict[str, Corp], people: dict[str, AnyPerson]) -> None:
    """Have conversations name enterprises, members and seats by the strings that are keys, a moment by one number."""
    for chat in chats:
        chat.corpid = corps[chat.corpid].corpid
        relation, group = chat.relation, chat.group
        if relation is not None:
            relation.member = people[relation.member].key
            if relation.made_ms == relation.since_ms:
                relation.made_ms = relation.since_ms
        elif group is not None:
            group.seats = {people[key].key: sequence for key, sequence in group.seats.items()}


def _give(person: AnyPerson, stays: list[Stay], table: list[Conversation]) -> None:
    """Give somebody their conversations, which name them by their key, and their contacts."""
    own, contacts, key, is_consumer = person.conversations, person.contacts, person.key, type(person) is Consumer
    for stay in stays:
        if isinstance(stay, int):
            chat = table[stay]
            own[chat.id] = ()
            relation = chat.relation
            if relation is None:
                _name_one(chat, key)
            elif is_consumer:
                relation.consumer = key
                contacts[relation.member] = chat.id
            else:
                contacts[relation.consumer] = chat.id
        else:
            own[table[stay[0]].id] = _ends(stay)


def _name_one(chat: Conversation, key: str) -> None:
    """Have the conversation of one person name that person by the string that is the key."""
    if chat.app is not None:
        chat.app.person = key
    else:
        chat.person = key


def _ends(stay: tuple[int, ...]) -> tuple[int, ...]:
    return stay_since(stay[1]) if len(stay) == 2 else stay[1:]
