"""The crowd's people: an enterprise of their own, who knows whom in it, and everybody on a link of their own."""

import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from hutong.client import Consumer, Member, Message, Person, for_all, open_session
from hutong.control import Control, Problem
from hutong.crowd.behaviour import Script
from hutong.crowd.file import Crowd

DEVICE: Final = "crowd"
AT_ONCE: Final = 100  # links that are being opened at the same time; the gateway takes 1,000
TOKENS_AT_ONCE: Final = 10_000  # as many as one call gives


class Actor:
    """One of the crowd: a part to play, and a link to play it on."""

    __slots__ = ("conversations", "key", "number", "person", "persona", "script")

    person: Person

    def __init__(self, crowd: Crowd, persona: int, nth: int, number: int) -> None:
        played = crowd.persona[persona]
        name = f"{played.name}-{nth}"
        self.number = number
        self.persona = persona
        self.key = f"{crowd.corpid}/{name}" if played.side == "member" else f"{crowd.corpid}-{name}"
        self.script = Script(played, crowd.seed, name)
        self.conversations: list[str] = []

    @property
    def is_member(self) -> bool:
        return self.script.persona.side == "member"


class Cast:
    """Everybody, and who listens to whom in each conversation."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        places = ((row, nth) for row, persona in enumerate(crowd.persona) for nth in range(1, persona.count + 1))
        self.actors = [Actor(crowd, row, nth, number) for number, (row, nth) in enumerate(places)]
        self._both: dict[str, list[int]] = {}

    def relations(self) -> Iterator[tuple[Actor, Actor]]:
        """Deal the consumers to the members, one after the other, in an order of the dice."""
        members = [actor for actor in self.actors if actor.is_member]
        consumers = [actor for actor in self.actors if not actor.is_member]
        random.Random(self.crowd.seed).shuffle(consumers)  # noqa: S311  # a story needs no secret dice
        for index, consumer in enumerate(consumers):
            yield members[index % len(members)], consumer

    def world(self) -> str:
        """Write the world file of the enterprise."""
        corpid = self.crowd.corpid
        parts = ["version = 1"]
        parts += [f'[[consumer]]\nid = "{actor.key}"' for actor in self.actors if not actor.is_member]
        parts.append(f'[[corp]]\ncorpid = "{corpid}"\nname = "{corpid}"\ncertification = "certified"')
        for actor in self.actors:
            if actor.is_member:
                userid = _userid(actor)
                parts.append(f'[[corp.member]]\nuserid = "{userid}"\nname = "{userid}"')
        for member, consumer in self.relations():
            parts.append(f'[[corp.relation]]\nmember = "{_userid(member)}"\nconsumer = "{consumer.key}"')
        return "\n".join(parts)

    def learn_chats(self) -> None:
        """Note what the clients have learnt: the single chats of each."""
        for actor in self.actors:
            actor.conversations = [
                known.id for known in actor.person.conversations.values()
                if known.kind == "single" and known.corp == self.crowd.corpid
            ]  # fmt: skip
            for conversation in actor.conversations:
                self._both.setdefault(conversation, []).append(actor.number)

    def listener(self, speaker: Actor, conversation: str) -> int:
        """Tell who hears what somebody says in a conversation."""
        one, other = self._both[conversation]
        return other if one == speaker.number else one


def _userid(actor: Actor) -> str:
    return actor.key.partition("/")[2]


async def settle(control: Control, cast: Cast) -> list[str]:
    """Make the enterprise anew, whatever an earlier run left of it, and give everybody a link token."""
    try:
        await control.reset(cast.crowd.corpid)
    except Problem as why:
        if why.reason != "unknown_corp":
            raise
    await control.load_world(cast.world())
    keys = [actor.key for actor in cast.actors]
    batches = [keys[start : start + TOKENS_AT_ONCE] for start in range(0, len(keys), TOKENS_AT_ONCE)]
    return [token for batch in batches for token in await control.tokens(batch, DEVICE)]


@asynccontextmanager
async def online(
    base_url: str, cast: Cast, tokens: list[str], heard: Callable[[Actor, Message], None]
) -> AsyncIterator[None]:
    """Bring everybody online, and take everybody offline again; `heard` is called with what each hears."""
    async with open_session() as session:
        for actor, token in zip(cast.actors, tokens, strict=True):
            kind = Member if actor.is_member else Consumer
            actor.person = kind(base_url, token, session=session, keep=0, heard=partial(heard, actor))
        people = [actor.person for actor in cast.actors]
        try:
            await _connect(people)
            cast.learn_chats()
            yield
        finally:
            await for_all(people, Person.close, AT_ONCE)


async def _connect(people: list[Person]) -> None:
    try:
        await for_all(people, Person.connect, AT_ONCE)
    except* TimeoutError:
        there = sum(bool(person.person) for person in people)
        raise TimeoutError(
            f"{there} of {len(people)} people came online, then nobody: may the gateway open so many files?"
        ) from None
