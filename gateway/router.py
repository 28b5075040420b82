"""The one loop: take what waits, decide and apply, append as one commit, perform. The only file here that may wait.

Rules of the file:
- Nothing is said before it is durable: answers, pushes, queries and hellos leave after the append of their turn.
- An exception in applying or appending ends the process: memory is ahead of the journal then, and only a restart is
  honest.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from gateway import catchup, events
from gateway.commands import Command, Repeated
from gateway.config import DEFAULT, Config
from gateway.delivery import Delivery, framed, tombstone
from gateway.effects import CloseLinks
from gateway.events import AnyEvent, Posted
from gateway.ports import Clock, Journal, Tokens
from gateway.refusal import Refusal
from gateway.session import Phase, Session
from gateway.state import State
from gateway.turn import Turn
from gateway.writer import Query, Writer
from protocol.errors import TOO_MANY, UNAVAILABLE, Close

NO_ROOM_S: Final = 1.0  # between two looks at a full disk, while something is due
FOREVER_S: Final = 1e9
SYNCED_AT_ONCE: Final = 50  # links that are sent a resume token between two looks at the sockets

_CLOSING: Final = Phase.CLOSING  # looked up once: an enum's members are slow to find in Python 3.11


class Router:
    """The doors' way in, and the loop around the single writer."""

    def __init__(
        self,
        state: State,
        journal: Journal,
        clock: Clock,
        tokens: Tokens,
        on_defect: Callable[[str, BaseException], None],
        config: Config = DEFAULT,
    ) -> None:
        self.state = state
        self.journal = journal
        self.config = config
        self.writer = Writer(state, clock, tokens, on_defect, config)
        self.statistics = self.writer.statistics
        self.sessions = self.writer.sessions
        self.recent_messages = self.writer.recent_messages
        self.recent_decisions = self.writer.recent_decisions
        self.durable_position = state.position
        self._delivery = Delivery(self.writer.audience, self.statistics)
        self._devices: dict[tuple[str, str], Session] = {}
        self._wakeup = asyncio.Event()
        self._grown: dict[asyncio.Event, None] = {}  # in the order of asking: whoever is told first goes first
        self._reading: set[asyncio.Task[None]] = set()
        self._readers = asyncio.Semaphore(config.catching_up_max)
        self._sync_due = False
        self._alarm: asyncio.TimerHandle | None = None
        self._stopping = False

    # What the doors call.

    def open(self, session: Session) -> None:
        """Take in a new link. The same device's older link is closed: one device, one link."""
        key = (session.person, session.device)
        older = self._devices.get(key)
        if older is not None:
            self._end(older, Close.REPLACED, "the same device opened another link")
        self._devices[key] = session
        session.refusals = self.writer.refusals.setdefault(key, {})
        self.writer.refusals.move_to_end(key)
        if len(self.writer.refusals) > self.config.refusing_devices_max:
            self.writer.refusals.popitem(last=False)
        self.sessions.add(session)
        self.statistics.links_opened += 1

    def closed(self, session: Session) -> None:
        """Let go of a link whose socket is gone."""
        if session in self.sessions:
            self._drop(session)
            session.move("close")
            session.inbox.clear()
            self.statistics.links_closed += 1

    def _end(self, session: Session, close: Close, text: str) -> None:
        """Close a link from our side; it is nobody's audience from here on."""
        self._drop(session)
        session.close(close, text)
        self.statistics.links_closed += 1

    def _drop(self, session: Session) -> None:
        self.sessions.discard(session)
        self.writer.audience.drop(session, self.writer.groups_of(session.person))
        if self._devices.get((session.person, session.device)) is session:
            del self._devices[session.person, session.device]

    def ready(self, session: Session) -> None:
        """Say that the link's inbox has something for a turn; a link with too much waiting is not read."""
        if not session.queued and session.inbox:
            session.queued = True
            self.writer.ready.append(session)
            self._wakeup.set()
        if not session.inbox_paused and self.writer.is_full(session):
            session.inbox_paused = True
            session.pipe.pause_reading()

    def drained(self, session: Session) -> None:
        """Say that the link's socket has taken everything: one that fell behind may read on."""
        if session.phase is Phase.CATCHING_UP and not session.reading:
            self._return(session)

    def _return(self, session: Session) -> None:
        """Have a link that is not live looked after in a turn."""
        session.reading = True
        self.writer.returning.append(session)
        self._wakeup.set()

    async def ask(self, command: Command, asker: str = "") -> list[AnyEvent] | Refusal | Repeated:
        """Have a command decided, and give its events once they are durable, or the refusal, or the first outcome.

        `asker` is who is named among the recent decisions.
        """
        decided: list[AnyEvent] | Refusal | Repeated = await self._ask(command, asker)
        return decided

    async def query(self, look: Query) -> Any:
        """Have a look at the state, told once everything it saw is durable. `look` gets the state and now.

        Where nothing waits and all that was applied is durable, it is told at once, without a turn.
        """
        writer = self.writer
        waits = writer.asked or writer.ready or self._stopping
        if not waits and self.durable_position == self.state.position:
            now_ms = writer.now_ms()
            if not 0 < writer.next_due_ms <= now_ms:  # a deadline that has come is fired before anybody looks
                return writer.look(look, now_ms)
        return await self._ask(look)

    def _ask(self, wish: Command | Query, asker: str = "") -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if len(self.writer.asked) >= self.config.asks_max:
            future.set_result(Refusal(TOO_MANY, "commands waiting"))
        elif self._stopping:
            future.set_result(Refusal(UNAVAILABLE, "stopping"))
        else:
            self.writer.asked.append((wish, future, asker))
            self._wakeup.set()
        return future

    def watch(self) -> asyncio.Event:
        """Give an event that is set after every turn that made something durable or decided; clear it, then look."""
        grown = asyncio.Event()
        self._grown[grown] = None
        return grown

    def unwatch(self, grown: asyncio.Event) -> None:
        self._grown.pop(grown, None)

    def defect(self, what: str, why: BaseException) -> None:
        """Count and report a defect that a door has met."""
        self.writer.defect(what, why)

    def now_ms(self) -> int:
        """Show the movable clock."""
        return self.writer.now_ms()

    def stop(self) -> None:
        """Finish the turn under way and what is already waiting, then let `run` return; jobs go on after a restart."""
        self._stopping = True
        self._wakeup.set()

    # The loop.

    async def run(self) -> None:
        """Turn until stopped; raise what makes going on dishonest.

        The first turn takes up what a restart left: deadlines that passed, jobs half done.
        """
        self._wakeup.set()
        while True:
            await self._wakeup.wait()
            self._wakeup.clear()
            turn = self.writer.take(room=self.journal.room(), stopping=self._stopping)
            if turn.records:
                await self.journal.append(turn.records)
                self.durable_position = self.state.position
                self.statistics.commits += 1
                self.statistics.records += len(turn.records)
            self._perform(turn)
            working = self.state.jobs and not self._stopping and self.journal.room()  # a job goes on after a restart
            if self.writer.ready or self.writer.asked or self.writer.returning or working:
                self._wakeup.set()
                await asyncio.sleep(0)  # let sockets be read between two turns that had no commit to wait for
            elif self._stopping:
                return
            else:
                self._set_alarm()

    def _set_alarm(self) -> None:
        """Wake up for the next deadline; with nothing due, nothing ticks."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        due_ms, rate = self.writer.next_due_ms, self.state.clock.rate
        seconds = FOREVER_S
        if due_ms and rate > 0:
            seconds = max(0.0, (due_ms - self.now_ms()) / rate / 1000)
        if self.state.jobs or seconds < NO_ROOM_S:
            seconds = seconds if self.journal.room() else NO_ROOM_S  # what is due waits for the disk, too
        if seconds < FOREVER_S:
            self._alarm = asyncio.get_running_loop().call_later(min(seconds, 3600.0), self._wakeup.set)

    # Catching up.

    async def _read(self, session: Session, chunks: list[catchup.Chunk], upto: int) -> None:
        """Write what a link has missed, as fast as it takes it, then bring it back for a turn."""
        try:
            await self._read_chunks(session, chunks, upto)
        except Exception as defect:  # noqa: BLE001 - one link cannot go on; the others can
            self.writer.defect("catching up", defect)
            self._end(session, Close.RESTART, "the journal could not be read")

    async def _read_chunks(self, session: Session, chunks: list[catchup.Chunk], upto: int) -> None:
        for chunk in chunks:
            async with self._readers:  # not while the socket takes it: a stalled link would keep the others waiting
                if not session.is_catching_up():
                    return
                placed = await self.journal.walk(chunk.position, chunk.count, chunk.after)
            if not session.is_catching_up():
                return
            if self.state.conversations.get(chunk.conversation.id) is not chunk.conversation:
                continue  # its enterprise was reset, and the link has been told to forget it, or will be
            posts = (events.decode(record) for _, record in placed)
            recalled = chunk.conversation.recalled
            frames = [
                framed(session.codec, tombstone(post.frame) if post.sequence in recalled else post.frame)
                for post in posts
                if isinstance(post, Posted) and chunk.first <= post.sequence <= chunk.last
            ]
            if frames:
                session.pipe.write(b"".join(frames))
                self.statistics.deliveries += len(frames)
            # Or a group that was left, and goes on, would be looked at again in every plan.
            session.cursors[chunk.conversation.id] = chunk.last
            await session.pipe.writable()
        session.position = upto
        if session.outbox.held:
            self._rejoin(session)
        else:
            self._return(session)

    def _rejoin(self, session: Session) -> None:
        """Make a link live whose last gap has been read; what was pushed meanwhile follows at once."""
        if session.phase is not Phase.CATCHING_UP:
            return
        session.reading = False
        session.move("caught_up")
        session.cursors = {}
        self.statistics.caught_up += 1
        session.pipe.write(session.frame(self.writer.synced(session, session.position)))
        if session.outbox.release():
            session.pushed = True
            self._sync_later()

    # Performing.

    def _perform(self, turn: Turn) -> None:
        """Say what has become durable. A link that cannot take its pushes reads them from the journal later."""
        self._delivery.gather(turn)
        if turn.pushed:
            self._sync_later()
        for effect in turn.effects:
            self._effect(effect)
        self._flush(turn)
        for session, chunks, upto in turn.behind:  # after the flush: a welcome comes before what was missed
            task = asyncio.get_running_loop().create_task(self._read(session, chunks, upto))
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)
        for future, answer in turn.answered:
            if not future.done():
                future.set_result(answer)
        for grown in self._grown:
            grown.set()

    def _flush(self, turn: Turn) -> None:
        before = self.durable_position - len(turn.records)
        for session in turn.touched:
            if session.phase is _CLOSING:
                session.outbox.clear()
            elif not session.outbox.flush(self.config.outbox_bytes_max):
                self._fell_behind(session, before)

    def _sync_later(self) -> None:
        """Have resume tokens sent to those who were pushed to, a while from now."""
        if not self._sync_due:
            self._sync_due = True
            seconds = self.config.sync_interval_ms / 1000
            asyncio.get_running_loop().call_later(seconds, self._sync_all)

    def _sync_all(self) -> None:
        """Send the tokens: a live link has been given everything up to the last durable record.

        Written past the outbox, which may hold answers of a turn that is being appended just now.
        """
        self._sync_due = False
        self._sync([session for session in self.sessions if session.pushed])

    def _sync(self, waiting: list[Session]) -> None:
        """Send the tokens to some; the others wait until the loop has looked around, or a thousand would stop it."""
        for _ in range(min(len(waiting), SYNCED_AT_ONCE)):
            session = waiting.pop()
            if session.pushed and session.phase is Phase.LIVE:
                session.pipe.write(session.frame(self.writer.synced(session, self.durable_position)))
        if waiting:
            asyncio.get_running_loop().call_soon(self._sync, waiting)

    def _fell_behind(self, session: Session, position: int) -> None:
        """Cut a link over: it is no longer pushed to, and reads on from the log when it has taken what was written.

        One that was about to rejoin goes on reading as before.
        """
        if session.phase is Phase.LIVE:
            session.move("fell_behind")
            session.position = position
            self.statistics.cut_over += 1
        if session.phase is Phase.CATCHING_UP:
            self.writer.audience.drop(session, self.writer.groups_of(session.person))

    def _effect(self, effect: CloseLinks) -> None:
        for session in [session for session in self.sessions if _meant(effect, session)]:
            self._end(session, effect.close, effect.text)


def _meant(effect: CloseLinks, session: Session) -> bool:
    if effect.token_id:
        return session.token_id == effect.token_id
    if effect.corpid:
        return session.person.startswith(f"{effect.corpid}/")
    return not effect.person or session.person == effect.person
