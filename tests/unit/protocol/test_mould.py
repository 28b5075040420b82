"""A message put together from parts has the bytes of one encoded whole."""

import msgpack
import msgspec
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import MSGPACK
from protocol.content import Text
from protocol.frames import Badge, Message, Side
from protocol.mould import Mould

TEXTS = st.text(max_size=300)
BADGES = st.none() | st.builds(Badge, TEXTS, TEXTS, st.sampled_from(["unverified", "verified", "certified"]))
NUMBERS = st.integers(min_value=0, max_value=2**63 - 1)
SIDES = st.sampled_from(["member", "consumer", "app", "system"])


@given(TEXTS, TEXTS, SIDES, TEXTS, BADGES, NUMBERS, NUMBERS, st.builds(Text, TEXTS))
def test_a_cast_message_is_the_encoded_one(
    corp: str, conversation: str, side: Side, sender: str, badge: Badge | None, sequence: int, time_ms: int, said: Text
) -> None:
    cast = Mould(corp, conversation, side, sender, badge).cast(sequence, time_ms, MSGPACK.encode(said))
    message = Message(corp, conversation, sequence, time_ms, side, sender, said, badge)
    assert cast == MSGPACK.encode(message)
    assert msgpack.unpackb(cast) == {"type": "message"} | {
        key: value for key, value in msgspec.to_builtins(message).items() if key != "type"
    }
