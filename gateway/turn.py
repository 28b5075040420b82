"""What one turn of the router gathers: records to append, and what to perform once they stand on disk."""

from typing import Any

from gateway.catchup import Chunk
from gateway.effects import CloseLinks
from gateway.events import Posted
from gateway.ports import Reply
from gateway.session import Session
from gateway.state.conversations import Conversation

Post = tuple[Posted, Session | None]  # a message, and the link that spoke


class Turn:
    """Filled in place, in the order things were decided."""

    __slots__ = ("answered", "behind", "bytes", "effects", "now_ms", "posts", "pushed", "records", "sealed", "touched")

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.records: list[bytes] = []
        self.bytes = 0
        self.posts: dict[str, tuple[Conversation, list[Post]]] = {}  # gathered by conversation
        self.sealed: list[tuple[tuple[Session, ...], list[Post]]] = []
        self.touched: dict[Session, None] = {}
        self.pushed = False  # whether any link needs a resume token before long
        self.effects: list[CloseLinks] = []
        self.answered: list[tuple[Reply, Any]] = []
        self.behind: list[tuple[Session, list[Chunk], int]] = []  # what links have missed, up to a position

    def seal(self, conversation: str, audience: tuple[Session, ...]) -> None:
        """Fix who gets what was gathered so far: the audience is about to change."""
        gathered = self.posts.pop(conversation, None)
        if gathered is not None:
            self.sealed.append((audience, gathered[1]))
