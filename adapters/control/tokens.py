"""Calls that make and take back what opens a link."""

import asyncio
from typing import Annotated

from msgspec import Meta, Struct

from adapters.control.endpoint import Body, Door, endpoint
from adapters.control.problems import refused
from adapters.http import admits
from adapters.names import Key
from adapters.strict import Wrong
from adapters.tokens import DEVICE_CHARACTERS_MAX, TOKEN_S_DEFAULT, TOKEN_S_MAX, LinkClaims, Rejected
from gateway.commands import RevokeToken
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.people import Member
from protocol.errors import DEPARTED, UNKNOWN_PERSON

TOKENS_MAX = 10_000  # in one call
_BATCH = 200  # made at a time: signing is a matter of microseconds, ten thousand signatures are not

Token = Annotated[str, Meta(min_length=1, max_length=4096)]


class TokensBody(Body, frozen=True):
    people: Annotated[tuple[Key, ...], Meta(min_length=1, max_length=TOKENS_MAX)]
    device: Annotated[str, Meta(min_length=1, max_length=DEVICE_CHARACTERS_MAX)] = "control"
    seconds: Annotated[int, Meta(ge=1, le=TOKEN_S_MAX)] = TOKEN_S_DEFAULT


class TokensAnswer(Struct, frozen=True):
    """Link tokens, in the order of the people."""

    tokens: list[str]


class TokenBody(Body, frozen=True):
    token: Token


class RevokedAnswer(Struct, frozen=True):
    token_id: str
    person: str


class TicketAnswer(Struct, frozen=True):
    """A ticket opens one link within 30 s, as `?ticket=`."""

    ticket: str


@endpoint("POST", "/tokens")
async def mint_tokens(door: Door, body: TokensBody) -> TokensAnswer:
    """Make link tokens for a device of each of these people."""

    def look(state: State, _now_ms: int) -> list[str] | tuple[str, Refusal]:
        keys = [state.key_of(name) for name in body.people]
        for name, key in zip(body.people, keys, strict=True):
            person = state.people.get(key)
            if person is None:
                return name, Refusal(UNKNOWN_PERSON)
            if isinstance(person, Member) and person.departed:
                return name, Refusal(DEPARTED)
        return keys

    found = await door.look(look)
    if isinstance(found, tuple):
        raise refused(found[1], f"no token for {found[0]!r}: {found[1].reason.text}")
    tokens: list[str] = []
    for start in range(0, len(found), _BATCH):
        batch = found[start : start + _BATCH]
        tokens += [door.tokens.link_token(key, body.device, body.seconds) for key in batch]
        await asyncio.sleep(0)
    return TokensAnswer(tokens)


async def _claims(door: Door, token: str) -> LinkClaims:
    """Read a token that still opens a link; anything else is wrong, and is not told why."""
    try:
        claims = door.tokens.read_link_token(token)
    except Rejected as why:
        raise Wrong(str(why)) from why
    if not await door.look(lambda state, _now_ms: admits(state, claims)):
        raise Wrong("the token does not open a link")
    return claims


@endpoint("POST", "/tokens/revoke")
async def revoke_token(door: Door, body: TokenBody) -> RevokedAnswer:
    """Take a link token back, and close the links that it opened."""
    claims = await _claims(door, body.token)
    door.snapshots.refuse_while_replacing()
    await door.ask(RevokeToken(claims.token_id, claims.expires_s))
    return RevokedAnswer(claims.token_id, claims.person)


class RotatedAnswer(Struct, frozen=True):
    """The ids of the keys whose tokens are good, the one that signs first; how many links lost theirs."""

    key_ids: list[str]
    links_closed: int


@endpoint("POST", "/tokens/rotate")
async def rotate_keys(door: Door) -> RotatedAnswer:
    """Sign link tokens with a new key; those of the key before stay good, older ones and their links end."""
    await door.tokens.rotate()
    closed = door.links.end(door.tokens.is_good)
    return RotatedAnswer([key.id for key in door.tokens.keys.signing], closed)


@endpoint("POST", "/tickets")
async def mint_ticket(door: Door, body: TokenBody) -> TicketAnswer:
    """Make a ticket that stands for a link token once."""
    return TicketAnswer(door.tokens.ticket(await _claims(door, body.token)))
