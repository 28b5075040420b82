"""The state as one value, and back: what a checkpoint holds.

Rules of the file:
- Which conversations are whose is said once, by numbers in the table of conversations; whose contact is where follows
  from it. So is by numbers of people whom an enterprise knows; its ids for them stand with the people.
- The long tables are parted, and one part is put in its place before the next is decoded: a name then is one string
  wherever it stands, and the room of a part's own strings is used again by the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
    """What is remembered. `consumers` tells of each enterprise, in their order, whom it knows, by number. `stays` tells
    of each person, in the order of people, which conversations are theirs: by number, with the ends of the intervals
    where they have any."""

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
    consumers: list[list[int]]
    people: list[Raw]
    conversations: list[Raw]
    stays: list[Raw]


Stay = int | tuple[int, ...]

PLAIN: Final = Tables.__struct_fields__[: Tables.__struct_fields__.index("consumers")]

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
    keys = {key: number for number, key in enumerate(state.people)}
    people = state.people.values()
    plain = {name: getattr(state, name) for name in PLAIN}
    plain["corps"] = {corpid: replace(corp, consumers={}) for corpid, corp in state.corps.items()}
    return _encode(
        Tables(
            **plain,
            consumers=[[keys[handle] for handle in corp.consumers.values()] for corp in state.corps.values()],
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
    everyone = list(people.values())
    for corp, numbers in zip(state.corps.values(), tables.consumers, strict=True):
        corp.members = {userid: people[key].key for userid, key in corp.members.items()}
        corp.consumers = dict(_named(corp.corpid, numbers, everyone))
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


def _named(corpid: str, numbers: list[int], everyone: list[AnyPerson]) -> Iterator[tuple[str, str]]:
    """Name whom an enterprise knows, by the strings that stand with the people: its id for each, and the key."""
    for number in numbers:
        person = everyone[number]
        assert isinstance(person, Consumer)
        yield person.known[corpid].external_userid, person.key


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
                _name_one(chat, person)
            elif is_consumer:
                relation.consumer = key
                contacts[relation.member] = chat.id
            else:
                contacts[relation.consumer] = chat.id
        else:
            own[table[stay[0]].id] = _ends(stay)


def _name_one(chat: Conversation, person: AnyPerson) -> None:
    """Have a conversation of one person, and that person, name each other by the strings that are ids."""
    if chat.app is not None:
        chat.app.person = person.key
        return
    chat.person = person.key
    if isinstance(person, Member):
        person.own = chat.id
    else:
        person.known[chat.corpid].own = chat.id


def _ends(stay: tuple[int, ...]) -> tuple[int, ...]:
    return stay_since(stay[1]) if len(stay) == 2 else stay[1:]
