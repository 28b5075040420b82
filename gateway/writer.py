"""The single writer: takes what waits, decides each command against the state, and applies its events. Never waits.

Rules of the file:
- An exception in deciding refuses that one command: deciding only reads. One in applying ends the process.
- A turn is bounded, round-robin over the links; jobs come last, so that people are not late behind them.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from gateway import catchup, deadlines, decide, effects, events
from gateway.audience import Audience
from gateway.commands import Command, Repeated, SendFor, SliceJob
from gateway.config import Config
from gateway.decide import jobs, messages
from gateway.effects import CloseLinks
from gateway.events import AnyEvent, Posted
from gateway.ports import Clock, Reply, ResumePoint, Tokens
from gateway.refusal import Refusal
from gateway.session import Objection, Phase, Session
from gateway.state import State
from gateway.state.people import Answer, AnyPerson, Consumer, Member
from gateway.statistics import Statistics
from gateway.turn import Post, Turn
from protocol.codec import websocket_frame
from protocol.errors import INTERNAL, REUSED_NUMBER, UNAVAILABLE, Close, by_code
from protocol.frames import Accepted, Ack, ClientCommand, Forget, Hello, Refused, Synced, Welcome

Query = Callable[[State, int], Any]

_encode = events.encode


class Decision(Struct, frozen=True, gc=False):
    """A line of the recent decisions: what was asked by whom, and what became of it.

    `ordinal` counts decisions of this process; a line may be shown once `position` is durable. `repeated` says that
    nothing was decided anew: the command was heard before, and its first outcome stands.
    """

    ordinal: int
    position: int
    time_ms: int
    person: str
    what: str
    conversation: str
    number: int
    refusal: Refusal | None
    repeated: bool = False


def _refusal_in(answer: Any) -> Refusal | None:
    """Find the refusal in what was decided: a service's is an event, so that it is told over MQTT."""
    if isinstance(answer, list):
        refused = next((event for event in answer if isinstance(event, events.CommandRefused)), None)
        return Refusal(by_code(refused.code), refused.rule, refused.retry_at_ms) if refused is not None else None
    return answer if isinstance(answer, Refusal) else None


def _is_about(line: Decision, corpid: str, conversations: set[str]) -> bool:
    """Tell whether a line is of an enterprise's people or apps, or of what was said there."""
    return line.conversation in conversations or line.person == corpid or line.person.startswith(f"{corpid}/")


