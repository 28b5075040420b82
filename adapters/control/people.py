"""Calls that tell who exists and who talks with whom."""

from typing import Annotated

from msgspec import Meta, Struct

from adapters.control.endpoint import Body, Door, endpoint
from adapters.names import ConsumerPath, Corpid, Id, Key, Limit, MemberPath
from adapters.strict import Wrong
from gateway.queries import conversations, people
from gateway.queries.conversations import ConversationView
from gateway.queries.people import CorpView, PersonKind, PersonView
from gateway.refusal import Refusal
from gateway.state import State
from protocol.errors import UNKNOWN_CORP, UNKNOWN_PERSON
from protocol.ids import member_key

CONVERSATIONS_MAX = 20_000  # in one page: a member may have as many contacts


class CorpsAnswer(Struct, frozen=True):
    corps: list[CorpView]


class PeopleQuery(Body, frozen=True):
    kind: PersonKind | None = None
    corpid: Corpid | None = None
    cursor: Key | None = None
    limit: Limit = 100


class PeopleAnswer(Struct, frozen=True):
    people: list[PersonView]
    next_cursor: str


class ConversationsQuery(Body, frozen=True):
    cursor: Id = ""
    limit: Annotated[int, Meta(ge=1, le=CONVERSATIONS_MAX)] = 1000


class ConversationsAnswer(Struct, frozen=True):
    conversations: list[ConversationView]
    next_cursor: str


@endpoint("GET", "/corps")
async def list_corps(door: Door) -> CorpsAnswer:
    """List the enterprises."""
    return CorpsAnswer(await door.look(people.corps))


@endpoint("GET", "/people")
async def list_people(door: Door, query: PeopleQuery) -> PeopleAnswer:
    """List people, in pages."""

    def look(state: State, _now_ms: int) -> tuple[list[PersonView], str] | Refusal:
        if query.corpid is not None and query.corpid not in state.corps:
            return Refusal(UNKNOWN_CORP)
        return people.page(state, query.kind, query.corpid, query.cursor or "", query.limit)

    return PeopleAnswer(*await door.look(look))


def _nobody(key: str) -> str:
    return f"there is nobody called {key!r}: a member is named corpid/userid, a consumer by handle"


async def _conversations(door: Door, key: str, query: ConversationsQuery) -> ConversationsAnswer:
    def look(state: State, _now_ms: int) -> tuple[list[ConversationView], str] | Refusal | None:
        person = state.people.get(state.key_of(key))
        return conversations.page(state, person, query.cursor, query.limit) if person else Refusal(UNKNOWN_PERSON)

    found = await door.look(look, _nobody(key))
    if found is None:
        raise Wrong(f"cursor {query.cursor!r} is none of this person's conversations")
    return ConversationsAnswer(*found)


@endpoint("GET", "/people/{handle}/conversations")
async def list_conversations_of_consumer(
    door: Door, path: ConsumerPath, query: ConversationsQuery
) -> ConversationsAnswer:
    """List a consumer's conversations, in pages."""
    return await _conversations(door, path.handle, query)


@endpoint("GET", "/people/{corpid}/{userid}/conversations")
async def list_conversations_of_member(door: Door, path: MemberPath, query: ConversationsQuery) -> ConversationsAnswer:
    """List a member's conversations, in pages."""
    return await _conversations(door, member_key(path.corpid, path.userid), query)


async def person_view(door: Door, key: str) -> PersonView:
    """Look at one person."""

    def look(state: State, _now_ms: int) -> PersonView | Refusal:
        person = state.people.get(state.key_of(key))
        return people.view(person) if person is not None else Refusal(UNKNOWN_PERSON)

    found: PersonView = await door.look(look, _nobody(key))
    return found


@endpoint("GET", "/people/{handle}")
async def get_consumer(door: Door, path: ConsumerPath) -> PersonView:
    """Tell of a consumer."""
    return await person_view(door, path.handle)


@endpoint("GET", "/people/{corpid}/{userid}")
async def get_member(door: Door, path: MemberPath) -> PersonView:
    """Tell of a member."""
    return await person_view(door, member_key(path.corpid, path.userid))
