"""The simulated clients: a member and a consumer you can script, over a real WebSocket.

    async with Consumer(base_url, token) as amy:
        await amy.say("zhangsan", "is the red one in stock?")
        print((await amy.next_message()).text)

Every command returns `Accepted`, raises `Refused`, or, if the client is closed first, raises `OutcomeUnknown`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

from hutong.link import Link, open_session
from hutong.memory import Conversation, Ledger, Memory, Message
from hutong.wire import Accepted, LinkEnded, OutcomeUnknown, Refused


class Person(Link):
    """What both sides of the bridge may do."""

    async def say(self, to: str, text: str) -> Accepted:
        """Say a text in a conversation, or to a person or group that one conversation is with."""
        return await self.send(to, {"kind": "text", "text": text})

    async def send(self, to: str, content: Mapping[str, Any]) -> Accepted:
        """Send any content; the wire's own words: {"kind": "text", "text": …}."""
        return await self.command("send", conversation=self.conversation(to), content=content)

    async def delete(self, to: str) -> Accepted:
        """End the relation of a single chat."""
        return await self.command("delete", conversation=self.conversation(to))

    async def block(self, to: str) -> Accepted:
        return await self.command("block", conversation=self.conversation(to), on=True)

    async def unblock(self, to: str) -> Accepted:
        return await self.command("block", conversation=self.conversation(to), on=False)

    async def leave(self, group: str) -> Accepted:
        return await self.command("leave", conversation=self.conversation(group))

    async def enter(self, app: str) -> Accepted:
        """Open an app of the enterprise, or anybody's bot, to write to it; the answer names the conversation."""
        return await self.command("enter", app=app)

    async def click(
        self, to: str, sequence: int, key: str, selected: Mapping[str, Iterable[str]] | None = None
    ) -> Accepted:  # fmt: skip
        """Press a button of a bot's card; `selected` says what was chosen for each question of it."""
        chosen = [[question, list(options)] for question, options in (selected or {}).items()]
        conversation = self.conversation(to)
        return await self.command("click", conversation=conversation, sequence=sequence, key=key, selected=chosen)

    async def judge(
        self, to: str, sequence: int, verdict: int, text: str = "", reasons: Iterable[int] = ()
    ) -> Accepted:  # fmt: skip
        """Say what one thinks of a bot's answer: 1 right, 2 wrong, 3 neither any more."""
        said = {"verdict": verdict, "text": text, "reasons": list(reasons)}
        return await self.command("feedback", conversation=self.conversation(to), sequence=sequence, **said)


Someone = TypeVar("Someone", bound=Person)


async def for_all(people: Iterable[Someone], act: Callable[[Someone], Awaitable[object]], at_once: int = 50) -> None:
    """Have many do something, a bounded number at the same time: `await for_all(people, Person.connect)`."""
    room = asyncio.Semaphore(at_once)

    async def one(person: Someone) -> None:
        async with room:
            await act(person)

    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(one(person))


class Consumer(Person):
    """A person on WeChat."""

    async def scan(self, code: str) -> Accepted:
        """Scan a member's QR code."""
        return await self.command("scan", code=code)

    async def join(self, code: str) -> Accepted:
        """Scan a group's QR code."""
        return await self.command("join", code=code)

    async def mute(self, to: str) -> Accepted:
        """Hear no more marketing of the enterprise that a conversation belongs to."""
        return await self.command("mute", conversation=self.conversation(to), on=True)

    async def unmute(self, to: str) -> Accepted:
        return await self.command("mute", conversation=self.conversation(to), on=False)


class Member(Person):
    """A person of an enterprise. Customers are named by the enterprise's ids, colleagues by userid."""

    async def accept(self, to: str) -> Accepted:
        """Accept the request that opened a conversation, or confirm a half contact."""
        return await self.command("accept", conversation=self.conversation(to))

    async def refuse(self, to: str) -> Accepted:
        return await self.command("refuse", conversation=self.conversation(to))

    async def create_group(self, name: str, members: Iterable[str] = (), consumers: Iterable[str] = ()) -> Accepted:
        return await self.command("create", name=name, members=list(members), consumers=list(consumers))

    async def invite(
        self, group: str, members: Iterable[str] = (), consumers: Iterable[str] = (), bots: Iterable[str] = ()
    ) -> Accepted:  # fmt: skip
        named = {"members": list(members), "consumers": list(consumers), "bots": list(bots)}
        return await self.command("invite", conversation=self.conversation(group), **named)

    async def remove(
        self, group: str, members: Iterable[str] = (), consumers: Iterable[str] = (), bots: Iterable[str] = ()
    ) -> Accepted:  # fmt: skip
        named = {"members": list(members), "consumers": list(consumers), "bots": list(bots)}
        return await self.command("remove", conversation=self.conversation(group), **named)

    async def rename(self, group: str, name: str) -> Accepted:
        return await self.command("rename", conversation=self.conversation(group), name=name)

    async def announce(self, group: str, text: str) -> Accepted:
        return await self.command("announce", conversation=self.conversation(group), text=text)

    async def hand_over(self, group: str, member: str) -> Accepted:
        return await self.command("hand_over", conversation=self.conversation(group), member=member)

    async def appoint(self, group: str, member: str, on: bool = True) -> Accepted:
        return await self.command("appoint", conversation=self.conversation(group), member=member, on=on)

    @property
    def tasks(self) -> dict[str, str]:
        """Name the mass messages that wait for this member's yes, and what each says."""
        return dict(self.memory.tasks)

    async def confirm(self, task: str) -> Accepted:
        """Let a mass message be sent to the customers it names for this member."""
        accepted = await self.command("confirm", task=task)
        self.memory.tasks.pop(task, None)
        return accepted

    async def send_mass(self, contents: Iterable[Mapping[str, Any]], to: Iterable[str] = ()) -> Accepted:
        """Say the same in many single chats, or in many own groups; to all customers where nobody is named."""
        names = [self.conversation(name) for name in to]
        return await self.command("send_mass", contents=list(contents), conversations=names)

    async def dismiss(self, group: str) -> Accepted:
        """End a group; only its owner may."""
        return await self.command("dismiss", conversation=self.conversation(group))

    async def remark(
        self,
        to: str,
        remark: str | None = None,
        tags: Iterable[str] | None = None,
        *,
        description: str | None = None,
        company: str | None = None,
        mobiles: Iterable[str] | None = None,
        tag_ids: Iterable[str] | None = None,
    ) -> Accepted:
        """Note something of a customer; what is not given stays as it is."""
        texts = {"remark": remark, "description": description, "company": company}
        lists = {"tags": tags, "mobiles": mobiles, "tag_ids": tag_ids}
        noted: dict[str, Any] = {key: text for key, text in texts.items() if text is not None}
        noted |= {key: list(words) for key, words in lists.items() if words is not None}
        return await self.command("remark", conversation=self.conversation(to), **noted)


__all__ = [
    "Accepted", "Consumer", "Conversation", "Ledger", "LinkEnded", "Member", "Memory", "Message", "OutcomeUnknown",
    "Person", "Refused", "for_all", "open_session",
]  # fmt: skip
