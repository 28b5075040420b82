"""Hands a turn's messages to those who listen, once they are durable: encoded once, joined once, shared by all."""

from collections.abc import Collection

import msgspec

from gateway.audience import Audience
from gateway.session import Session
from gateway.statistics import Statistics
from gateway.turn import Post, Turn
from protocol.codec import MSGPACK, Codec, decode_message, websocket_frame
from protocol.content import Notice


class Delivery:
    """Fills outboxes; writes nothing."""

    def __init__(self, audience: Audience, statistics: Statistics) -> None:
        self._audience = audience
        self._statistics = statistics

    def gather(self, turn: Turn) -> None:
        """Put the turn's messages into the outboxes of those who listen."""
        gathered = list(turn.posts.values())
        if turn.sealed:
            # Own affairs first: they tell of the conversations that others' first messages stand in.
            gathered.sort(key=lambda posts: posts[0].kind != "own")
            while gathered and gathered[0][0].kind == "own":
                conversation, posts = gathered.pop(0)
                self._deliver(turn, self._audience.of(conversation), posts)
            for audience, posts in turn.sealed:
                self._deliver(turn, audience, posts)
        for conversation, posts in gathered:
            listening = self._audience.of(conversation)
            if listening:
                self._deliver(turn, listening, posts)

    def _deliver(self, turn: Turn, audience: Collection[Session], posts: list[Post]) -> None:
        """Hand the messages of a conversation to its links: the same joined bytes to all who did not speak."""
        frames: dict[Codec, list[bytes]] = {}
        speakers = {speaker for _, speaker in posts}
        alone = posts[0][1] if len(speakers) == 1 else None  # the one link that speaks here in this turn, nearly always
        codec, joined = None, b""
        touched, count, deliveries = turn.touched, len(posts), 0
        for session in audience:
            if session is alone:
                continue
            if session.codec is not codec:
                codec = session.codec
                if codec not in frames:
                    frames[codec] = [framed(codec, posted.frame) for posted, _ in posts]
                joined = b"".join(frames[codec])
            if session in speakers:
                pairs = zip(frames[codec], posts, strict=True)
                others = [frame for frame, (_, speaker) in pairs if speaker is not session]
                session.outbox.pushes.append(b"".join(others))
                deliveries += len(others)
            else:
                session.outbox.pushes.append(joined)
                deliveries += count
            touched[session] = None
            if not session.pushed:
                session.pushed = turn.pushed = True
        self._statistics.deliveries += deliveries


def framed(codec: Codec, frame: bytes) -> bytes:
    """Frame a message for links of a codec: MessagePack as it stands in the journal, JSON out of it."""
    return websocket_frame(codec.opcode, frame if codec is MSGPACK else codec.encode(decode_message(frame)))


def tombstone(frame: bytes) -> bytes:
    """Put in the place of a message that was taken back what is left of it: that it was, where, and by whom."""
    message = decode_message(frame)
    notice = Notice("recalled", sequence=message.sequence)
    return MSGPACK.encode(msgspec.structs.replace(message, content=notice, badge=None))
