"""The consumer's side of the bridge: people on WeChat, and the frames they may send."""

from typing import Final, get_args

from protocol.frames import ConsumerCommand

AUDIENCE: Final = "consumer"
COMMANDS: Final[frozenset[type]] = frozenset(get_args(ConsumerCommand))
