"""Where a crowd acts: what the scripts decide is said on the links, at the time that was meant.

Rules of the file:
- Nobody's turn waits for anybody else's: one timer for each who speaks at a rate, one for each answer that is due.
- A task lives as long as a command is unanswered. Who floods has one for as long as people act.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Final

from hutong.client import Message, Refused
from hutong.crowd.behaviour import Delete, Say
from hutong.crowd.books import Books
from hutong.crowd.cast import Actor, Cast

SETTLE_S: Final = 30.0  # for answers and for what is due, once people have stopped


class Stage:
    """One run of a crowd. `clock` gives seconds, and moves as the loop's timers do."""

    def __init__(self, cast: Cast, books: Books, clock: Callable[[], float] = time.monotonic) -> None:
        self._cast = cast
        self._books = books
        self._clock = clock
        self._acting = False
        self._group: asyncio.TaskGroup | None = None

    def heard(self, actor: Actor, message: Message) -> None:
        """Note what somebody hears, and do later what the script says to that.

        One's own words come back where a link broke before they were answered: nobody hears those.
        """
        if message.side in ("system", actor.script.persona.side):
            return
        now_s = self._clock()
        number = self._books.number(message.text)
        if number is not None:
            self._books.hear(number, actor.number, now_s, timed=actor.script.persona.reads)
        if self._acting:
            act = actor.script.hears(message.conversation, now_s)
            if act is not None:
                self._at(act.at_s, self._do, actor, act)

    async def act(self, until: Awaitable[object]) -> bool:
        """Let everybody act until then; tell whether everything was answered, and heard, in time."""
        hung = [actor.person for actor in self._cast.actors if not actor.script.persona.reads]
        for person in hung:
            person.stop_reading()
        self._acting = True
        try:
            async with asyncio.timeout(None) as patience, asyncio.TaskGroup() as self._group:
                for actor in self._cast.actors:
                    self._enter(actor)
                await until
                self._acting = False
                patience.reschedule(asyncio.get_running_loop().time() + SETTLE_S)
        except TimeoutError:
            return False
        finally:
            self._acting = False
            for person in hung:
                person.read_on()
        return await self._books.even(SETTLE_S)

    def _enter(self, actor: Actor) -> None:
        """Begin what somebody does unasked."""
        if actor.script.persona.floods:
            self._begin(self._flood(actor))
        elif actor.script.persona.rate_per_s:
            self._speak_next(actor, actor.script.speaks(actor.conversations, self._clock()))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._group is not None
        self._group.create_task(work)

    def _at(self, at_s: float, do: Callable[..., None], *told: object) -> None:
        asyncio.get_running_loop().call_later(max(0.0, at_s - self._clock()), do, *told)

    def _speak_next(self, actor: Actor, says: Iterator[Say]) -> None:
        say = next(says, None)
        if say is not None:
            self._at(say.at_s, self._speak, actor, say, says)

    def _speak(self, actor: Actor, say: Say, says: Iterator[Say]) -> None:
        self._do(actor, say)
        if self._acting:
            self._speak_next(actor, says)

    def _do(self, actor: Actor, act: Say | Delete) -> None:
        if self._may_act():
            self._begin(self._say(actor, act) if isinstance(act, Say) else self._delete(actor, act))

    async def _flood(self, actor: Actor) -> None:
        """Say the next as soon as the last is answered, whatever the answer is."""
        for conversation in actor.script.in_turn(actor.conversations):
            if not self._may_act():
                break
            await self._say(actor, Say(conversation, self._clock()))

    async def _say(self, actor: Actor, say: Say) -> None:
        listener = self._cast.listener(actor, say.conversation)
        number = self._books.begin(actor.persona, listener, say.at_s, self._clock())
        try:
            await actor.person.say(say.conversation, self._books.text(number))
        except Refused as refused:
            self._books.refuse(number, refused)
        else:
            self._books.accept(number)

    async def _delete(self, actor: Actor, delete: Delete) -> None:
        try:
            await actor.person.delete(delete.conversation)
        except Refused as refused:
            self._books.note_refusal(actor.persona, refused)
        else:
            self._books.rows[actor.persona].deleted += 1

    def _may_act(self) -> bool:
        return self._acting and not self._books.full
