"""The envelope of callbacks and of the answers to them: encrypted, then signed (DOC 90930, 90968).

The plaintext is 16 random bytes, the length of the message in 4 (big-endian), the message, and for whom it is
(`receiveid`: an enterprise's own app has the corpid). It is padded to blocks of 32 bytes and goes through AES-256 in
CBC mode, whose vector is the beginning of the key; the signature is SHA-1 over Token, timestamp, nonce and ciphertext,
sorted.

Rules of the file:
- Opening goes from cheap to costly: size, form, freshness, signature, seen before, and only then the cipher.
- From the signature on there is one answer for whatever is wrong: who guesses learns nothing from it.
- Chance and time come in as arguments.
"""

import re
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import sha1
from hmac import compare_digest
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from protocol.wecom import xml

ENVELOPE_BYTES_MAX: Final = 64 * 1024
FRESH_S: Final = 300
PREFIX_BYTES: Final = 16
SEEN_MAX: Final = 10_000
_BLOCK: Final = 32
_SECONDS: Final = re.compile("[0-9]{1,12}")
_CLOSED: Final = "the signature or what is signed is wrong, or it was seen before"


class Unopened(Exception):
    """An envelope that stays closed; the text says no more than may be known."""


class Secrets(NamedTuple):
    """What both ends of an app's callbacks know."""

    token: str
    key: bytes
    receive_id: str


class Sealed(NamedTuple):
    """An envelope. The timestamp is kept as it was written, since it is signed as text."""

    encrypt: str
    signature: str
    timestamp: str
    nonce: str


def key_of(aes_key: str) -> bytes:
    """Decode an EncodingAESKey: 43 characters of base64, the last of which carries bits that mean nothing."""
    key = b64decode(f"{aes_key}=")
    if len(key) != 32:
        raise ValueError("an EncodingAESKey has 43 characters of base64")
    return key


def sign(token: str, timestamp: str, nonce: str, encrypt: str) -> str:
    """Make the signature; of a URL check, the echostr is what is encrypted."""
    parts = sorted(part.encode() for part in (token, timestamp, nonce, encrypt))
    return sha1(b"".join(parts), usedforsecurity=False).hexdigest()


def seal(secrets: Secrets, message: bytes, prefix: bytes, timestamp: str, nonce: str) -> Sealed:
    """Put a message into an envelope; `prefix` are 16 fresh random bytes."""
    encrypted = encrypt(secrets, message, prefix)
    return Sealed(encrypted, sign(secrets.token, timestamp, nonce, encrypted), timestamp, nonce)


def encrypt(secrets: Secrets, message: bytes, prefix: bytes) -> str:
    """Encrypt a message for whom the secrets say."""
    assert len(prefix) == PREFIX_BYTES
    plain = prefix + len(message).to_bytes(4, "big") + message + secrets.receive_id.encode()
    padding = _BLOCK - len(plain) % _BLOCK
    encryptor = _cipher(secrets.key).encryptor()
    return b64encode(encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()).decode()


def decrypt(secrets: Secrets, encrypted: str) -> bytes:
    """Decrypt a message, and check all that can be checked: padding, length, receiver."""
    try:
        ciphertext = b64decode(encrypted, validate=True)
        decryptor = _cipher(secrets.key).decryptor()
        plain = decryptor.update(ciphertext) + decryptor.finalize()
    except ValueError as why:
        raise Unopened(_CLOSED) from why
    padding = plain[-1] if plain else 0
    length = int.from_bytes(plain[PREFIX_BYTES : PREFIX_BYTES + 4], "big")
    message_ends, plain_ends = PREFIX_BYTES + 4 + length, len(plain) - padding
    is_whole = 1 <= padding <= _BLOCK and len(plain) % _BLOCK == 0 and message_ends <= plain_ends
    if not is_whole or not compare_digest(plain[plain_ends:], bytes([padding]) * padding):
        raise Unopened(_CLOSED)
    if not compare_digest(plain[message_ends:plain_ends], secrets.receive_id.encode()):
        raise Unopened(_CLOSED)
    return plain[PREFIX_BYTES + 4 : message_ends]


def _cipher(key: bytes) -> Cipher[modes.CBC]:
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))


class Seen:
    """What was opened by one clock, by its signature, so that nothing is opened twice.

    What is too old to be fresh again needs no remembering. Above a bound the oldest make room, and what is older than
    those is refused from then on. A nonce alone would not do: there are receivers that answer everything with the same
    one.
    """

    def __init__(self, most: int = SEEN_MAX) -> None:
        self._most = most
        self._signatures: OrderedDict[str, int] = OrderedDict()
        self._forgotten_s = 0

    def is_fresh(self, timestamp_s: int, now_s: int) -> bool:
        while self._signatures and next(iter(self._signatures.values())) < now_s - FRESH_S:
            self._signatures.popitem(last=False)
        return abs(now_s - timestamp_s) <= FRESH_S and timestamp_s >= self._forgotten_s

    def take(self, signature: str, timestamp_s: int) -> bool:
        """Remember a signature; False if it was there."""
        if signature in self._signatures:
            return False
        self._signatures[signature] = timestamp_s
        if len(self._signatures) > self._most:
            self._forgotten_s = max(self._forgotten_s, self._signatures.popitem(last=False)[1])
        return True


def unseal(secrets: Secrets, sealed: Sealed, clocks: Iterable[tuple[int, Seen]]) -> bytes:
    """Open an envelope; it must be fresh by one of the clocks, each given as its seconds and what it has seen."""
    if len(sealed.encrypt) > ENVELOPE_BYTES_MAX:
        raise Unopened("too large")
    timestamp_s = int(sealed.timestamp) if _SECONDS.fullmatch(sealed.timestamp) else -1
    seen = next((seen for now_s, seen in clocks if seen.is_fresh(timestamp_s, now_s)), None)
    if seen is None:
        raise Unopened(f"the timestamp is more than {FRESH_S} s away from now")
    expected = sign(secrets.token, sealed.timestamp, sealed.nonce, sealed.encrypt)
    if not compare_digest(expected.encode(), sealed.signature.lower().encode()) or not seen.take(expected, timestamp_s):
        raise Unopened(_CLOSED)
    return decrypt(secrets, sealed.encrypt)


def callback_body(corpid: str, agent_id: str, encrypted: str) -> bytes:
    """Write the body of a callback; the rest of its envelope stands in the address. Only app messages name an app."""
    app: tuple[xml.Node, ...] = (("AgentID", agent_id),) if agent_id else ()
    return xml.written((("ToUserName", corpid), *app, ("Encrypt", encrypted))).encode()


def read_answer(body: bytes) -> Sealed:
    """Read the envelope that a receiver answers with; go-workwx writes Timestamp where others write TimeStamp."""
    if len(body) > ENVELOPE_BYTES_MAX:
        raise Unopened("too large")
    try:
        parts = xml.children_of(xml.read(body))
    except xml.NotXml as why:
        raise Unopened("not an envelope") from why
    names = ("encrypt", "msgsignature", "timestamp", "nonce")
    return Sealed(*(xml.text_of(parts.get(name)) for name in names))
