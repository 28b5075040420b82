"""Everybody in the demo's world, each on a link of their own, and who knows whom."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from hutong.client import Consumer, Member, Person, for_all, open_session
from hutong.control import Control
from hutong.demo.census import Census

# The world that `serve --world demo` makes.
STORE: Final = "wwlanhe"  # certified, with an app and two shops
CAFE: Final = "wwsongyin"  # verified
WORKSHOP: Final = "wwxiaoshan"  # unverified
APP: Final = "1000002"
SHOP: Final = 2  # a department of the store: 人民路店
GROUP: Final = "wrpeoplesroad"
GROUP_CODE: Final = "qrpeoplesroad"

DEVICE: Final = "phone"


class Chat(NamedTuple):
    """A single chat in which both sides may speak."""

    corp: str
    conversation: str
    member: str
    consumer: str
    external_userid: str


class Cast:
    """The people by key (`corpid/userid`, or a consumer's handle), their names and their chats."""

    def __init__(self) -> None:
        self.people: dict[str, Person] = {}
        self.names: dict[str, str] = {}
        self.staff: dict[str, list[str]] = {}  # of each enterprise
        self.departments: dict[str, list[int]] = {}
        self.chats: list[Chat] = []
        self.seats: dict[str, set[str]] = {}  # of each group, by conversation
        self.groups: dict[str, str] = {}  # conversation of each chat_id

    def chats_of(self, corp: str) -> list[Chat]:
        return [chat for chat in self.chats if chat.corp == corp]

    def member(self, key: str) -> Member:
        person = self.people[key]
        assert isinstance(person, Member)
        return person

    def consumer(self, key: str) -> Consumer:
        person = self.people[key]
        assert isinstance(person, Consumer)
        return person

    def name(self, key: str) -> str:
        """Name somebody for the table: real name and key."""
        return f"{self.names.get(key, '')} ({key.rpartition('/')[2]})"


@asynccontextmanager
async def everybody(control: Control, census: Census) -> AsyncIterator[Cast]:
    """Bring everybody online, and take everybody offline again."""
    cast = Cast()
    rows = await control.people(limit=1000)
    keys = [row["person"] for row in rows]
    tokens = await control.tokens(keys, DEVICE)
    for row in rows:
        _enlist(cast, row)
    await _learn_chats(cast, control)
    async with open_session() as session:
        for key, token in zip(keys, tokens, strict=True):
            kind = Member if "/" in key else Consumer
            encoding: Any = "json" if len(cast.people) % 4 == 0 else "msgpack"
            cast.people[key] = kind(
                control.base_url, token, encoding=encoding, session=session, keep=0, heard=census.hears(key)
            )
        try:
            await for_all(cast.people.values(), Person.connect)
            yield cast
        finally:
            await for_all(cast.people.values(), Person.close)


def _enlist(cast: Cast, row: dict[str, Any]) -> None:
    cast.names[row["person"]] = row["name"]
    if row["kind"] == "member":
        cast.staff.setdefault(row["corpid"], []).append(row["person"])
        cast.departments[row["person"]] = list(row.get("departments") or ())


async def _learn_chats(cast: Cast, control: Control) -> None:
    """Ask control who talks with whom: a member's client knows customers by the enterprise's ids only."""
    for key in cast.names:
        for row in await control.conversations(key):
            if row["kind"] == "group" and not row.get("past"):
                cast.seats.setdefault(row["conversation"], set()).add(key)
                cast.groups[row["chat_id"]] = row["conversation"]
            elif row["kind"] == "single" and "/" in key and row["status"] in ("half", "mutual"):
                cast.chats.append(
                    Chat(row["corpid"], row["conversation"], key, row["consumer"], row["external_userid"])
                )
