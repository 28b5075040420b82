"""What a test writes with: a gateway, an enterprise of the test's own, and people who speak over real links.

    customer = await enterprise.consumer("amy")
    member = await enterprise.member("zhangsan")
    await customer.adds(member)
    await customer.says("is it in stock?").to(member)
    await member.hears("is it in stock?")

What a rule refuses raises `Refused`, what does not come in time fails the test; everything else that a client can do
is in client.py, and everything that an administrator can do in control.py.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection
from itertools import count
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

import orjson

from hutong import client, control, inbox, link
from hutong.child import Child
from hutong.client import Accepted, Message, Refused, open_session
from hutong.commands import console
from hutong.commands.say import means
from hutong.commands.tail import line, words
from hutong.control import Control, NotRunning

PATIENCE_S: Final = 10.0
CHINA: Final = timezone(timedelta(hours=8))  # what days and months of the rules follow
LINES: Final = 20  # of each kind that a failure's report shows
KINDS: Final = ("message", "decision", "call", "callback")
AGENT_ID: Final = "1000002"
AES_KEY: Final = "hutonghutonghutonghutonghutonghutonghutongA"  # 43 letters and digits, as the vendor's are

# pytest shows of a failure the test's own lines, and none of these.
__tracebackhide__ = True
for module in (client, console, control, inbox, link):
    vars(module)["__tracebackhide__"] = True


class Hutong:
    """The gateway of this session. Its clock stands still when a test begins, and every test sees what moved it."""

    def __init__(self, child: Child) -> None:
        self.url: str = child.urls["base_url"]
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
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_S)
        try:
            query = "&".join(f"{name}={value}" for name, value in look.items())
            connection.request("GET", f"/_hutong/{kind}s?{query}")
            rows = orjson.loads(connection.getresponse().read())[f"{kind}s"]
        finally:
            connection.close()
        return [line(kind, row) for row in rows if row.get("person") or not row.get("accepted")][-LINES:]


class Clock:
    """The clock that rules and deadlines follow: one for the session, and it only goes forward."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def now(self) -> datetime:
        """Read it, in China's time (UTC+8)."""
        return datetime.fromtimestamp((await self._control.clock())["now_ms"] / 1000, CHINA)

    async def advance(self, duration: str) -> datetime:
        """Move it by 90s, 15m, 2h, 1d or 31d; deadlines on the way pass at their own times."""
        await self._control.set_clock(console.duration_ms(duration))
        return await self.now()

    async def run(self, rate: float = 1.0) -> None:
        """Let it run until the test ends."""
        await self._control.set_clock(rate=rate)

    async def freeze(self) -> None:
        await self._control.set_clock(rate=0.0)


class Group(NamedTuple):
    """A customer group."""

    name: str
    chat_id: str
    conversation: str


class Saying(NamedTuple):
    """Something that is about to be said."""

    speaker: "Person"
    content: Mapping[str, Any]

    async def to(self, whom: "Person | Group | str") -> Accepted:
        """Say it, to somebody or in a group; a string is what `Person.say` takes."""
        return await self.speaker.send(await self.speaker.conversation_with(whom), self.content)


class Person(client.Person):
    """What both sides may do in a test."""

    def __init__(self, enterprise: "Enterprise", token: str) -> None:
        super().__init__(enterprise.hutong.url, token, session=enterprise.session)
        self.enterprise = enterprise

    def says(self, content: str | Mapping[str, Any]) -> Saying:
        """Begin to say a text, or any content in the wire's own words; `.to(…)` says it."""
        return Saying(self, {"kind": "text", "text": content} if isinstance(content, str) else content)

    async def hears(
        self, wanted: str | Callable[[Message], bool] | None = None, within_s: float = PATIENCE_S
    ) -> Message:
        """Wait for a message: with this text, like this, or just the next one. Each is heard once."""
        like = wanted if callable(wanted) else lambda message: wanted in (None, message.text)
        try:
            return await self._inbox.next(within_s, like)
        except TimeoutError:
            what = repr(wanted) if isinstance(wanted, str) else "such a message" if wanted else "anything"
            told = "".join(f"\n  {self._told(message)}" for message in self.messages) or " nothing"
            raise AssertionError(f"{self.person} did not hear {what} within {within_s:g} s. Came:{told}") from None

    def _told(self, message: Message) -> str:
        heard = "" if message.side == "system" or message in self._inbox.unread else "  (heard before)"
        return f"{message.sender or message.side}: {words(message.content)}{heard}"

    async def blocks(self, whom: "Person") -> Accepted:
        return await self.block(await self.conversation_with(whom))

    async def unblocks(self, whom: "Person") -> Accepted:
        return await self.unblock(await self.conversation_with(whom))

    async def deletes(self, whom: "Person") -> Accepted:
        return await self.delete(await self.conversation_with(whom))

    async def leaves(self, group: Group) -> Accepted:
        return await self.leave(group.conversation)

    async def conversation_with(self, whom: "Person | Group | str") -> str:
        """Find a conversation; LookupError if there is none."""
        return whom.conversation if isinstance(whom, Group) else str((await self.chat_with(whom))["conversation"])

    async def chat_with(self, whom: "Person | str") -> dict[str, Any]:
        """Look up the one conversation with somebody, as control tells it: who they are by the enterprise's ids."""
        name = whom if isinstance(whom, str) else whom.person
        rows = await self.enterprise.hutong.control.conversations(self.person)
        found = [row for row in rows if means(row, name)]
        if len(found) == 1:
            return found[0]
        problem = f"{len(found)} conversations" if found else "no conversation"
        raise LookupError(f"{self.person} has {problem} with {name}; `await customer.adds(member)` makes one")

    async def command(self, kind: str, **fields: Any) -> Accepted:
        """Ask for a change, and fail where the gateway does not answer."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await super().command(kind, **fields)
        except Refused as refused:
            if refused.retry_at_ms:
                refused.add_note(f"try again at {console.moment(refused.retry_at_ms)} (UTC+8)")
            raise
        except TimeoutError:
            raise AssertionError(f"the gateway did not answer {self.person}'s {kind} in {PATIENCE_S:g} s") from None


class Consumer(Person, client.Consumer):
    """A person on WeChat, made for this test."""

    async def adds(self, member: "Member") -> Accepted:
        """Scan a member's QR code, and be accepted by the member: from now on both may write."""
        asked = await self.scan(await member.code())
        return await member.accept(asked.conversation)

    async def joins(self, group: Group) -> Accepted:
        """Scan a group's QR code."""
        return await self.join(await self.enterprise.code(chat_id=group.chat_id))


