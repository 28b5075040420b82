"""The `req_id` of a callback, which the bot's answer repeats: it leads back to the record, with no table.

It is sealed as a device's resume token is, and for the same reason: positions are nobody's business but ours.
"""

from typing import Final

from adapters.callback_receivers import Called
from gateway.ports import ResumePoint, Tokens
from gateway.state import State

PREFIX: Final = "callback_"  # SDKs take what begins with `ping` or `aibot_subscribe` for other answers


def req_id_of(tokens: Tokens, state: State, who: Called, position: int) -> str:
    """Name the record at a position to a bot."""
    return PREFIX + tokens.resume_token(ResumePoint(state.epoch, who.key, position))


def position_of(tokens: Tokens, state: State, who: Called, req_id: str) -> int | None:
    """Find the position that a bot was given as a `req_id`; None if it was given no such one."""
    point = tokens.read_resume_token(req_id.removeprefix(PREFIX))
    if point is None or (point.epoch, point.person) != (state.epoch, who.key):
        return None
    return point.position
