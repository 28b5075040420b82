"""The gateway of a test session, and its clock."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection
from itertools import count
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import orjson

from hutong.child import Child
from hutong.commands.console import duration_ms
from hutong.commands.tail import line
from hutong.control import Control

CHINA: Final = timezone(timedelta(hours=8))  # what days and months of the rules follow
LINES: Final = 20  # of each kind that a failure's report shows
ANSWER_S: Final = 10.0


class Hutong:
    """The gateway of this session. Its clock stands still when a test begins, and every test sees what moved it."""

    def __init__(self, child: Child) -> None:
        self.url: str = child.urls["base_url"]
        self.bots_url: str = child.urls["bots_url"]
        self.control = Control(self.url)
        self.clock = Clock(self.control)
        self.numbers = count(1)
        self.child = child

    def ended(self, within_s: float = 0) -> str:
        """Tell how the gateway ended and what it said last; empty if it still runs after so long."""
        code = self.child.exit_code(within_s)
        return "" if code is None else "\n".join((f"exit code {code}; its last words:", *self.child.last_words()))

    def recent(self, kind: str, look: Mapping[str, Any]) -> list[str]:
        """Tell of each recent thing of a kind in a line; without an event loop, for the report of a failure."""
        parts = urlsplit(self.url)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_S)
        try:
            connection.request("GET", f"/_hutong/{kind}s?{urlencode(look)}")
            rows = orjson.loads(connection.getresponse().read())[f"{kind}s"]
        finally:
            connection.close()
        told = (row for row in rows if row.get("person") or not row.get("accepted"))  # not what control itself set up
        return [line(kind, row) for row in told][-LINES:]


class Clock:
    """The clock that rules and deadlines follow: one for the session, and it only goes forward."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def now(self) -> datetime:
        """Read it, in China's time (UTC+8)."""
        return datetime.fromtimestamp((await self._control.clock())["now_ms"] / 1000, CHINA)

    async def advance(self, duration: str) -> datetime:
        """Move it by 90s, 15m, 2h, 1d or 31d; deadlines on the way pass at their own times."""
        await self._control.set_clock(duration_ms(duration))
        return await self.now()

    async def run(self, rate: float = 1.0) -> None:
        """Let it run until the test ends."""
        await self._control.set_clock(rate=rate)

    async def freeze(self) -> None:
        await self._control.set_clock(rate=0.0)
