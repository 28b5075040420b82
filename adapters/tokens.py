"""Link tokens, tickets and resume tokens: who may open a link, and where a device stands.

A link token is a JWT signed with one fixed algorithm; it is checked without any look-up but the list of revoked ids.
A ticket stands for a link token once, for 30 s, so that no long-lived secret travels in a URL.
"""

import hmac
import json
import os
import secrets
import struct
import time
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from adapters.data_folder import replace
from gateway.ports import CannotOpen, ResumePoint
from protocol.ids import corp_of

ALGORITHM: Final = "HS256"
TOKEN_S_DEFAULT: Final = 24 * 3600
TOKEN_S_MAX: Final = 366 * 24 * 3600
TICKET_S: Final = 30
TICKETS_MAX: Final = 10_000
DEVICE_CHARACTERS_MAX: Final = 64
AUDIENCES: Final = ("member", "consumer")
KEYS_FILE: Final = "keys.json"
_NONCE_BYTES: Final = 12


class Rejected(Exception):
    """A token or a ticket that opens nothing; the text is the same whatever is wrong with it."""


class LinkClaims(Struct, frozen=True):
    """What a link token says."""

    audience: str
    person: str
    device: str
    token_id: str
    expires_s: int


class Keys(Struct, frozen=True):
    """The secrets of one data folder: the id and key of link tokens, the key of resume tokens."""

    key_id: str
    link: bytes
    resume: bytes

    @property
    def access(self) -> bytes:
        """Give the key of the vendor's access tokens: another use, so another key."""
        return hmac.digest(self.link, b"access tokens", "sha256")

    @property
    def files(self) -> bytes:
        """Give the key from which the keys of bots' files are made."""
        return hmac.digest(self.link, b"files of bots", "sha256")

    @classmethod
    def fresh(cls) -> "Keys":
        return cls(secrets.token_hex(4), secrets.token_bytes(32), AESGCM.generate_key(128))

    @classmethod
    def kept_in(cls, folder: Path) -> "Keys":
        """Read the keys of a data folder, making them on first use, readable by the owner alone."""
        path = folder / KEYS_FILE
        if path.exists():
            try:
                kept = json.loads(path.read_text())
                return cls(kept["key_id"], bytes.fromhex(kept["link"]), bytes.fromhex(kept["resume"]))
            except (OSError, ValueError, KeyError, TypeError) as why:
                raise CannotOpen(
                    f"{path} cannot be read: put back a backup, or remove it and have every token made anew"
                ) from why
        keys = cls.fresh()
        text = json.dumps({"key_id": keys.key_id, "link": keys.link.hex(), "resume": keys.resume.hex()})
        replace(path, text.encode())
        return keys


class TokenBox:
    """Makes and checks every token of this gateway."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._aead = AESGCM(keys.resume)
        self._tickets: dict[str, tuple[float, LinkClaims]] = {}

    def link_token(self, person: str, device: str, seconds: int = TOKEN_S_DEFAULT) -> str:
        """Mint a link token for a person's device; its audience is the side of the bridge the person is on."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "aud": "member" if corp_of(person) else "consumer",
            "sub": person,
            "dev": device,
            "jti": secrets.token_hex(12),
            "iat": now,
            "exp": now + seconds,
        }
        if corp_of(person):
            claims["corp"] = corp_of(person)
        return jwt.encode(claims, self._keys.link, ALGORITHM, headers={"kid": self._keys.key_id})

    def read_link_token(self, token: str) -> LinkClaims:
        """Check a link token; `Rejected` if it is not ours, not intact or expired."""
        try:
            claims = jwt.decode(
                token, self._keys.link, algorithms=[ALGORITHM], audience=list(AUDIENCES),
                options={"require": ["exp", "aud", "sub", "jti", "dev"]},
            )  # fmt: skip
            audience, person, device = claims["aud"], claims["sub"], claims["dev"]
        except (jwt.PyJWTError, ValueError, TypeError) as why:
            raise Rejected("the token does not open a link") from why
        strings = all(isinstance(value, str) for value in (audience, person, device, claims["jti"]))
        if not strings or (audience == "member") != bool(corp_of(person)):
            raise Rejected("the token does not open a link")
        return LinkClaims(audience, person, device, claims["jti"], int(claims["exp"]))

    def ticket(self, claims: LinkClaims) -> str:
        """Make a ticket that stands for a link token once."""
        now = time.monotonic()
        self._tickets = {key: kept for key, kept in self._tickets.items() if kept[0] > now}
        if len(self._tickets) >= TICKETS_MAX:
            del self._tickets[next(iter(self._tickets))]
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = (now + TICKET_S, claims)
        return ticket

    def spend_ticket(self, ticket: str) -> LinkClaims:
        """Take a ticket; `Rejected` if it is unknown, spent or too old."""
        until, claims = self._tickets.pop(ticket, (0.0, None))
        if claims is None or until <= time.monotonic():
            raise Rejected("the ticket does not open a link")
        return claims

    def resume_token(self, point: ResumePoint) -> str:
        """Seal where a device stands; positions are nobody's business but ours."""
        nonce = os.urandom(_NONCE_BYTES)
        text = struct.pack("<QQ", point.epoch, point.position) + point.person.encode()
        return (nonce + self._aead.encrypt(nonce, text, None)).hex()

    def read_resume_token(self, token: str) -> ResumePoint | None:
        """Open a resume token; None if it was not made here or not left alone."""
        try:
            sealed = bytes.fromhex(token)
            text = self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
        except (ValueError, InvalidTag):
            return None
        epoch, position = struct.unpack_from("<QQ", text)
        return ResumePoint(epoch, text[16:].decode(), position)
