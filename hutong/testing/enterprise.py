"""The enterprise of a test: who is in it, how an SDK and callbacks reach it, and what happened there."""

import re
from contextlib import suppress
from http.client import HTTPException
from typing import Any, Final, Literal, Self, get_args

from hutong.client import open_session
from hutong.control import NotRunning
from hutong.testing.gateway import Hutong
from hutong.testing.people import PATIENCE_S, Bot, Consumer, Member, Person

Kind = Literal["message", "decision", "call", "callback"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
AGENT_ID: Final = "1000002"
AES_KEY: Final = "hutonghutonghutonghutonghutonghutonghutongA"  # 43 letters and digits, as the vendor's are


class Enterprise:
    """An enterprise of one test: certified, with an app that an SDK can be pointed at, and gone after the test."""

    def __init__(self, hutong: Hutong, name: str) -> None:
        self.hutong = hutong
        self.number = next(hutong.numbers)
        self.corpid = f"ww-{re.sub(r'[^A-Za-z0-9_]+', '-', name)[:40]}-{self.number}"
        self.agent_id = AGENT_ID
        self.secret = f"secret-of-{self.corpid}"
        self.token = f"token-of-{self.corpid}"
        self.aes_key = AES_KEY
        self._people: list[Person] = []
        self._began: dict[Kind, int] = {}

    async def __aenter__(self) -> Self:
        await self.hutong.clock.freeze()
        for kind in KINDS:
            self._began[kind] = (await self._list(kind, limit=1))["next_after"]
        await self.hutong.control.put_corp(self.corpid, name=self.corpid, certification="certified")
        await self.hutong.control.put_app(self.corpid, self.agent_id, name="app", secret=self.secret)
        self.session = open_session()
        return self

    async def __aexit__(self, *_: object) -> None:
        for person in self._people:
            await person.close()
        await self.session.close()
        with suppress(NotRunning):  # the test has failed of that already
            await self.hutong.control.reset(self.corpid)

    async def member(self, userid: str, **fields: Any) -> Member:
        """Bring a member online; the fields are those of control's `PUT …/members/…`."""
        await self.hutong.control.put_member(self.corpid, userid, **{"name": userid, **fields})
        member = Member(self, await self._token(f"{self.corpid}/{userid}"))
        await self._connect(member)
        return member

    async def consumer(self, name: str, **fields: Any) -> Consumer:
        """Bring a consumer online. Consumers are everybody's, so the handle is the name and this test's number."""
        handle = f"{name}-{self.number}"
        await self.hutong.control.put_consumer(handle, **{"nickname": name, **fields})
        consumer = Consumer(self, await self._token(handle))
        await self._connect(consumer)
        return consumer

    async def bot(self, name: str = "bot") -> Bot:
        """Make a bot, for which software subscribes at `hutong.bots_url`; its id is the name and this test's number."""
        bot = Bot(f"{name}-{self.number}", f"secret-of-{name}")
        await self.hutong.control.put_app(self.corpid, bot.id, name=name, secret=bot.secret, bot=True)
        return bot

    async def _token(self, key: str) -> str:
        (token,) = await self.hutong.control.tokens([key], "phone")
        return token

    async def _connect(self, person: Person) -> None:
        self._people.append(person)
        await person.connect(PATIENCE_S)

    async def code(self, **fields: Any) -> str:
        """Make a QR code of a member or a group; the fields are those of control's `POST …/codes`."""
        return await self.hutong.control.make_code(self.corpid, **fields)

    async def calls_back(self, url: str) -> None:
        """Have the app called back at this address, with `token` and `aes_key`."""
        await self.hutong.control.put_app(
            self.corpid, self.agent_id, name="app", secret=self.secret,
            callback_url=url, callback_token=self.token, callback_aes_key=self.aes_key,
        )  # fmt: skip

    async def sees(self, kind: Kind, within_s: float = PATIENCE_S, **look: Any) -> dict[str, Any]:
        """Wait for the first of this test's calls, callbacks, decisions or messages that is like this.

        `sees("call", path="externalcontact/add_msg_template")`, `sees("callback", event="add_external_contact")`: what
        else may be looked for says `/_hutong/openapi.json`.
        """
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is nothing that is seen: there are {', '.join(KINDS)}")
        looked = {**self._look(kind), **look}
        told = await self._list(kind, wait_s=within_s, **looked)
        if not told[f"{kind}s"]:
            raise AssertionError(f"no {kind} like {look} within {within_s:g} s")
        return dict(told[f"{kind}s"][0])

    async def _list(self, kind: Kind, **look: Any) -> dict[str, Any]:
        told: dict[str, Any] = await self.hutong.control.ask("GET", f"/{kind}s", look=look)
        return told

    def _look(self, kind: Kind) -> dict[str, Any]:
        """Look for what is of this test: since it began, and of this enterprise where that can be asked for."""
        of = {"corpid": self.corpid} if kind in ("call", "callback") else {}
        return {"after": self._began[kind], "limit": 1000, **of}

    def story(self) -> list[tuple[str, str]]:
        """Tell what happened in this test, as titles and lines, for the report of a failure."""
        try:
            told = [(kind, self.hutong.recent(kind, self._look(kind))) for kind in KINDS]
        except (OSError, HTTPException) as why:
            ended = self.hutong.ended(within_s=1.0)  # its port closes a moment before it is gone
            return [
                ("hutong: the gateway has ended" if ended else "hutong: the gateway does not answer", ended or str(why))
            ]
        return [(f"hutong: recent {kind}s", "\n".join(lines)) for kind, lines in told if lines]
