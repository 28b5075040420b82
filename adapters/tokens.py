"""Link tokens, tickets and resume tokens: who may open a link, and where a device stands.

A link token is a JWT signed with one fixed algorithm; it is checked without any look-up but the list of revoked ids.
A ticket stands for a link token once, for 30 s, so that no long-lived secret travels in a URL.

Rules of the file:
- What a token says of itself decides nothing but which of two keys it is checked with.
- One token has one spelling: another that would mean the same is none.
- One answer for everything that opens nothing.
"""

import asyncio
import hmac
import json
import os
import re
import secrets
import struct
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

import jwt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from jwt.types import Options
from msgspec import Struct

from adapters.data_folder import replace
from adapters.real_clock import RealClock
from gateway.ports import CannotOpen, ResumePoint
from protocol.ids import corp_of

ALGORITHM: Final = "HS256"
TOKEN_S_DEFAULT: Final = 24 * 3600
TOKEN_S_MAX: Final = 366 * 24 * 3600
TICKET_S: Final = 30
TICKETS_MAX: Final = 10_000
DEVICE_CHARACTERS_MAX: Final = 64
AUDIENCES: Final = ("member", "consumer")
SIGNING_MAX: Final = 2
KEYS_FILE: Final = "keys.json"
_NONCE_BYTES: Final = 12
_NO_LINK: Final = "the token does not open a link"
_SPELT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# Times are looked at here, by a clock that does not go back.
_CHECKED: Final[Options] = {
    "require": ["exp", "aud", "sub", "jti", "dev"], "verify_exp": False, "verify_nbf": False, "verify_iat": False
}  # fmt: skip


class Rejected(Exception):
    """A token or a ticket that opens nothing; the text is the same whatever is wrong with it."""


class LinkClaims(Struct, frozen=True):
    """What a link token says, and the id of the key that it was signed with."""

    audience: str
    person: str
    device: str
    token_id: str
    expires_s: int
    key_id: str


class Key(NamedTuple):
    """A key that link tokens are signed with, and the id that they name it by."""

    id: str
    secret: bytes

    def __repr__(self) -> str:
        return f"<key {self.id}>"

    @classmethod
    def fresh(cls) -> "Key":
        return cls(secrets.token_hex(4), secrets.token_bytes(32))


class Keys(NamedTuple):
    """The secrets of one data folder. `signing` has the key that signs, and the one before it, which is still good."""

    folder_id: str
    root: bytes  # of which the keys of other uses are made
    resume: bytes
    signing: tuple[Key, ...]

    def __repr__(self) -> str:
        return f"<keys of {self.folder_id}>"

    @property
    def access(self) -> bytes:
        """Give the key of the vendor's access tokens: another use, so another key."""
        return hmac.digest(self.root, b"access tokens", "sha256")

    @property
    def files(self) -> bytes:
        """Give the key from which the keys of bots' files are made."""
        return hmac.digest(self.root, b"files of bots", "sha256")

    def rotated(self) -> "Keys":
        """Sign with a fresh key from now on; the key before stays good, the one before that does not."""
        return self._replace(signing=(Key.fresh(), self.signing[0]))

    @classmethod
    def fresh(cls) -> "Keys":
        first = Key.fresh()
        return cls(first.id, secrets.token_bytes(32), AESGCM.generate_key(128), (first,))

    @classmethod
    def kept_in(cls, folder: Path) -> "Keys":
        """Read the keys of a data folder, making them on first use, readable by the owner alone."""
        path = folder / KEYS_FILE
        if path.exists():
            try:
                return cls._read(json.loads(path.read_text()))
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as why:
                raise CannotOpen(
                    f"{path} cannot be read: put back a backup, or remove it and have every token made anew"
                ) from why
        keys = cls.fresh()
        keys.keep(folder)
        return keys

    @classmethod
    def _read(cls, kept: dict[str, Any]) -> "Keys":
        """Read what `keep` has written; before keys could be rotated there was one, which stood for everything."""
        signing = kept.get("signing", {kept["key_id"]: kept["link"]})
        keys = tuple(Key(name, bytes.fromhex(secret)) for name, secret in signing.items())
        if not 1 <= len(keys) <= SIGNING_MAX:
            raise ValueError("one key signs, and one may be left of before")
        return cls(kept["key_id"], bytes.fromhex(kept["link"]), bytes.fromhex(kept["resume"]), keys)

    def keep(self, folder: Path) -> None:
        """Write them into a data folder."""
        signing = {key.id: key.secret.hex() for key in self.signing}
        kept = {
            "key_id": self.folder_id, "link": self.root.hex(), "resume": self.resume.hex(), "signing": signing
        }  # fmt: skip
        replace(folder / KEYS_FILE, json.dumps(kept).encode())


class TokenBox:
    """Makes and checks every token of this gateway; `folder` is where its keys are kept, if anywhere."""

    def __init__(self, keys: Keys, clock: RealClock, folder: Path | None = None) -> None:
        self.keys = keys
        self._clock = clock
        self._folder = folder
        self._rotating = asyncio.Lock()
        self._aead = AESGCM(keys.resume)
        self._tickets: dict[str, tuple[float, LinkClaims]] = {}

    async def rotate(self) -> None:
        """Sign with a fresh key, once that is kept; tickets of tokens that open nothing any more open nothing."""
        async with self._rotating:
            keys = self.keys.rotated()
            if self._folder is not None:
                await asyncio.to_thread(keys.keep, self._folder)
            self.keys = keys

    def is_good(self, key_id: str) -> bool:
        """Tell whether what was signed with a key is good."""
        return any(key.id == key_id for key in self.keys.signing)

    def link_token(self, person: str, device: str, seconds: int = TOKEN_S_DEFAULT) -> str:
        """Mint a link token for a person's device; its audience is the side of the bridge the person is on."""
        now = self._clock.real_ms() // 1000
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
        key = self.keys.signing[0]
        return jwt.encode(claims, key.secret, ALGORITHM, headers={"kid": key.id})

    def read_link_token(self, token: str) -> LinkClaims:
        """Check a link token; `Rejected` if it is not ours, not intact or expired."""
        try:
            key = self._key_of(token)
            claims = jwt.decode(token, key.secret, algorithms=[ALGORITHM], audience=list(AUDIENCES), options=_CHECKED)
            audience, person, device, token_id = (claims[name] for name in ("aud", "sub", "dev", "jti"))
            now_s, expires_s = self._clock.real_ms() // 1000, int(claims["exp"])
            begins_s = int(claims.get("nbf", 0))
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as why:
            raise Rejected(_NO_LINK) from why
        strings = all(isinstance(value, str) for value in (audience, person, device, token_id))
        if not strings or (audience == "member") != bool(corp_of(person)) or not begins_s <= now_s < expires_s:
            raise Rejected(_NO_LINK)
        return LinkClaims(audience, person, device, token_id, expires_s, key.id)

    def _key_of(self, token: str) -> Key:
        """Give the key that a token names."""
        if not _SPELT.fullmatch(token):
            raise Rejected(_NO_LINK)
        named = jwt.get_unverified_header(token).get("kid")
        for key in self.keys.signing:
            if key.id == named:
                return key
        raise Rejected(_NO_LINK)

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
        if claims is None or until <= time.monotonic() or not self.is_good(claims.key_id):
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
            if sealed.hex() != token:  # capital letters, spaces between
                return None
            text = self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
        except (ValueError, InvalidTag):
            return None
        epoch, position = struct.unpack_from("<QQ", text)
        return ResumePoint(epoch, text[16:].decode(), position)
