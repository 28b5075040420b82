"""The one loop: take what waits, decide and apply, append as one commit, perform. The only file here that may wait.

Rules of the file:
- Nothing is said before it is durable: answers, pushes, queries and hellos leave after the append of their turn.
- An exception in deciding refuses that one command; in applying or appending it ends the process: memory is ahead of
  the journal then, and only a restart is honest.
- A turn is bounded, round-robin over the links; jobs come last, so that people are not late behind them.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Collection
from typing import Any, Final

from msgspec import Struct

from gateway import catchup, deadlines, decide, effects, events
from gateway.audience import Audience
from gateway.commands import Command, Repeated, SliceJob
from gateway.config import DEFAULT, Config
from gateway.decide import messages
from gateway.effects import CloseLinks
from gateway.events import AnyEvent, Posted
from gateway.ports import Clock, Journal, ResumePoint, Tokens
from gateway.refusal import Refusal
from gateway.session import Objection, Phase, Session
from gateway.state import State
from gateway.state.people import Answer, AnyPerson, Consumer, Member
from gateway.statistics import Statistics
from gateway.turn import Post, Turn
from protocol.codec import MSGPACK, Codec, decode_message, websocket_frame
from protocol.errors import INTERNAL, REUSED_NUMBER, TOO_MANY, UNAVAILABLE, Close, by_code
from protocol.frames import Accepted, Ack, ClientCommand, Forget, Hello, Refused, Synced, Welcome

Query = Callable[[State, int], Any]
NO_ROOM_S: Final = 1.0  # between two looks at a full disk, while something is due
FOREVER_S: Final = 1e9

_encode = events.encode


class Decision(Struct, frozen=True, gc=False):
    """A line of the recent decisions: what was asked by whom, and what became of it.

    `ordinal` counts decisions of this process; a line may be shown once `position` is durable.
    """

    ordinal: int
    position: int
    time_ms: int
    person: str
    what: str
    conversation: str
    number: int
    refusal: Refusal | None


class Router:
    """The single writer: everything that changes the world goes through `run`."""

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
        self.statistics = Statistics()
        self.recent_messages: deque[tuple[int, Posted]] = deque(maxlen=config.recent_max)
        self.recent_decisions: deque[Decision] = deque(maxlen=config.recent_max)
        self._decided = 0
        self.sessions: set[Session] = set()
        self._devices: dict[tuple[str, str], Session] = {}
        self._next_due_ms = deadlines.next_due_ms(state)
        self.durable_position = state.position
        self._clock = clock
        self._tokens = tokens
        self._on_defect = on_defect
        self._audience = Audience()
        self._ready: deque[Session] = deque()
        self._asked: deque[tuple[Command | Query, asyncio.Future[Any]]] = deque()
        self._returning: deque[Session] = deque()
        self._refusals: OrderedDict[tuple[str, str], dict[int, tuple[int, Refusal]]] = OrderedDict()
        self._wakeup = asyncio.Event()
        self._grown: set[asyncio.Event] = set()
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
        session.refusals = self._refusals.setdefault(key, {})
        self._refusals.move_to_end(key)
        if len(self._refusals) > self.config.refusing_devices_max:
            self._refusals.popitem(last=False)
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
        self._audience.drop(session, self._groups_of(session.person))
        if self._devices.get((session.person, session.device)) is session:
            del self._devices[session.person, session.device]

    def ready(self, session: Session) -> None:
        """Say that the link's inbox has something for a turn; a link with too much waiting is not read."""
        if not session.queued and session.inbox:
            session.queued = True
            self._ready.append(session)
            self._wakeup.set()
        if not session.inbox_paused and self._is_full(session):
            session.inbox_paused = True
            session.pipe.pause_reading()

    def drained(self, session: Session) -> None:
        """Say that the link's socket has taken everything: one that fell behind may read on."""
        if session.phase is Phase.CATCHING_UP and not session.reading:
            self._return(session)

    def _return(self, session: Session) -> None:
        """Have a link that is not live looked after in a turn."""
        session.reading = True
        self._returning.append(session)
        self._wakeup.set()

    async def ask(self, command: Command) -> list[AnyEvent] | Refusal | Repeated:
        """Have a command decided, and give its events once they are durable, or the refusal, or the first outcome."""
        decided: list[AnyEvent] | Refusal | Repeated = await self._ask(command)
        return decided

    async def query(self, look: Query) -> Any:
        """Have a look at the state, told once everything it saw is durable. `look` gets the state and now."""
        return await self._ask(look)

    def _ask(self, wish: Command | Query) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if len(self._asked) >= self.config.asks_max:
            future.set_result(Refusal(TOO_MANY, "commands waiting"))
        elif self._stopping:
            future.set_result(Refusal(UNAVAILABLE, "stopping"))
        else:
            self._asked.append((wish, future))
            self._wakeup.set()
        return future

    def watch(self) -> asyncio.Event:
        """Give an event that is set after every turn that made something durable or decided; clear it, then look."""
        grown = asyncio.Event()
        self._grown.add(grown)
        return grown

    def unwatch(self, grown: asyncio.Event) -> None:
        self._grown.discard(grown)

    def now_ms(self) -> int:
        """Show the movable clock."""
        return self.state.clock.at(self._clock.real_ms())

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
            turn = self._take()
            if turn.records:
                await self.journal.append(turn.records)
                self.durable_position = self.state.position
                self.statistics.commits += 1
                self.statistics.records += len(turn.records)
            self._perform(turn)
            working = self.state.jobs and not self._stopping and self.journal.room()  # a job goes on after a restart
            if self._ready or self._asked or self._returning or working:
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
        due_ms, rate = self._next_due_ms, self.state.clock.rate
        seconds = FOREVER_S
        if due_ms and rate > 0:
            seconds = max(0.0, (due_ms - self.now_ms()) / rate / 1000)
        if self.state.jobs or seconds < NO_ROOM_S:
            seconds = seconds if self.journal.room() else NO_ROOM_S  # what is due waits for the disk, too
        if seconds < FOREVER_S:
            self._alarm = asyncio.get_running_loop().call_later(min(seconds, 3600.0), self._wakeup.set)

    # Taking and deciding.

    def _take(self) -> Turn:
        turn = Turn(self.now_ms())
        self.statistics.turns += 1
        room = self.journal.room()
        while self._returning:  # first, while all that was said is durable, and all that will be is pushed
            session = self._returning.popleft()
            if session.phase is Phase.CATCHING_UP:
                self._catch_up(turn, session, returning=True)
        if 0 < self._next_due_ms <= turn.now_ms and room:
            for _, due in deadlines.due_until(self.state, turn.now_ms):
                self._apply(turn, deadlines.fire(self.state, turn.now_ms, due))
        for _ in range(len(self._asked)):
            wish, future = self._asked.popleft()
            if not future.done():
                self._take_ask(turn, wish, future, room)
            if len(turn.records) >= self.config.turn_commands_max:
                break
        self._take_links(turn, room)
        for command in deadlines.slices(self.state) if room and not self._stopping else ():
            if command.job in self.state.jobs:
                self._slice(turn, command)
        return turn

    def _take_ask(self, turn: Turn, wish: Command | Query, future: asyncio.Future[Any], room: bool) -> None:
        answer: Any
        try:
            if not isinstance(wish, Command):
                answer = wish(self.state, turn.now_ms)
            elif not room:
                answer = Refusal(UNAVAILABLE, "disk reserve")
            else:
                answer = decide.by_service(self.state, turn.now_ms, self._clock.real_ms(), wish)
        except Exception as defect:  # noqa: BLE001 - decide only reads, so one command's defect is one refusal
            answer = self.defect(type(wish).__name__, defect)
        turn.answered.append((future, answer))
        if isinstance(answer, list) and isinstance(wish, Command):
            self._apply(turn, answer)
        if isinstance(wish, Command):
            refusal = answer if isinstance(answer, Refusal) else None
            self._note(turn.now_ms, "", type(wish).__name__, "", 0, refusal)

    def _take_links(self, turn: Turn, room: bool) -> None:
        """Give each link that waits its share; what is left waits for the next turn, at the end of the line."""
        config, commands = self.config, 0
        share = max(config.link_share_max, config.turn_commands_max // max(1, len(self._ready)))
        for _ in range(len(self._ready)):
            if commands >= config.turn_commands_max or turn.bytes >= config.turn_bytes_max:
                return
            session = self._ready.popleft()
            waiting = len(session.inbox)
            self._take_inbox(turn, session, share, room)
            commands += waiting - len(session.inbox)
            if session.inbox:
                self._ready.append(session)
            else:
                session.queued = False
                session.inbox_bytes = 0
            if session.inbox_paused and not self._is_full(session, 2):
                session.inbox_paused = False
                session.pipe.resume_reading()

    def _is_full(self, session: Session, part: int = 1) -> bool:
        """Tell whether too much waits in a link's inbox, or a part of too much. Bytes are counted until it is empty."""
        config = self.config
        return len(session.inbox) >= config.inbox_frames_max // part or session.inbox_bytes >= config.inbox_bytes_max

    def _take_inbox(self, turn: Turn, session: Session, share: int, room: bool) -> None:
        person = self.state.people.get(session.person)
        if person is None:
            session.inbox.clear()
            turn.effects.append(CloseLinks(Close.FORBIDDEN, "the person is gone", session.person))
            return
        turn.touched[session] = None
        inbox = session.inbox
        for _ in range(min(len(inbox), share)):
            if not inbox:  # the link was closed on the way
                return
            frame: Any = inbox.popleft()
            kind = type(frame)
            if kind is Ack:
                self._acknowledge(turn, person, frame)
            elif kind is Objection:
                self._refuse(turn, session, frame, frame.refusal)
            elif kind is Hello:
                self._hello(turn, session, person, frame)
            elif not room:
                self._refuse(turn, session, frame, Refusal(UNAVAILABLE, "disk reserve"))
            else:
                self._command(turn, session, person, frame)

    def _slice(self, turn: Turn, command: SliceJob) -> None:
        try:
            decided = messages.slice_job(self.state, turn.now_ms, command)
        except Exception as defect:  # noqa: BLE001 - decide only reads, so one recipient's defect is one refusal
            self.defect("SliceJob", defect)
            decided = messages.slice_failed(self.state, turn.now_ms, command)
        self._apply(turn, decided)

    def _acknowledge(self, turn: Turn, person: AnyPerson, ack: Ack) -> None:
        try:
            decided = messages.delivered(self.state, turn.now_ms, person, ack.upto)
        except Exception as defect:  # noqa: BLE001 - decide only reads, and an acknowledgement has no answer
            self.defect("Ack", defect)
            return
        self._apply(turn, decided)

    def _command(self, turn: Turn, session: Session, person: AnyPerson, frame: ClientCommand) -> None:
        number = frame.number
        if number in session.refusals:
            digest, refusal = session.refusals[number]
            same = digest == decide.digest_of(frame)
            self._refuse(turn, session, frame, refusal if same else Refusal(REUSED_NUMBER))
            return
        try:
            decided = decide.by_client(self.state, turn.now_ms, person, session.device, frame)
        except Exception as defect:  # noqa: BLE001 - decide only reads, so one command's defect is one refusal
            decided = self.defect(type(frame).__name__, defect)
        answer: Posted | Answer | events.Answered
        if isinstance(decided, Posted):
            self._apply_posted(turn, decided, session)
            answer = decided
        elif isinstance(decided, Refusal):
            self._refuse(turn, session, frame, decided)
            self._remember(session, frame, decided)
            return
        elif isinstance(decided, Answer):
            self.statistics.repeated += 1
            answer = decided
        else:
            self._apply(turn, decided)
            assert isinstance(decided[-1], events.Answered)
            answer = decided[-1]
            self._note(turn.now_ms, person.key, type(frame).__name__, answer.conversation, number, None)
        self.statistics.accepted += 1
        accepted = Accepted(number, answer.conversation, answer.sequence, answer.time_ms)
        codec = session.codec
        session.outbox.answer(websocket_frame(codec.opcode, codec.encode(accepted)))

    def _remember(self, session: Session, frame: ClientCommand, refusal: Refusal) -> None:
        """Keep a refusal in memory, so that a repeat of its number hears the same; never over the bound."""
        session.refusals[frame.number] = (decide.digest_of(frame), refusal)
        if len(session.refusals) > self.config.refusals_max:
            del session.refusals[next(iter(session.refusals))]

    def _refuse(self, turn: Turn, session: Session, frame: ClientCommand | Objection, refusal: Refusal) -> None:
        """Answer no; a refusal changes nothing."""
        reason, number = refusal.reason, frame.number
        self.statistics.refused[reason.name] += 1
        session.answer(
            Refused(number, reason.code, reason.name, reason.text, reason.advice, refusal.rule, refusal.retry_at_ms)
        )
        what = "Send" if isinstance(frame, Objection) else type(frame).__name__
        self._note(turn.now_ms, session.person, what, getattr(frame, "conversation", ""), number, refusal)

    def defect(self, what: str, why: BaseException) -> Refusal:
        """Count and report a defect of ours; gives the refusal it becomes."""
        self.statistics.defects += 1
        self._on_defect(what, why)
        return Refusal(INTERNAL)

    def _note(
        self, now_ms: int, person: str, what: str, conversation: str, number: int, refusal: Refusal | None
    ) -> None:
        self._decided += 1
        self.recent_decisions.append(
            Decision(self._decided, self.state.position, now_ms, person, what, conversation, number, refusal)
        )

    # Applying.

    def _apply_posted(self, turn: Turn, posted: Posted, speaker: Session | None) -> None:
        state = self.state
        record = _encode(posted)
        turn.records.append(record)
        turn.bytes += len(record)
        state.apply(posted)
        gathered = turn.posts.get(posted.conversation)
        if gathered is None:
            turn.posts[posted.conversation] = (state.conversations[posted.conversation], [(posted, speaker)])
        else:
            gathered[1].append((posted, speaker))
        self.recent_messages.append((state.position, posted))

    def _apply(self, turn: Turn, happened: list[AnyEvent]) -> None:
        for event in happened:
            if type(event) is Posted:
                self._apply_posted(turn, event, None)
                continue
            if isinstance(event, events.Joined | events.Left):
                conversation = self.state.conversations[event.conversation]
                turn.seal(conversation.id, tuple(self._audience.of(conversation)))
            elif isinstance(event, events.CorpReset):
                self._before_reset(turn, event.corpid)
            elif isinstance(event, events.WorldReset):
                self._before_world_reset(turn)
            record = _encode(event)
            turn.records.append(record)
            turn.bytes += len(record)
            self.state.apply(event)
            if isinstance(event, events.CorpPut | events.CorpReset | events.WorldReset):
                self._next_due_ms = deadlines.next_due_ms(self.state)
            if isinstance(event, events.Joined):
                self._audience.seat(event.conversation, event.person)
            elif isinstance(event, events.Left):
                self._audience.unseat(event.conversation, event.person)
            elif isinstance(event, events.CommandRefused):
                refusal = Refusal(by_code(event.code), event.rule, event.retry_at_ms)
                self._note(turn.now_ms, event.recipient or event.corpid, "SendFor", "", 0, refusal)
            turn.effects += effects.of(event)

    def _before_reset(self, turn: Turn, corpid: str) -> None:
        """Drop what this turn had to say in a reset enterprise's conversations, and have its customers forget it.

        They are told in the turn's order: an answer that follows may be about a conversation whose id has come again.
        """
        for name in [name for name, (at, _) in turn.posts.items() if at.corpid == corpid]:
            del turn.posts[name]
        turn.sealed = [(audience, posts) for audience, posts in turn.sealed if not self._is_of(corpid, posts)]
        customers = set(self.state.corps[corpid].consumers.values())
        for session in self.sessions:
            self._drop_cursors(session, corpid)
            if session.person in customers and session.phase is not Phase.HELLO:
                session.answer(Forget(corpid))
                turn.touched[session] = None
                if session.outbox.held:  # perhaps messages that are to be forgotten
                    session.outbox.let_go()
                    self._audience.drop(session, self._groups_of(session.person))
        for key in [key for key in self._refusals if key[0].startswith(f"{corpid}/")]:
            del self._refusals[key]  # its members' devices number their sends from 1 again
        self._audience.forget(name for name, at in self.state.conversations.items() if at.corpid == corpid)

    def _is_of(self, corpid: str, posts: list[Post]) -> bool:
        return self.state.conversations[posts[0][0].conversation].corpid == corpid

    def _before_world_reset(self, turn: Turn) -> None:
        turn.posts.clear()
        turn.sealed.clear()
        self.recent_messages.clear()
        self.recent_decisions.clear()
        self._refusals.clear()
        self._audience = Audience()

    # Hello and catching up.

    def _groups_of(self, person: str) -> list[str]:
        known = self.state.people.get(person)
        if known is None:
            return []
        return [name for name, ends in known.conversations.items() if len(ends) % 2]

    def _hello(self, turn: Turn, session: Session, person: AnyPerson, hello: Hello) -> None:
        """Welcome a device, say whether its token was good, and let it catch up."""
        session.move("hello")
        session.position, reason = self._resume_from(person, hello)
        # Without a good token nobody knows which life of the world a cursor is from: it could hide messages.
        session.cursors = {name: upto for name, upto in hello.cursors if not reason and self._known_cursor(name, upto)}
        device = person.devices.get(session.device)
        # A number that was refused is used too: whoever goes on from there must not meet it again.
        last_number = max(device.last_number if device is not None else 0, max(session.refusals, default=0))
        session.answer(Welcome(person.key, session.device, last_number, not reason, reason))
        if isinstance(person, Consumer) and session.position:
            for corpid, position in person.forgotten.items():
                if position > session.position:
                    session.answer(Forget(corpid))
                    self._drop_cursors(session, corpid)
        self._catch_up(turn, session)

    def _resume_from(self, person: AnyPerson, hello: Hello) -> tuple[int, str]:
        """Give the position a device resumes from, and if it is the beginning, why."""
        if not hello.token:
            return 0, "no token"
        point = self._tokens.read_resume_token(hello.token)
        if point is None or point.person != person.key:
            return 0, "unknown token"
        if point.epoch != self.state.epoch or point.position > self.state.position:
            return 0, "another world"
        if isinstance(person, Member) and point.position < self.state.corps[person.corpid].since_position:
            return 0, "the enterprise was reset"
        return point.position, ""

    def _known_cursor(self, name: str, upto: int) -> bool:
        """Heed a cursor only if the log goes that far: one from another life of the world would hide messages."""
        conversation = self.state.conversations.get(name)
        return conversation is not None and upto <= conversation.head

    def _drop_cursors(self, session: Session, corpid: str) -> None:
        """Heed no cursor of an enterprise that was reset: its ids have come again, with other messages."""
        conversations = self.state.conversations
        session.cursors = {name: upto for name, upto in session.cursors.items() if conversations[name].corpid != corpid}

    def _catch_up(self, turn: Turn, session: Session, *, returning: bool = False) -> None:
        """Send a link on: live if it has missed nothing, else to the journal for what it has.

        In a busy conversation something is always missing by the time of looking. So a link that returns for little
        is pushed to from this turn on, and its outbox holds the pushes back until the little has been read.
        """
        person = self.state.people.get(session.person)
        if person is None:
            turn.effects.append(CloseLinks(Close.FORBIDDEN, "the person is gone", session.person))
            return
        chunks = catchup.plan(self.state, person, session.position, session.cursors)
        turn.touched[session] = None
        session.reading = bool(chunks)
        if chunks:
            if returning and sum(chunk.count for chunk in chunks) <= self.config.rejoin_records_max:
                session.outbox.held = True
                self._audience.add(session, person, self._groups_of(session.person))
            turn.behind.append((session, chunks, self.state.position))
            return
        session.move("caught_up")
        session.cursors = {}
        self._audience.add(session, person, self._groups_of(session.person))
        self.statistics.caught_up += 1
        session.answer(self._synced(session, self.state.position))

    def _synced(self, session: Session, position: int) -> Synced:
        session.pushed = False
        return Synced(self._tokens.resume_token(ResumePoint(self.state.epoch, session.person, position)))

    async def _read(self, session: Session, chunks: list[catchup.Chunk], upto: int) -> None:
        """Write what a link has missed, as fast as it takes it, then bring it back for a turn."""
        try:
            await self._read_chunks(session, chunks, upto)
        except Exception as defect:  # noqa: BLE001 - one link cannot go on; the others can
            self.defect("catching up", defect)
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
            frames = [
                _framed(session.codec, post.frame)
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
        session.pipe.write(session.frame(self._synced(session, session.position)))
        if session.outbox.release():
            session.pushed = True
            self._sync_later()

    # Performing.

    def _perform(self, turn: Turn) -> None:
        """Say what has become durable. A link that cannot take its pushes reads them from the journal later."""
        self._gather(turn)
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

    def _gather(self, turn: Turn) -> None:
        """Put the turn's messages into the outboxes of those who listen."""
        gathered = list(turn.posts.values())
        if turn.sealed:
            # Own affairs first: they tell of the conversations that others' first messages stand in.
            gathered.sort(key=lambda posts: posts[0].kind != "own")
            while gathered and gathered[0][0].kind == "own":
                conversation, posts = gathered.pop(0)
                self._deliver(turn, self._audience.of(conversation), posts)
            for audience, posts in turn.sealed:
                self._deliver(turn, audience, posts)
        for conversation, posts in gathered:
            listening = self._audience.of(conversation)
            if listening:
                self._deliver(turn, listening, posts)

    def _flush(self, turn: Turn) -> None:
        before = self.durable_position - len(turn.records)
        for session in turn.touched:
            if session.phase is Phase.CLOSING:
                session.outbox.clear()
            elif not session.outbox.flush(self.config.outbox_bytes_max):
                self._fell_behind(session, before)

    def _deliver(self, turn: Turn, audience: Collection[Session], posts: list[Post]) -> None:
        """Hand the messages of a conversation to its links: the same joined bytes to all who did not speak."""
        frames: dict[Codec, list[bytes]] = {}
        speakers = {speaker for _, speaker in posts}
        alone, codec, joined = len(speakers) == 1, None, b""
        touched, count = turn.touched, len(posts)
        for session in audience:
            if session in speakers and alone:
                continue  # as nearly always
            if session.codec is not codec:
                codec = session.codec
                if codec not in frames:
                    frames[codec] = [_framed(codec, posted.frame) for posted, _ in posts]
                joined = b"".join(frames[codec])
            if session in speakers:
                pairs = zip(frames[codec], posts, strict=True)
                others = [frame for frame, (_, speaker) in pairs if speaker is not session]
                session.outbox.push(b"".join(others))
                self.statistics.deliveries += len(others)
            else:
                session.outbox.push(joined)
                self.statistics.deliveries += count
            touched[session] = None
            if not session.pushed:
                session.pushed = True
                self._sync_later()

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
        for session in self.sessions:
            if session.pushed and session.phase is Phase.LIVE:
                session.pipe.write(session.frame(self._synced(session, self.durable_position)))

    def _fell_behind(self, session: Session, position: int) -> None:
        """Cut a link over: it is no longer pushed to, and reads on from the log when it has taken what was written.

        One that was about to rejoin goes on reading as before.
        """
        if session.phase is Phase.LIVE:
            session.move("fell_behind")
            session.position = position
            self.statistics.cut_over += 1
        if session.phase is Phase.CATCHING_UP:
            self._audience.drop(session, self._groups_of(session.person))

    def _effect(self, effect: CloseLinks) -> None:
        for session in [session for session in self.sessions if _meant(effect, session)]:
            self._end(session, effect.close, effect.text)


def _framed(codec: Codec, frame: bytes) -> bytes:
    """Frame a message for links of a codec: MessagePack as it stands in the journal, JSON out of it."""
    return websocket_frame(codec.opcode, frame if codec is MSGPACK else codec.encode(decode_message(frame)))


def _meant(effect: CloseLinks, session: Session) -> bool:
    if effect.token_id:
        return session.token_id == effect.token_id
    if effect.corpid:
        return session.person.startswith(f"{effect.corpid}/")
    return not effect.person or session.person == effect.person


__all__ = ["Decision", "Router"]