class Member(Person, client.Member):
    """A person of the enterprise."""

    async def code(self) -> str:
        """Make a QR code of this member; whoever scans it asks to be accepted."""
        return await self.enterprise.code(userid=self.person.partition("/")[2], skip_verify=False)

    async def creates(self, name: str, *people: Person) -> Group:
        """Make a group of colleagues and own customers."""
        accepted = await self.create_group(name, **await self._named(people))
        return Group(name, (await self.chat_with(accepted.conversation))["chat_id"], accepted.conversation)

    async def invites(self, group: Group, *people: Person) -> Accepted:
        return await self.invite(group.conversation, **await self._named(people))

    async def removes(self, group: Group, *people: Person) -> Accepted:
        return await self.remove(group.conversation, **await self._named(people))

    async def _named(self, people: tuple[Person, ...]) -> dict[str, list[str]]:
        """Name people as a member's client does: colleagues by userid, customers by the enterprise's ids."""
        members = [one.person.partition("/")[2] for one in people if isinstance(one, Member)]
        consumers = [(await self.chat_with(one))["external_userid"] for one in people if isinstance(one, Consumer)]
        return {"members": members, "consumers": consumers}

    async def confirms(self, text: str | None = None) -> Accepted:
        """Say yes to the mass message that waits for this member, or to the next that comes."""

        def asks(message: Message) -> bool:
            return message.content.get("task") in self.memory.tasks and text in (None, message.text)

        try:
            return await self.confirm((await self.wait_for(asks, PATIENCE_S)).content["task"])
        except TimeoutError:
            raise AssertionError(f"no mass message asked {self.person} for a yes within {PATIENCE_S:g} s") from None


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
        self._began: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        self.session = open_session()
        await self.hutong.clock.freeze()
        for kind in KINDS:
            self._began[kind] = (await self._list(kind, limit=1))["next_after"]
        await self.hutong.control.put_corp(self.corpid, name=self.corpid, certification="certified")
        await self.hutong.control.put_app(self.corpid, self.agent_id, name="app", secret=self.secret)
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

    async def sees(self, kind: str, within_s: float = PATIENCE_S, **look: Any) -> dict[str, Any]:
        """Wait for the first of this test's calls, callbacks, decisions or messages that is like this.

        `sees("call", path="externalcontact/add_msg_template")`, `sees("callback", event="add_external_contact")`: what
        else may be looked for says `/_hutong/openapi.json`.
        """
        looked = {**self._look(kind), **look}
        told = await self._list(kind, wait_s=within_s, **looked)
        if not told[f"{kind}s"]:
            raise AssertionError(f"no {kind} like {look} within {within_s:g} s")
        return dict(told[f"{kind}s"][0])

    async def _list(self, kind: str, **look: Any) -> dict[str, Any]:
        told: dict[str, Any] = await self.hutong.control.ask("GET", f"/{kind}s", look=look)
        return told

    def _look(self, kind: str) -> dict[str, Any]:
        """Look for what is of this test: since it began, and of this enterprise where that can be asked for."""
        of = {"corpid": self.corpid} if kind in ("call", "callback") else {}
        return {"after": self._began[kind], "limit": 1000, **of}

    def story(self) -> list[tuple[str, str]]:
        """Tell what happened in this test, as titles and lines, for the report of a failure."""
        try:
            told = [(kind, self.hutong.recent(kind, self._look(kind))) for kind in KINDS]
        except OSError as why:
            ended = self.hutong.ended(within_s=1.0)  # its port closes a moment before it is gone
            return [
                ("hutong: the gateway has ended" if ended else "hutong: the gateway does not answer", ended or str(why))
            ]
        return [(f"hutong: recent {kind}s", "\n".join(lines)) for kind, lines in told if lines]
