"""Who is listening now: live links by person, and by group as dense tables, so that a fan-out is one walk."""

from collections.abc import Collection, Iterable

from gateway.session import Session
from gateway.state.conversations import Conversation
from gateway.state.people import Person


class Audience:
    """The links that are pushed to. Follows the sessions and the seats; nothing of it is remembered anywhere."""

    def __init__(self) -> None:
        self._live: dict[str, list[Session]] = {}
        self._groups: dict[str, dict[Session, None]] = {}

    def add(self, session: Session, person: Person, groups: Collection[str]) -> None:
        """Push to this link from now on; `groups` are the conversations of the person that are groups."""
        self._live.setdefault(person.key, []).append(session)
        for group in groups:
            self._groups.setdefault(group, {})[session] = None

    def drop(self, session: Session, groups: Collection[str]) -> None:
        """Push to this link no more."""
        links = self._live.get(session.person, [])
        if session not in links:
            return
        links.remove(session)
        if not links:
            del self._live[session.person]
        for group in groups:
            self._drop(group, session)

    def _drop(self, group: str, session: Session) -> None:
        links = self._groups.get(group)
        if links is not None and links.pop(session, self) is None and not links:
            del self._groups[group]

    def seat(self, group: str, person: str) -> None:
        """A person joined a group."""
        for session in self._live.get(person, ()):
            self._groups.setdefault(group, {})[session] = None

    def unseat(self, group: str, person: str) -> None:
        """A person left a group."""
        for session in self._live.get(person, ()):
            self._drop(group, session)

    def clear(self) -> None:
        """Push to nobody: the world has been reset."""
        self._live.clear()
        self._groups.clear()

    def forget(self, groups: Iterable[str]) -> None:
        """Drop groups that are no more; their names may come again."""
        for group in groups:
            self._groups.pop(group, None)

    def of(self, conversation: Conversation) -> Collection[Session]:
        """Give the live links of everyone who is in the conversation."""
        if conversation.group is not None:
            return self._groups.get(conversation.id, ())
        live = self._live
        if conversation.relation is not None:
            member = live.get(conversation.relation.member, ())
            consumer = live.get(conversation.relation.consumer, ())
            return (*member, *consumer) if member and consumer else member or consumer
        return live.get(conversation.people[0], ())
