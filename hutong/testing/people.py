"""The people of a test: clients on real links, with words that read as a story."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hutong import client
from hutong.client import Accepted, Message, Refused
from hutong.commands.console import moment
from hutong.commands.say import means
from hutong.commands.tail import words

if TYPE_CHECKING:
    from hutong.testing.enterprise import Enterprise

PATIENCE_S: Final = 10.0


class Group(NamedTuple):
    """A customer group."""

    name: str
    chat_id: str
    conversation: str


class Bot(NamedTuple):
    """A bot, and what its software subscribes with."""

    id: str
    secret: str


class Saying(NamedTuple):
    """Something that is about to be said."""

    speaker: "Person"
    content: Mapping[str, Any]

    async def to(self, whom: "Person | Group | Bot | str") -> Accepted:
        """Say it, to somebody, in a group, or to a bot; a string is what `Person.say` takes."""
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

    async def conversation_with(self, whom: "Person | Group | Bot | str") -> str:
        """Find a conversation, or open the one with a bot; LookupError if there is none."""
        if isinstance(whom, Group):
            return whom.conversation
        if isinstance(whom, Bot):
            return (await self.enter(whom.id)).conversation
        return str((await self.chat_with(whom))["conversation"])

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
                refused.add_note(f"try again at {moment(refused.retry_at_ms)} (UTC+8)")
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
        consumers = [await self._customer(one) for one in people if isinstance(one, Consumer)]
        return {"members": members, "consumers": consumers}

    async def _customer(self, consumer: Consumer) -> str:
        """Find the enterprise's id of a consumer; whoever has joined one of its groups has one too."""
        enterprise = self.enterprise
        known = (await enterprise.hutong.control.person(consumer.person))["external_userids"]
        if enterprise.corpid not in known:
            raise LookupError(f"nobody here knows {consumer.person}; `await customer.adds(member)` makes them known")
        return str(known[enterprise.corpid])

    async def confirms(self, text: str | None = None) -> Accepted:
        """Say yes to the mass message that waits for this member, or to the next that comes."""

        def asks(message: Message) -> bool:
            return message.content.get("task") in self.memory.tasks and text in (None, message.text)

        try:
            return await self.confirm((await self.wait_for(asks, PATIENCE_S)).content["task"])
        except TimeoutError:
            raise AssertionError(f"no mass message asked {self.person} for a yes within {PATIENCE_S:g} s") from None
