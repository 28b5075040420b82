"""A small world for tests of links: one enterprise, members and consumers who all know each other, groups."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.compose import Gateway
from gateway.commands import Command, PutConsumer, PutCorp, PutGroup, PutMember, PutRelation
from gateway.router import Router

CORP: Final = "wwtown"


@dataclass
class Town:
    """Who is there, and the conversations between them."""

    members: tuple[str, ...]
    consumers: tuple[str, ...]
    singles: dict[tuple[str, str], str] = field(default_factory=dict)  # (userid, handle) → conversation
    groups: dict[str, str] = field(default_factory=dict)  # chat_id → conversation


async def done(router: Router, command: Command) -> list[Any]:
    """Have a command done."""
    answer = await router.ask(command)
    assert isinstance(answer, list), answer
    return answer


async def build_town(router: Router, members: Sequence[str], consumers: Sequence[str], groups: Sequence[str]) -> Town:
    """Make a world: every member knows every consumer, and everybody is in every group."""
    town = Town(tuple(members), tuple(consumers))
    await done(router, PutCorp(CORP, "Town Ltd", "Town", "certified"))
    for userid in members:
        await done(router, PutMember(CORP, userid, userid.title()))
    for handle in consumers:
        await done(router, PutConsumer(handle, handle.title()))
    for userid in members:
        for handle in consumers:
            await done(router, PutRelation(CORP, userid, handle))
            town.singles[userid, handle] = router.state.member(f"{CORP}/{userid}").contacts[handle]
    for chat in groups:
        command = PutGroup(CORP, chat, members[0], chat, members=tuple(members[1:]), consumers=tuple(consumers))
        await done(router, command)
        town.groups[chat] = router.state.corps[CORP].chats[chat]
    return town


def member_token(gateway: Gateway, userid: str, device: str = "phone") -> str:
    return gateway.tokens.link_token(f"{CORP}/{userid}", device)


def consumer_token(gateway: Gateway, handle: str, device: str = "phone") -> str:
    return gateway.tokens.link_token(handle, device)
