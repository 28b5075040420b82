"""A client of our own API under /_hutong/: what the commands, and tests of other software, ask of a running server."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, Self
from urllib.parse import quote, urlsplit

import orjson
from aiohttp import (
    ClientConnectionError,
    ClientConnectorCertificateError,
    ClientPayloadError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
)

from hutong.wire import not_trusted

DEFAULT_URL: Final = "http://127.0.0.1:8480"
RESTART_LOOK_S: Final = 0.1
RESTART_S: Final = 120.0  # some ten million records
ANSWER_S: Final = 90.0  # a question that waits for something to happen waits 60 s at most


class NotRunning(Exception):
    """Nobody answers at this address."""

    def __init__(self, url: str) -> None:
        super().__init__(f"no server is running on {url}: start one with `hutong serve`")


class NotTrusted(Exception):
    """Who answers at this address cannot be trusted; waiting does not help."""

    def __init__(self, url: str) -> None:
        super().__init__(not_trusted(url))


class BadUrl(ValueError):
    """The address is none."""


class Problem(Exception):
    """The server said no; the fields are those of its problem document (RFC 9457)."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        self.status = status
        self.title = str(document.get("title", "") or f"HTTP {status}")
        self.detail = str(document.get("detail", ""))
        self.reason = str(document.get("reason", ""))
        self.code = int(document.get("code", 0))
        super().__init__(self.detail or self.title)


