"""The forms of ids, derived by keyed hash from counters: never rolled, so that replay and a seeded world repeat them.

`wm…` a consumer as one enterprise sees it, `wr…` a customer group, `cv…` a conversation, `qr…` a QR code.
"""

from base64 import urlsafe_b64encode
from collections.abc import Container
from hashlib import blake2b
from typing import Final

DIGEST_BYTES: Final = 18  # 24 characters of base64; collisions are out of reach for any world that fits in memory


def derive(prefix: str, seed: str, *names: str | int) -> str:
    """Derive an id from the world's seed and what it is the id of; the same always gives the same."""
    text = "\0".join(map(str, names)).encode()
    digest = blake2b(text, key=seed.encode()[:64], person=prefix.encode()[:16], digest_size=DIGEST_BYTES).digest()
    return prefix + urlsafe_b64encode(digest).decode().replace("-", "A").replace("_", "B")


def derive_free(taken: Container[str], prefix: str, seed: str, *names: str | int) -> str:
    """Derive an id that nobody has; the same as `derive` unless somebody brought that one from elsewhere."""
    name, tries = derive(prefix, seed, *names), 0
    while name in taken:
        tries += 1
        name = derive(prefix, seed, *names, f"again {tries}")
    return name


def derive_version(seed: str, *names: str | int) -> str:
    """Derive the 32 hexadecimal digits of a version."""
    text = "\0".join(map(str, names)).encode()
    return blake2b(text, key=seed.encode()[:64], person=b"version", digest_size=16).hexdigest()


def opengid_of(chat_id: str) -> str:
    """Give the id by which a consumer's client knows a group."""
    return f"og{chat_id}"


def member_key(corpid: str, userid: str) -> str:
    """Name a member among all people."""
    return f"{corpid}/{userid}"


def app_key(corpid: str, agent_id: str) -> str:
    """Name an app among all senders; `#` cannot stand in a userid."""
    return f"{corpid}/#{agent_id}"


def corp_of(key: str) -> str:
    """Give the enterprise of a member's or an app's key; empty for a consumer."""
    return key.partition("/")[0] if "/" in key else ""
