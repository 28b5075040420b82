"""Access tokens: who calls. Made and read without a table, so that a restart makes none of them worthless.

A token names its app and its end, sealed with the gateway's key; the seal covers the app's secret and the enterprise's
beginning, so that a token ends with the secret it was fetched with, and with a reset. It follows the movable clock:
7,200 s of it (DOC 91039).
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from hmac import compare_digest, digest
from typing import Final, Literal, NamedTuple

from gateway.state import State
from gateway.state.corps import App, Corp
from protocol.ids import app_key

LIFETIME_S: Final = 7_200
READ_MAX: Final = 4_096  # tokens remembered, so that a call need not unseal its own
GIVEN_MAX: Final = 10_000  # apps whose token is remembered, so that it is given again
_SEAL_BYTES: Final = 24


class Caller(NamedTuple):
    """The app that calls, and the address it calls from; `notes` become headers of the answer."""

    corpid: str
    agent_id: str
    address: str
    notes: dict[str, str]

    @property
    def key(self) -> str:
        """Name the app as control does."""
        return app_key(self.corpid, self.agent_id)


class Known(NamedTuple):
    """What a good token says."""

    corpid: str
    agent_id: str
    secret: str
    since_position: int
    epoch: int
    ends_ms: int


class AccessTokens:
    """Makes and reads access tokens; the same one is given while it is valid."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._given: dict[tuple[str, str], tuple[str, int]] = {}  # app → token, and when it ends
        self._read: dict[str, Known] = {}  # tokens that were good when they were read last
        self._tickets: dict[tuple[str, str], tuple[str, int]] = {}  # app, or none → ticket, and when it ends

    def give(self, state: State, now_ms: int, corp: Corp, app: App) -> tuple[str, int]:
        """Give an app's token, and how many seconds it has left."""
        corpid = corp.corpid
        known = self._given.get((corpid, app.agent_id))
        if known is not None and known[1] > now_ms and self.read(state, now_ms, known[0]) == (corpid, app.agent_id):
            return known[0], (known[1] - now_ms + 999) // 1000
        ends_ms = now_ms + LIFETIME_S * 1000
        body = f"{state.epoch}\0{corpid}\0{app.agent_id}\0{ends_ms}".encode()
        token = _spelt(body + self._seal(body, corp, app))
        if len(self._given) >= GIVEN_MAX:
            del self._given[next(iter(self._given))]
        self._given[corpid, app.agent_id] = token, ends_ms
        return token, LIFETIME_S

    def ticket(self, now_ms: int, corpid: str, agent_id: str = "") -> tuple[str, int]:
        """Give the ticket by which pages of an enterprise, or of one of its apps, may call scripts; see `give`."""
        known = self._tickets.get((corpid, agent_id))
        if known is None or known[1] <= now_ms:
            made = digest(self._key, f"ticket\0{corpid}\0{agent_id}\0{now_ms}".encode(), "sha256")
            known = self._tickets[corpid, agent_id] = made.hex(), now_ms + LIFETIME_S * 1000
        return known[0], (known[1] - now_ms + 999) // 1000

    def read(self, state: State, now_ms: int, token: str) -> tuple[str, str] | Literal["invalid", "expired"]:
        """Give the corpid and agent_id of a token, or what is wrong with it."""
        known = self._read.get(token)
        if known is not None and known.epoch == state.epoch:
            corp = state.corps.get(known.corpid)
            app = corp.apps.get(known.agent_id) if corp is not None else None
            same = corp is not None and corp.since_position == known.since_position
            if same and app is not None and app.secret == known.secret:
                return (known.corpid, known.agent_id) if known.ends_ms > now_ms else "expired"
        return self._open(state, now_ms, token)

    def _open(self, state: State, now_ms: int, token: str) -> tuple[str, str] | Literal["invalid", "expired"]:
        try:
            raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
            if _spelt(raw) != token:  # bits that mean nothing, letters that are passed over
                return "invalid"
            epoch, corpid, agent_id, ends_ms = raw[:-_SEAL_BYTES].decode().split("\0")
        except (ValueError, Error):
            return "invalid"
        corp = state.corps.get(corpid)
        app = corp.apps.get(agent_id) if corp is not None else None
        if corp is None or app is None:
            return "invalid"
        if not compare_digest(raw[-_SEAL_BYTES:], self._seal(raw[:-_SEAL_BYTES], corp, app)):
            return "invalid"
        if epoch != str(state.epoch):
            return "invalid"
        if int(ends_ms) <= now_ms:
            return "expired"
        if len(self._read) >= READ_MAX:
            self._read.clear()
        self._read[token] = Known(corpid, agent_id, app.secret, corp.since_position, state.epoch, int(ends_ms))
        return corpid, agent_id

    def _seal(self, body: bytes, corp: Corp, app: App) -> bytes:
        sealed = body + f"\0{corp.since_position}\0{app.secret}".encode()
        return digest(self._key, sealed, "sha256")[:_SEAL_BYTES]


def _spelt(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
