"""Is there a seat? Both sides count in the cap; joining by QR code may stop at a lower ceiling of its own."""

from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.conversations import Group
from protocol.errors import GROUP_FULL, QR_CLOSED


def check(state: State, group: Group | None, more: int, scanned: bool = False) -> Refusal | None:
    """Tell whether `more` people may join this group, or a new one if there is none yet."""
    size = len(group.seats) if group is not None else 0
    profile = state.profile
    if size + more > profile.group_size_max:
        return Refusal(GROUP_FULL, "group_size/group_size_max")
    if scanned and 0 < profile.group_scan_max < size + more:
        return Refusal(QR_CLOSED, "group_size/group_scan_max")
    return None
