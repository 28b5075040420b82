"""What the rules allow, and when."""

from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

from adapters import real_clock
from gateway import deadlines, decide, policy, state, windows
from gateway.decide import mass
from gateway.events import CorpPut, JobSliced, MassCancelled, MassConfirmed, MassSliced
from gateway.policy import consent, frequency, group_size, relation
from gateway.state import State
from gateway.state.apply import APPLIERS
from gateway.state.apply import mass as apply_mass
from gateway.state.clock import MovableClock
from gateway.state.corps import Corp
from gateway.state.mass import HAD_OTHERS
from gateway.state.quotas import Meter, Quotas
from tests.simulation.bugs import apply_as, planted, put


@planted
def quota_charged_on_refusal(stack: ExitStack) -> None:
    """What is refused counts."""
    real = policy.check

    def check(at: State, attempt: Any) -> Any:
        refusal = real(at, attempt)
        if refusal is not None and attempt.sender is not None and not attempt.mass:
            at.charge(attempt.conversation, attempt.key, attempt.now_ms)
        return refusal

    put(stack, policy, "check", check)


@planted
def quota_one_over(stack: ExitStack) -> None:
    """A rule allows one more than its limit."""

    counted, real = Meter.cells, Meter.refusing

    def cells(self: Meter, subjects: Any, indexes: Any) -> Any:
        return tuple((cell, limit + 1) for cell, limit in counted(self, subjects, indexes))

    def refusing(self: Meter, subjects: Any, indexes: Any) -> Any:
        rule = real(self, subjects, indexes)
        return rule if rule is not None and sum(indexes) % 2 else None

    put(stack, Meter, "cells", cells)
    put(stack, Meter, "refusing", refusing)


@planted
def quotas_outlive_a_reset(stack: ExitStack) -> None:
    """What an enterprise has used is not forgotten with it."""
    put(stack, Quotas, "forget", lambda *_: None)


@planted
def window_edge_early(stack: ExitStack) -> None:
    """A window begins a second before it does."""
    real = windows.indexes
    put(stack, windows, "indexes", lambda now_ms: real(now_ms + 1_000))


@planted
def badge_cached_past_withdrawal(stack: ExitStack) -> None:
    """Who may speak, and with which badge, is remembered past a change of the enterprise."""
    put(stack, state, "QUIET", state.QUIET | {CorpPut})


@planted
def certification_never_ends(stack: ExitStack) -> None:
    """The date of a certification is not looked at."""
    put(stack, deadlines, "due_until", lambda *_: [])
    put(stack, Corp, "certification_at", lambda self, _now_ms: self.certification)


@planted
def group_one_over(stack: ExitStack) -> None:
    """A group has one seat more than its limit."""
    real = group_size.check
    put(stack, group_size, "check", lambda at, group, more, scanned=False: real(at, group, more - 1, scanned))


@planted
def removed_but_heard(stack: ExitStack) -> None:
    """Who has left a group may still speak in it."""
    put(stack, relation, "_check_seat", lambda *_: None)


@planted
def broken_rule_allows(stack: ExitStack) -> None:
    """A rule that fails lets everything pass."""
    real = decide.by_client

    def by_client(at: State, now_ms: int, person: Any, device: str, frame: Any) -> Any:
        try:
            return real(at, now_ms, person, device, frame)
        except ZeroDivisionError:
            return real(at, now_ms, person, device, frame)

    put(stack, decide, "by_client", by_client)


@planted
def blocked_but_heard(stack: ExitStack) -> None:
    """A block stops nothing."""
    put(stack, consent, "check", lambda *_: None)


def machine_ms() -> int:
    """Read the machine's clock, as it is simulated."""
    time: Any = vars(real_clock)["time"]
    return int(time.time_ns() // 1_000_000)


@planted
def clock_goes_back(stack: ExitStack) -> None:
    """The machine's clock is believed when it is set back."""
    put(stack, real_clock.RealClock, "real_ms", lambda self: machine_ms())
    put(
        stack,
        MovableClock,
        "at",
        lambda self, now_ms: self.shown_ms + now_ms - self.real_ms if self.real_ms else now_ms,
    )


@planted
def expired_token_comes_back(stack: ExitStack) -> None:
    """A token that has expired is good again when the machine's clock is set back."""
    put(stack, real_clock.RealClock, "real_ms", lambda self: machine_ms())


# Mass messages.


@planted
def mass_uses_no_quota(stack: ExitStack) -> None:
    """Who is reached by a mass message is not counted."""
    put(stack, apply_mass, "SENT", -1)


@planted
def mass_finds_everybody_sated(stack: ExitStack) -> None:
    """Whoever is not reached is said to have had others' messages."""
    put(stack, mass, "result_of", lambda _: HAD_OTHERS)


@planted
def mass_asks_for_no_consent(stack: ExitStack) -> None:
    """A mass message passes a block, and the end of a relation."""
    put(stack, mass, "policy", SimpleNamespace(check=frequency.check))


@planted
def mass_slices_overlap(stack: ExitStack) -> None:
    """The next slice of a mass message begins with the last one's last recipient."""
    real = APPLIERS[MassSliced]

    def sliced(at: State, event: MassSliced) -> None:
        real(at, event)
        if event.job in at.jobs:
            at.jobs[event.job].done -= 1

    apply_as(stack, MassSliced, sliced)


@planted
def mass_is_confirmed_twice(stack: ExitStack) -> None:
    """A member's yes is forgotten."""
    real = APPLIERS[MassConfirmed]

    def confirmed(at: State, event: MassConfirmed) -> None:
        real(at, event)
        at.corps[event.corpid].mass.messages[event.id].parts[event.userid].sent_ms = 0

    apply_as(stack, MassConfirmed, confirmed)


@planted
def mass_cannot_be_called_off(stack: ExitStack) -> None:
    """What was called off can still be confirmed."""
    apply_as(stack, MassCancelled, lambda *_: None)


@planted
def mass_is_not_announced(stack: ExitStack) -> None:
    """Members are not told that a mass message waits for them."""
    put(stack, mass, "_tell", lambda _state, _now, job, _message, _most: [JobSliced(job.id, len(job.recipients))])
