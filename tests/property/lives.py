"""A small world that is lived in at random: the same steps for the gateway's rules and for whoever checks them."""

from typing import Any

from hypothesis import strategies as st

from gateway import commands, deadlines, decide, events, profile
from gateway.decide import jobs
from gateway.events import AnyEvent, CommandRefused, Origin
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.people import Answer
from protocol import content, frames
from protocol.errors import by_code

BEGIN_MS = 1_786_323_540_000  # 2026-08-10 09:59:00 in Shanghai, a Monday
CORPS = ("silk", "straw")
MEMBERS = ("silk/zhang", "silk/li", "straw/wu")
CONSUMERS = ("amy", "bo", "cai", "dan", "eve")
PROFILES = ("tiny", "wecom-2018-11")
LEAPS_MS = (1_000, 1_000, 60_000, 3_600_000, 86_400_000, 86_400_000 * 31)
VERBS = (
    *["say"] * 8, *["reply"] * 5, *["tell"] * 3, *["sell"] * 4, *["scan"] * 6, *["create"] * 2, *["join"] * 4,
    *["invite"] * 3, "accept", "refuse", "delete", "block", "unblock", "mute", "remove", "leave", "appoint", "dismiss",
    "clock", "member", "corp", "profile", "repeat",
)  # fmt: skip
Step = tuple[str, int, int, int]


def steps(verbs: tuple[str, ...], most: int) -> st.SearchStrategy[list[Step]]:
    small = st.integers(0, 11)
    return st.lists(st.tuples(st.sampled_from(verbs), small, small, small), max_size=most)


class Life:
    """The gateway's rules, lived: decides, applies, and keeps every event as it would stand in the journal."""

    def __init__(self) -> None:
        self.state = State()
        self.records: list[bytes] = []
        self.now_ms = BEGIN_MS
        self.groups: list[str] = []
        self.asked = 0
        self.last: tuple[str, frames.ClientCommand] | None = None
        self.dry = False  # whether what is decided is left undone
        self.serve(commands.ResetWorld("seed"))
        self.restart()

    def restart(self) -> None:
        """Fill an empty world."""
        self.groups.clear()
        self.last = None
        self.serve(commands.SetProfile(profile.read("tiny")))
        for corp in CORPS:
            self.found(corp)
        for name in CONSUMERS:
            self.serve(commands.PutConsumer(name))

    def found(self, corp: str) -> None:
        """Make an enterprise with its people, its app and its codes."""
        self.serve(commands.PutCorp(corp, corp, corp, "certified" if corp == "silk" else "unverified"))
        self.serve(commands.PutApp(corp, "till", "Till", "secret"))
        self.serve(commands.PutDepartment(corp, 7, "store", store=True))
        for key in MEMBERS:
            if key.startswith(f"{corp}/"):
                self.member(key)
                name = key.partition("/")[2]
                self.serve(commands.PutCode(corp, name, code=f"open {name}"))
                self.serve(commands.PutCode(corp, name, code=f"ask {name}", skip_verify=False))

    def member(self, key: str, *, activated: bool = True, real: bool = True, departed: bool = False) -> str:
        corp, _, name = key.partition("/")
        return self.serve(commands.PutMember(corp, name, name, (7,), activated, real, departed))

    def take(self, happened: list[AnyEvent]) -> None:
        if self.dry:
            return
        for event in happened:
            self.records.append(events.encode(event))
            self.state.apply(event)

    def serve(self, command: commands.Command) -> str:
        decided = decide.by_service(self.state, self.now_ms, self.now_ms, command)
        if isinstance(decided, Refusal):
            return decided.reason.name
        if isinstance(decided, commands.Repeated):
            return "repeated"
        self.take(decided)
        refused = [event for event in decided if isinstance(event, CommandRefused)]
        return by_code(refused[0].code).name if refused else "accepted"

    def client(self, key: str, frame: frames.ClientCommand) -> str:
        self.last = key, frame
        decided = decide.by_client(self.state, self.now_ms, self.state.people[key], "phone", frame)
        if isinstance(decided, Refusal):
            return decided.reason.name
        if isinstance(decided, Answer):
            return "repeated"
        self.take(decided if isinstance(decided, list) else [decided])
        return "accepted"

    def number(self, key: str) -> int:
        device = self.state.people[key].devices.get("phone")
        return device.last_number + 1 if device is not None else 1

    def chat(self, one: str, other: str) -> str:
        return self.state.people[one].contacts.get(other, "cv-nowhere")

    def names(self, corp: str, people: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        members = tuple(who.partition("/")[2] for who in people if "/" in who)
        known = {handle: name for name, handle in self.state.corps[corp].consumers.items()}
        return members, tuple(known.get(who, "wm-nobody") for who in people if "/" not in who)

    def say(self, sender: str, conversation: str, text: str) -> str:
        return self.client(sender, frames.Send(self.number(sender), conversation, content.Text(text)))

    def sell(self, corp: str, consumer: str, text: str) -> str:
        self.asked += 1
        (target,) = self.names(corp, [consumer])[1]
        origin = Origin("till", f"{self.asked}")
        return self.serve(commands.SendFor(corp, origin, "app", "till", "consumer", target, content.Text(text)))

    def advance(self, by_ms: int) -> str:
        outcome = self.serve(commands.SetClock(by_ms))
        self.now_ms = self.state.clock.shown_ms
        return outcome

    def work(self) -> None:
        """Give the jobs a slice, as a turn does."""
        for command in deadlines.slices(self.state):
            if command.job in self.state.jobs:
                self.take(jobs.slice_job(self.state, self.now_ms, command))

    def group(self, conversation: str) -> Any:
        return self.state.group(conversation)