class Writer:
    """Where everything that changes the world is decided and applied, one after the other.

    `ready`, `asked` and `returning` are what waits: links with something in their inbox, wishes of services, and links
    that come back from reading the journal.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        tokens: Tokens,
        on_defect: Callable[[str, BaseException], None],
        config: Config,
    ) -> None:
        self.state = state
        self.config = config
        self.statistics = Statistics()
        self.audience = Audience()
        self.sessions: set[Session] = set()
        self.ready: deque[Session] = deque()
        self.asked: deque[tuple[Command | Query, Reply, str]] = deque()
        self.returning: deque[Session] = deque()
        self.refusals: OrderedDict[tuple[str, str], dict[int, tuple[int, Refusal]]] = OrderedDict()
        self.recent_messages: deque[tuple[int, Posted]] = deque(maxlen=config.recent_max)
        self.recent_decisions: deque[Decision] = deque(maxlen=config.recent_max)
        self.next_due_ms = deadlines.next_due_ms(state)
        self._decided = 0
        self._clock = clock
        self._tokens = tokens
        self._on_defect = on_defect

    def now_ms(self) -> int:
        """Show the movable clock."""
        return self.state.clock.at(self._clock.real_ms())

    def groups_of(self, person: str) -> list[str]:
        """Name the groups that a person sits in."""
        known = self.state.people.get(person)
        return [] if known is None else [name for name, ends in known.conversations.items() if len(ends) % 2]

    # Taking and deciding.

    def take(self, room: bool, stopping: bool) -> Turn:
        """Take what waits, decide it, and apply what it becomes; give what is to be appended and performed."""
        turn = Turn(self.now_ms())
        self.statistics.turns += 1
        while self.returning:  # first, while all that was said is durable, and all that will be is pushed
            session = self.returning.popleft()
            if session.phase is Phase.CATCHING_UP:
                self._catch_up(turn, session, returning=True)
        if 0 < self.next_due_ms <= turn.now_ms and room:
            for _, due in deadlines.due_until(self.state, turn.now_ms):
                self._apply(turn, deadlines.fire(self.state, turn.now_ms, due))
        for _ in range(len(self.asked)):
            wish, future, asker = self.asked.popleft()
            if not future.done():
                self._take_ask(turn, wish, future, asker, room)
            if len(turn.records) >= self.config.turn_commands_max:
                break
        self._take_links(turn, room)
        for command in deadlines.slices(self.state) if room and not stopping else ():
            if command.job in self.state.jobs:
                self._slice(turn, command)
        return turn

    def _take_ask(self, turn: Turn, wish: Command | Query, future: Reply, asker: str, room: bool) -> None:
        answer: Any
        try:
            if callable(wish):  # a command is a struct; to look for it in the long union of them takes longer
                turn.answered.append((future, self.look(wish, turn.now_ms)))
                return
            answer = decide.by_service(self.state, turn.now_ms, self._clock.real_ms(), wish)
            if not room and isinstance(answer, list) and answer:  # a repeat needs no disk, nor does a refusal
                answer = Refusal(UNAVAILABLE, "disk reserve")
        except Exception as defect:  # noqa: BLE001 - decide only reads, so one command's defect is one refusal
            answer = self.defect(type(wish).__name__, defect)
        turn.answered.append((future, answer))
        if isinstance(answer, list):
            self._apply(turn, answer)
        asker = wish.corpid if isinstance(wish, SendFor) else asker
        repeated = isinstance(answer, Repeated)
        self._note(turn.now_ms, asker, type(wish).__name__, "", 0, _refusal_in(answer), repeated=repeated)

    def look(self, query: Query, now_ms: int) -> Any:
        """Answer a query; a defect in it is a refusal, as it is in deciding: both only read."""
        try:
            return query(self.state, now_ms)
        except Exception as defect:  # noqa: BLE001 - see above
            return self.defect(type(query).__name__, defect)

    def _take_links(self, turn: Turn, room: bool) -> None:
        """Give each link that waits its share; what is left waits for the next turn, at the end of the line."""
        config, commands = self.config, 0
        share = max(config.link_share_max, config.turn_commands_max // max(1, len(self.ready)))
        for _ in range(len(self.ready)):
            if commands >= config.turn_commands_max or turn.bytes >= config.turn_bytes_max:
                return
            session = self.ready.popleft()
            waiting = len(session.inbox)
            self._take_inbox(turn, session, share, room)
            commands += waiting - len(session.inbox)
            if session.inbox:
                self.ready.append(session)
            else:
                session.queued = False
                session.inbox_bytes = 0
            if session.inbox_paused and not self.is_full(session, 2):
                session.inbox_paused = False
                session.pipe.resume_reading()

    def is_full(self, session: Session, part: int = 1) -> bool:
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
            elif not room and not self._is_decided(session, person, frame.number):
                self._refuse(turn, session, frame, Refusal(UNAVAILABLE, "disk reserve"))
            else:
                self._command(turn, session, person, frame)

    def _slice(self, turn: Turn, command: SliceJob) -> None:
        try:
            decided = jobs.slice_job(self.state, turn.now_ms, command)
        except Exception as defect:  # noqa: BLE001 - decide only reads, so one recipient's defect is one refusal
            self.defect("SliceJob", defect)
            decided = jobs.slice_failed(self.state, turn.now_ms, command)
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
        if session.refusals and number in session.refusals:
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
            if not decide.is_answered(person, session.device, number):  # or its first answer would be forgotten
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
        session.outbox.answers.append(websocket_frame(codec.opcode, codec.encode(accepted)))

    @staticmethod
    def _is_decided(session: Session, person: AnyPerson, number: int) -> bool:
        """Tell whether a number was accepted or refused before: to say so again needs no disk."""
        return number in session.refusals or decide.is_answered(person, session.device, number)

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
        self, now_ms: int, person: str, what: str, conversation: str, number: int, refusal: Refusal | None,
        *, repeated: bool = False,
    ) -> None:  # fmt: skip
        self._decided += 1
        position = self.state.position
        self.recent_decisions.append(
            Decision(self._decided, position, now_ms, person, what, conversation, number, refusal, repeated)
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
            self._before(turn, event)
            record = _encode(event)
            turn.records.append(record)
            turn.bytes += len(record)
            self.state.apply(event)
            self._after(turn, event)
            turn.effects += effects.of(self.state, event)

    def _before(self, turn: Turn, event: AnyEvent) -> None:
        """Fix what an event is about to change for those who listen."""
        if isinstance(event, events.Joined | events.Left | events.Dismissed):
            conversation = self.state.conversations[event.conversation]
            turn.seal(conversation.id, tuple(self.audience.of(conversation)))
        elif isinstance(event, events.CorpReset):
            self._before_reset(turn, event.corpid)
        elif isinstance(event, events.WorldReset):
            self._before_world_reset(turn)
        elif isinstance(event, events.AppRecalled):
            for session in self.sessions:
                self._let_go(session)  # it may hold back what is taken back, and is to read what is left of it
        elif isinstance(event, events.TokenRevoked):
            for session in self.sessions:
                if session.token_id == event.token_id:
                    self._unask(session)

    def _after(self, turn: Turn, event: AnyEvent) -> None:
        """Follow what an event has changed."""
        if isinstance(event, events.CorpPut | events.CorpReset | events.WorldReset):
            self.next_due_ms = deadlines.next_due_ms(self.state)
        elif isinstance(event, events.ClockSet):
            turn.now_ms = self.now_ms()  # what follows in this turn follows in time
        elif isinstance(event, events.Joined):
            self.audience.seat(event.conversation, event.person)
        elif isinstance(event, events.Left):
            self.audience.unseat(event.conversation, event.person)
        elif isinstance(event, events.Dismissed):
            self.audience.forget((event.conversation,))
        elif isinstance(event, events.CommandRefused) and event.recipient:
            self._note(turn.now_ms, event.recipient, "SliceJob", "", 0, _refusal_in([event]))
        elif isinstance(event, events.AppSaid) and event.refused:
            refusal = Refusal(by_code(event.refused), event.rule, event.retry_at_ms)
            self._note(turn.now_ms, event.recipient, "SliceJob", "", 0, refusal)

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
            if session.person.startswith(f"{corpid}/"):
                self._unask(session)
            if session.person in customers and session.phase is not Phase.HELLO:
                session.answer(Forget(corpid))
                turn.touched[session] = None
            self._let_go(session)  # of messages that are to be forgotten, perhaps
        gone = {name for name, at in self.state.conversations.items() if at.corpid == corpid}
        kept = [recent for recent in self.recent_messages if recent[1].conversation not in gone]
        self.recent_messages.clear()
        self.recent_messages.extend(kept)
        lines = [line for line in self.recent_decisions if not _is_about(line, corpid, gone)]
        self.recent_decisions.clear()
        self.recent_decisions.extend(lines)
        for key in [key for key in self.refusals if key[0].startswith(f"{corpid}/")]:
            del self.refusals[key]  # its members' devices number their sends from 1 again
        self.audience.forget(gone)

    def _unask(self, session: Session) -> None:
        """Leave what a link has asked for: it ends with this turn, as whoever it was let in for may have done already.

        A hello is heard: what is said while the turn is appended would be taken for the first frame otherwise.
        """
        while len(session.inbox) > (1 if session.phase is Phase.HELLO else 0):
            session.inbox.pop()

    def _let_go(self, session: Session) -> None:
        """Have a link that was about to rejoin come back through a turn of its own."""
        if session.outbox.held:
            session.outbox.let_go()
            self.audience.drop(session, self.groups_of(session.person))

    def _is_of(self, corpid: str, posts: list[Post]) -> bool:
        return self.state.conversations[posts[0][0].conversation].corpid == corpid

    def _before_world_reset(self, turn: Turn) -> None:
        turn.posts.clear()
        turn.sealed.clear()
        self.recent_messages.clear()
        self.recent_decisions.clear()
        self.refusals.clear()
        for session in self.sessions:
            session.cursors = {}
            self._unask(session)
            self._let_go(session)
        self.audience.clear()

    # Hello and catching up.

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
        known = ((name, self.state.conversations.get(name), upto) for name, upto in session.cursors.items())
        session.cursors = {name: upto for name, at, upto in known if at is not None and at.corpid != corpid}

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
                self.audience.add(session, person, self.groups_of(session.person))
            turn.behind.append((session, chunks, self.state.position))
            return
        session.move("caught_up")
        session.cursors = {}
        self.audience.add(session, person, self.groups_of(session.person))
        self.statistics.caught_up += 1
        session.answer(self.synced(session, self.state.position))

    def synced(self, session: Session, position: int) -> Synced:
        session.pushed = False
        return Synced(self._tokens.resume_token(ResumePoint(self.state.epoch, session.person, position)))
