"""What stands between a request and its call: how often, how many at a time, from where, with which secret.

Rules of the file:
- What is counted here is soft; the numbers are the profile's.
- A call that is refused is not counted.
"""

from typing import TYPE_CHECKING

from adapters.wecom_api.access import Caller
from adapters.wecom_api.faults import Faults
from adapters.wecom_api.rights import permitted
from gateway.policy.calls import CallMeters
from gateway.policy.underway import Underway
from gateway.profile import Profile
from gateway.refusal import Refusal
from gateway.state import State

if TYPE_CHECKING:
    from adapters.wecom_api.call import Call


class Gate:
    """What every call passes."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.underway = Underway()
        self._profile: Profile | None = None
        self._meters: CallMeters

    def meters(self, state: State) -> CallMeters:
        """Give the meters of the numbers in force; other numbers begin to count anew."""
        if state.profile is not self._profile:
            self._profile, self._meters = state.profile, CallMeters(state.profile)
        return self._meters

    def admit(self, state: State, now_ms: int, path: str, found: "Call", caller: Caller) -> Refusal | None:
        """Say why this caller may not call this path now; else the call is counted."""
        if state.strict and caller.corpid and (refusal := permitted(state, path, caller)) is not None:
            return refusal
        if found.exempt:
            return None
        return self.meters(state).take(path, caller.corpid, caller.agent_id, caller.address, now_ms)

    def forget(self, corpid: str = "") -> None:
        """Forget what was counted and ordered, of one enterprise or of all: it was reset."""
        self.faults.clear(corpid)
        if not corpid:
            self._profile = None
        elif self._profile is not None:
            self._meters.forget(corpid)


__all__ = ["Gate"]
