"""A message's bytes put together from parts: who speaks where is encoded once, what is said each time.

Encoding a message whole writes the same keys, ids and badge again for every message of a conversation: half of its
cost. The bytes are those of `MSGPACK.encode(Message(…))`, to the last one.
"""

from protocol.codec import MSGPACK
from protocol.frames import Badge, Side

_encode = MSGPACK.encode
_FIELDS = 8  # of a message without a badge, `type` among them
_TIME_KEY = _encode("time_ms")


def _map_of(fields: int) -> bytes:
    return bytes((0x80 | fields,))  # up to 15 fields (MessagePack: fixmap)


class Mould:
    """What does not change between the messages of one speaker in one conversation."""

    __slots__ = ("_after", "_before", "_end")

    def __init__(self, corp: str, conversation: str, side: Side, sender: str, badge: Badge | None) -> None:
        pairs = {"type": "message", "corp": corp, "conversation": conversation}
        fields = _FIELDS if badge is None else _FIELDS + 1
        self._before = _map_of(fields) + b"".join(map(_encode, _flat(pairs))) + _encode("sequence")
        self._after = b"".join(map(_encode, _flat({"side": side, "sender": sender}))) + _encode("content")
        self._end = b"" if badge is None else _encode("badge") + _encode(badge)

    def cast(self, sequence: int, time_ms: int, content: bytes) -> bytes:
        """Give the bytes of a message; `content` is its content as encoded."""
        return b"".join((
            self._before, _encode(sequence), _TIME_KEY, _encode(time_ms), self._after, content, self._end
        ))  # fmt: skip


def _flat(pairs: dict[str, str]) -> list[str]:
    return [word for pair in pairs.items() for word in pair]
