"""Views of a person's conversations."""

from msgspec import Struct

from gateway.state import State
from gateway.state.conversations import Conversation, Kind
from gateway.state.people import AnyPerson, Consumer
from protocol.ids import opengid_of


class ConversationView(Struct, frozen=True, omit_defaults=True):
    """A conversation, and what it is about. `past` is one that the person is no longer in."""

    conversation: str
    kind: Kind
    corpid: str
    head: int
    name: str = ""
    member: str = ""
    consumer: str = ""
    external_userid: str = ""
    status: str = ""
    chat_id: str = ""
    agent_id: str = ""
    past: bool = False
    opengid: str = ""  # of a group, as a consumer's client knows it


def page(state: State, person: AnyPerson, cursor: str, limit: int) -> tuple[list[ConversationView], str] | None:
    """Give a person's conversations, oldest first, those after `cursor`; None if the cursor is none of them."""
    names = list(person.conversations)
    if cursor and cursor not in person.conversations:
        return None
    start = names.index(cursor) + 1 if cursor else 0
    found = names[start : start + limit]
    more = len(names) > start + limit
    return [view(state, person, state.conversations[name]) for name in found], found[-1] if more else ""


def view(state: State, person: AnyPerson, conversation: Conversation) -> ConversationView:
    """Tell of one conversation, as one of its people sees it."""
    member, consumer, external, status, chat_id, agent_id = "", "", "", "", "", ""
    if conversation.relation is not None:
        member, consumer = conversation.relation.member, conversation.relation.consumer
        status = conversation.relation.status
        external = state.consumer(consumer).known[conversation.corpid].external_userid
    elif conversation.group is not None:
        chat_id = conversation.group.chat_id
    elif conversation.app is not None:
        agent_id = conversation.app.agent_id
    ends = person.conversations[conversation.id]
    return ConversationView(
        conversation.id, conversation.kind, conversation.corpid, conversation.head,
        _name(state, person, conversation), member, consumer, external, status, chat_id, agent_id,
        bool(ends) and len(ends) % 2 == 0, opengid_of(chat_id) if chat_id else "",
    )  # fmt: skip


def _name(state: State, person: AnyPerson, conversation: Conversation) -> str:
    """Name a conversation as a list of chats would: by the other side, or by the group's name."""
    if conversation.group is not None:
        return conversation.group.name
    if conversation.app is not None:
        return state.corps[conversation.corpid].apps[conversation.app.agent_id].name
    if conversation.relation is None:
        return ""
    if isinstance(person, Consumer):
        return state.member(conversation.relation.member).name
    return state.consumer(conversation.relation.consumer).nickname
