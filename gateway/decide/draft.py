"""The events of one command while they are being thought out: knows where records will stand before they do."""

from gateway.events import AnyEvent, CallbackDue, ConsumerKnown, Origin, Posted
from gateway.policy.attempt import Attempt
from gateway.state import State
from protocol.codec import MSGPACK
from protocol.content import AnyContent, Notice
from protocol.frames import Badge, Message, Side
from protocol.ids import derive_free
from protocol.wecom.changes import AnyChange


class Draft:
    """A list of events to come. `post` gives each notice its sequence and its place in the chain."""

    def __init__(self, state: State, now_ms: int) -> None:
        self.state = state
        self.now_ms = now_ms
        self.events: list[AnyEvent] = []
        self._heads: dict[str, tuple[int, int]] = {}
        self._opened = 0
        self._known: dict[tuple[str, str], ConsumerKnown] = {}
        self.conversation = ""  # what the command's answer names

    def add(self, event: AnyEvent) -> None:
        self.events.append(event)

    def next_sequence(self, conversation: str) -> int:
        """Give the sequence that the next post in a conversation will have."""
        return self._head(conversation)[0] + 1

    def _head(self, conversation: str) -> tuple[int, int]:
        if conversation in self._heads:
            return self._heads[conversation]
        known = self.state.conversations.get(conversation)
        return (known.head, known.head_position) if known is not None else (0, 0)

    def post(self, corpid: str, conversation: str, notice: Notice) -> None:
        """Write a notice of the system into a conversation."""
        self._post(corpid, conversation, "system", "", "", notice)

    def post_as(self, agent_id: str, corpid: str, conversation: str, content: AnyContent) -> None:
        """Write what an app has changed of what it said: no policy asks about it, and nothing is counted."""
        self._post(corpid, conversation, "app", "", agent_id, content)

    def say(self, attempt: Attempt, sender: str, badge: Badge | None, origin: Origin | None = None) -> None:
        """Write what an allowed attempt says, for the service that asked for it; over MQTT, with its origin."""
        conversation = attempt.conversation
        content = attempt.content
        self._post(conversation.corpid, conversation.id, attempt.side, attempt.key, sender, content, badge, origin)

    def _post(
        self,
        corpid: str,
        conversation: str,
        side: Side,
        key: str,
        sender: str,
        content: AnyContent,
        badge: Badge | None = None,
        origin: Origin | None = None,
    ) -> None:
        head, previous = self._head(conversation)
        frame = MSGPACK.encode(Message(corpid, conversation, head + 1, self.now_ms, side, sender, content, badge))
        self._heads[conversation] = (head + 1, self.state.position + len(self.events) + 1)
        self.events.append(Posted(conversation, head + 1, previous, self.now_ms, key, frame, origin=origin))

    def call_back(self, corpid: str, change: AnyChange) -> None:
        """Have the enterprise's apps told of a change. Not of what they asked for themselves: WeCom tells of no change
        that its API made (DOC 92130)."""
        listeners = self.state.listeners(corpid)
        if listeners:
            self.add(CallbackDue(corpid, listeners, change, self.now_ms))

    def new_id(self, prefix: str, corpid: str) -> str:
        """Derive an id for the conversation this enterprise opens next (`cv`), or for what is opened with it.

        Ask for the conversation's own id last: it moves the number on. A world may have brought ids with it that would
        be derived later: those are taken, and passed over.
        """
        corp = self.state.corps.get(corpid)
        number = (corp.made if corp is not None else 0) + self._opened + 1
        self._opened += prefix == "cv"
        taken = {"wm": corp.consumers, "wr": corp.chats}.get(prefix, {}) if corp is not None else {}
        return derive_free(taken, prefix, self.state.seed, corpid, number)

    def know(self, handle: str, corpid: str, external_userid: str = "") -> str:
        """Make sure that an enterprise knows a consumer; give the consumer's own conversation there."""
        known = self.state.consumer(handle).known.get(corpid)
        if known is not None:
            return known.own
        if (handle, corpid) not in self._known:
            external_userid = external_userid or self.new_id("wm", corpid)
            self._known[handle, corpid] = ConsumerKnown(handle, corpid, external_userid, self.new_id("cv", corpid))
            self.add(self._known[handle, corpid])
        return self._known[handle, corpid].own

    def name_of(self, corpid: str, key: str) -> str:
        """Name a person as this enterprise does, also one it has only just come to know."""
        known = self._known.get((key, corpid))
        return known.external_userid if known is not None else self.state.name_of(corpid, key)
