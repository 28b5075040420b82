"""What a receiver answers in place becomes the app's message to the person, on the path of every message."""

from typing import Final

from gateway.commands import Repeated, SendFor
from gateway.events import CommandRefused, Origin
from gateway.ports import Clock
from gateway.refusal import Refusal
from gateway.router import Router
from gateway.state.people import Consumer
from protocol.content import Sendable
from protocol.errors import by_code
from protocol.wecom.envelope import Secrets, Seen, Unopened, read_answer, unseal
from protocol.wecom.replies import NoReply, read_reply

ACKNOWLEDGED: Final = (b"", b"success")  # in any case of letters: EasyWeChat answers SUCCESS


class Replies:
    """Opens answers; each enterprise's are remembered apart, so that none is taken twice."""

    def __init__(self, router: Router, clock: Clock) -> None:
        self._router = router
        self._clock = clock
        self._seen: dict[str, tuple[Seen, Seen]] = {}

    async def take(self, secrets: Secrets, agent_id: str, position: int, conversation: str, body: bytes) -> str:
        """Take an answer to the message at `position`; say what became of it, nothing where it only acknowledges.

        It is fresh by either clock: SDKs stamp it with their own, or with what came to them.
        """
        if body.strip().lower() in ACKNOWLEDGED:
            return ""
        corpid = secrets.receive_id
        seen = self._seen.setdefault(corpid, (Seen(), Seen()))
        clocks = zip((self._clock.real_ms() // 1000, self._router.now_ms() // 1000), seen, strict=True)
        try:
            message = unseal(secrets, read_answer(body), clocks)
            said = read_reply(message) if message.strip().lower() not in ACKNOWLEDGED else ()
        except (Unopened, NoReply) as why:
            return f"not taken: {why}"
        outcomes = [
            await self._say(corpid, agent_id, conversation, f"{self._router.state.epoch}-{position}-{number}", one)
            for number, one in enumerate(said)
        ]
        return next((outcome for outcome in outcomes if outcome != "accepted"), "accepted" if outcomes else "")

    async def _say(self, corpid: str, agent_id: str, conversation: str, name: str, said: Sendable) -> str:
        """Have the app say it; its name makes a repeat the same command."""
        state = self._router.state
        known = state.conversations.get(conversation)
        if known is None or known.app is None:
            return "not taken: the conversation is gone"
        person = known.app.person
        kind = "consumer" if isinstance(state.people.get(person), Consumer) else "member"
        origin = Origin(f"hutong:callback/{agent_id}", name)
        answer = await self._router.ask(
            SendFor(corpid, origin, "app", agent_id, kind, state.name_of(corpid, person), said)  # type: ignore[arg-type]
        )
        if isinstance(answer, Repeated):
            return "repeated: it was answered before"
        if isinstance(answer, Refusal):
            return f"refused: {answer.reason.name}"
        refused = next((event for event in answer if isinstance(event, CommandRefused)), None)
        return f"refused: {by_code(refused.code).name} {refused.rule}".rstrip() if refused is not None else "accepted"
