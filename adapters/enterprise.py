"""The enterprise's side of the bridge: members, and the frames they may send."""

from typing import Final, get_args

from protocol.frames import MemberCommand

AUDIENCE: Final = "member"
COMMANDS: Final[frozenset[type]] = frozenset(get_args(MemberCommand))