class Control:
    """Ask and change a running server. A member is named `corpid/userid`, a consumer by handle.

    Entered, it keeps its connections; else it makes one for each question, and belongs to no event loop.
    """

    def __init__(self, base_url: str = DEFAULT_URL) -> None:
        self.base_url = (base_url or DEFAULT_URL).rstrip("/")
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadUrl(f"{base_url!r} is no address of a server: it looks like {DEFAULT_URL}.")
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = ClientSession(timeout=ClientTimeout(total=ANSWER_S, sock_connect=5))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | str | None = None,
        look: Mapping[str, object] | None = None,
    ) -> Any:
        """Ask for a path under /_hutong; raise `Problem` or `NotRunning`. Objects travel as JSON, text as TOML."""
        if self._session is None:
            async with Control(self.base_url) as once:
                return await once.ask(method, path, body, look)
        data = None if body is None else body.encode() if isinstance(body, str) else orjson.dumps(body)
        headers = {"Content-Type": "application/toml" if isinstance(body, str) else "application/json"} if data else {}
        query = {name: str(value) for name, value in (look or {}).items() if value is not None}
        url = f"{self.base_url}/_hutong{path}"
        with self._reaching():
            async with self._session.request(method, url, data=data, headers=headers, params=query) as answer:
                return await _told(answer)

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Raise `NotRunning` where nobody answers, or nobody who is trusted."""
        try:
            yield
        except ClientConnectorCertificateError as why:
            raise NotTrusted(self.base_url) from why
        except (ClientConnectionError, ClientPayloadError, TimeoutError):
            raise NotRunning(self.base_url) from None  # which says all there is to know

    async def ready(self) -> bool:
        """Tell whether the server takes links; false also where nobody answers, but `NotTrusted` is raised."""
        assert self._session is not None, "use `async with Control(…)`"
        try:
            with self._reaching():
                async with self._session.get(f"{self.base_url}/readyz") as answer:
                    return answer.status == 200
        except NotRunning:
            return False

    async def metrics(self) -> str:
        """Give the server's numbers in the exposition format."""
        assert self._session is not None, "use `async with Control(…)`"
        with self._reaching():
            async with self._session.get(f"{self.base_url}/metrics") as answer:
                return await answer.text()

    # Whole worlds, by name.

    async def snapshots(self) -> dict[str, Any]:
        """List the snapshots; `epoch` names the life that the world is in."""
        told: dict[str, Any] = await self.ask("GET", "/snapshots")
        return told

    async def save_snapshot(self, name: str) -> dict[str, Any]:
        """Save the world as it stands now."""
        return await self._move("POST", name)

    async def put_snapshot(self, name: str, file: Path) -> dict[str, Any]:
        """Bring in a snapshot's file."""
        with file.open("rb") as body:
            return await self._move("PUT", name, body)

    async def get_snapshot(self, name: str, file: Path) -> None:
        """Write a snapshot to a file, whole or not at all."""
        await self._move("GET", name, into=file)

    async def remove_snapshot(self, name: str) -> None:
        await self.ask("DELETE", f"/snapshots/{_path(name)}")

    async def restore_snapshot(self, name: str) -> None:
        """Have the gateway begin again from a snapshot, and return when it has."""
        told = await self._move("POST", f"{name}/restore")
        async with asyncio.timeout(RESTART_S):
            while not await self._lives(told["epoch"]):  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(RESTART_LOOK_S)

    async def _lives(self, epoch: int) -> bool:
        """Tell whether the server is in a life; while it restarts, it is in none."""
        try:
            return bool((await self.snapshots())["epoch"] == epoch)
        except (NotRunning, Problem):
            return False

    async def _move(
        self, method: str, name: str, body: IO[bytes] | None = None, into: Path | None = None
    ) -> dict[str, Any]:
        """Ask for what takes as long as the world is large."""
        assert self._session is not None, "use `async with Control(…)`"
        url = f"{self.base_url}/_hutong/snapshots/{_path(name)}"
        patient = ClientTimeout(total=None, sock_connect=5)
        with self._reaching():
            async with self._session.request(method, url, data=body, timeout=patient) as answer:
                if into is None or answer.status >= 400:
                    told: dict[str, Any] = await _told(answer)
                    return told
                await _written(answer.content.iter_any(), into)
                return {}

    # People and how they connect.

    async def env(self) -> dict[str, Any]:
        """Tell addresses, secrets and tokens: what an SDK and a client need."""
        told: dict[str, Any] = await self.ask("GET", "/env")
        return told

    async def tokens(self, people: Iterable[str], device: str, seconds: int = 86_400) -> list[str]:
        """Mint a link token for a device of each person, in the same order."""
        body = {"people": list(people), "device": device, "seconds": seconds}
        told: list[str] = (await self.ask("POST", "/tokens", body))["tokens"]
        return told

    async def people(self, **look: object) -> list[dict[str, Any]]:
        """List people; `kind` is member or consumer, `corpid` narrows it to an enterprise."""
        return await self._pages("/people", "people", look)

    async def person(self, person: str) -> dict[str, Any]:
        """Tell of one person; of a consumer also the id by which each enterprise knows them."""
        told: dict[str, Any] = await self.ask("GET", f"/people/{_path(person)}")
        return told

    async def conversations(self, person: str) -> list[dict[str, Any]]:
        """List a person's conversations with the other sides and the heads."""
        return await self._pages(f"/people/{_path(person)}/conversations", "conversations", {})

    async def _pages(self, path: str, key: str, look: Mapping[str, object]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = await self.ask("GET", path, look={**look, "cursor": cursor})
            rows += page[key]
            cursor = page.get("next_cursor") or None
            if cursor is None:
                return rows

    # The world.

    async def put_corp(self, corpid: str, **fields: Any) -> Any:
        return await self.ask("PUT", f"/corps/{_path(corpid)}", fields)

    async def put_app(self, corpid: str, agent_id: str, **fields: Any) -> Any:
        return await self.ask("PUT", f"/corps/{_path(corpid)}/apps/{_path(agent_id)}", fields)

    async def put_department(self, corpid: str, number: int, **fields: Any) -> Any:
        return await self.ask("PUT", f"/corps/{_path(corpid)}/departments/{number}", fields)

    async def put_member(self, corpid: str, userid: str, **fields: Any) -> Any:
        return await self.ask("PUT", f"/corps/{_path(corpid)}/members/{_path(userid)}", fields)

    async def put_consumer(self, handle: str, **fields: Any) -> Any:
        return await self.ask("PUT", f"/consumers/{_path(handle)}", fields)

    async def put_relation(self, corpid: str, userid: str, handle: str, **fields: Any) -> Any:
        """Set how a member and a consumer stand, and give their conversation and the consumer's external_userid."""
        return await self.ask("PUT", f"/corps/{_path(corpid)}/relations/{_path(userid)}/{_path(handle)}", fields)

    async def make_code(self, corpid: str, **fields: Any) -> str:
        """Make a QR code of a member (`userid`) or a group (`chat_id`)."""
        return str((await self.ask("POST", f"/corps/{_path(corpid)}/codes", fields))["code"])

    async def make_group(self, corpid: str, **fields: Any) -> Any:
        """Make a group, and give its chat_id and conversation."""
        return await self.ask("POST", f"/corps/{_path(corpid)}/groups", fields)

    async def world(self) -> str:
        """Give the world as a TOML file: who exists and who knows whom."""
        return str(await self.ask("GET", "/world"))

    async def load_world(self, toml: str) -> Any:
        return await self.ask("POST", "/world", toml)

    async def reset(self, corpid: str | None = None) -> Any:
        """Forget one enterprise, or everything."""
        return await self.ask("POST", f"/corps/{_path(corpid)}/reset" if corpid else "/reset", {})

    # Time and rules.

    async def clock(self) -> dict[str, Any]:
        told: dict[str, Any] = await self.ask("GET", "/clock")
        return told

    async def set_clock(self, advance_ms: int | None = None, rate: float | None = None) -> dict[str, Any]:
        """Move the clock forward, or let it run at another rate; 0 freezes it."""
        body = {"advance_ms": advance_ms, "rate": rate}
        told: dict[str, Any] = await self.ask(
            "POST", "/clock", {name: value for name, value in body.items() if value is not None}
        )
        return told

    async def profile(self) -> dict[str, Any]:
        told: dict[str, Any] = await self.ask("GET", "/profile")
        return told

    async def set_profile(self, name: str) -> Any:
        return await self.ask("PUT", "/profile", {"name": name})

    async def explain(
        self, sender: str, to: str, content: str | None = None, mass: str | None = None
    ) -> dict[str, Any]:
        """Tell what every rule would say to a message: used, left, and when it resets.

        `mass` asks of a mass message: the enterprise's (`corp`) or the member's own (`own`).
        """
        told: dict[str, Any] = await self.ask(
            "GET", "/limits/explain", look={"sender": sender, "to": to, "content": content, "mass": mass}
        )
        return told

    # What happened lately.

    async def messages(self, **look: object) -> dict[str, Any]:
        """List recent messages; `wait_s` waits for one that matches."""
        told: dict[str, Any] = await self.ask("GET", "/messages", look=look)
        return told

    async def decisions(self, **look: object) -> dict[str, Any]:
        """List recent decisions, refusals among them; `wait_s` waits for one that matches."""
        told: dict[str, Any] = await self.ask("GET", "/decisions", look=look)
        return told

    async def calls(self, **look: object) -> dict[str, Any]:
        """List recent calls of WeCom's API; `wait_s` waits for one that matches."""
        told: dict[str, Any] = await self.ask("GET", "/calls", look=look)
        return told

    async def callbacks(self, **look: object) -> dict[str, Any]:
        """List recent attempts to call apps back; `wait_s` waits for one that matches."""
        told: dict[str, Any] = await self.ask("GET", "/callbacks", look=look)
        return told


async def _written(pieces: AsyncIterator[bytes], file: Path) -> None:
    part = file.with_name(f"{file.name}.part")
    with part.open("wb") as out:
        try:
            async for piece in pieces:
                out.write(piece)
            part.replace(file)
        except BaseException:
            part.unlink()
            raise


async def _told(answer: ClientResponse) -> Any:
    """Read an answer; raise `Problem` if it is none, also in the words of somebody who is not a gateway."""
    content = await answer.read()
    is_json = answer.content_type.endswith("json") and content
    told = orjson.loads(content) if is_json else content.decode(errors="replace")
    if answer.status >= 400:
        raise Problem(answer.status, told if isinstance(told, dict) else {"detail": told.strip()})
    return told


def _path(name: str) -> str:
    return quote(name, safe="/")
