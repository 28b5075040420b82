"""The call that tells why a message may be sent, or why not."""

from typing import Annotated, Literal

from msgspec import Meta

from adapters.control.endpoint import Body, Door, endpoint
from adapters.control.problems import refused
from adapters.names import Key
from gateway.queries import limits
from gateway.queries.limits import Explanation
from gateway.refusal import Refusal
from gateway.state import State
from protocol.content import Text


class ExplainQuery(Body, frozen=True):
    """`sender` is a person or `corpid/#agent_id`; `to` a person, a conversation, or a group's chat_id.

    `mass` asks of a mass message that a member sends: the enterprise's (`corp`) or their own (`own`).
    """

    sender: Key
    to: Key
    content: Annotated[str, Meta(max_length=65_536)] = "?"
    mass: Literal["", "corp", "own"] = ""


@endpoint("GET", "/limits/explain")
async def explain_limits(door: Door, query: ExplainQuery) -> Explanation:
    """Tell every rule's mind of a message: what it allows, what is used and left, when it starts again."""

    def look(state: State, now_ms: int) -> tuple[Explanation | Refusal]:
        return (limits.explain(state, now_ms, query.sender, query.to, Text(query.content), query.mass),)

    (found,) = await door.look(look)
    if isinstance(found, Refusal):
        raise refused(found, f"{found.reason.text}: sender {query.sender!r}, to {query.to!r}")
    told: Explanation = found
    return told
