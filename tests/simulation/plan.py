"""What a seed draws: how its world is, what is done in it, what goes wrong how often. A list, so that it can shrink.

Swarm: a seed has some faults not at all and some often, and so it is with what people do.
"""

from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from gateway.config import Config


class Op(NamedTuple):
    """After so many milliseconds somebody does something; what the numbers mean is the verb's business."""

    after_ms: float
    verb: str
    who: int
    a: int
    b: int


TALK: Final = ("send", "send", "send", "send", "repeat", "clash", "ack")
ACTS: Final = (
    "scan", "delete", "block", "mute", "accept", "join", "invite", "remove", "leave", "create", "confirm", "confirm",
    "say to all",
)  # fmt: skip
SERVICES: Final = ("sell", "again", "store", "post", "speak", "recall", "look", "mass", "call off")
CONTROL: Final = ("badge", "expire", "clock", "revoke", "depart", "reset", "found anew")
COMINGS: Final = ("connect", "connect", "afresh", "strange", "rude")
FAULTS: Final = (
    "cut", "vanish", "stick", "free", "crash", "power", "slow", "full", "fail", "jump", "broker away", "broker repeats",
    "broker forgets", "target", "defect", "clog",
)  # fmt: skip

NARROW: Final = Config(
    turn_commands_max=5, turn_bytes_max=2_000, link_share_max=2, inbox_frames_max=4, outbox_bytes_max=300,
    catching_up_max=1, sync_interval_ms=50, rejoin_records_max=4, callback_aside_max=2,
)  # fmt: skip
SHORT: Final = Config(outbox_bytes_max=2_000, catching_up_max=2, sync_interval_ms=200, callback_aside_max=5)
WIDE: Final = Config(sync_interval_ms=500)


@dataclass(frozen=True)
class Plan:
    """A run: its seed, its world, and its operations."""

    seed: int
    profile: str
    config: Config
    ops: list[Op]


def drawn(seed: int, count: int) -> Plan:
    """Draw a run of so many operations."""
    dice = Random(seed)
    profile = dice.choice(("bench", "roomy", "roomy", "tiny"))
    config = dice.choice((NARROW, SHORT, WIDE))
    verbs: list[str] = []
    weights: list[float] = []
    for group, weight in ((TALK, 12.0), (ACTS, 1.0), (SERVICES, 1.0), (CONTROL, 0.25), (COMINGS, 1.5)):
        for verb in group:
            verbs.append(verb)
            weights.append(weight * dice.choice((0.0, 0.5, 1.0, 1.0, 2.0)) if verb != "send" else weight)
    for verb in FAULTS:
        verbs.append(verb)
        weights.append(dice.choice((0.0, 0.0, 0.1, 0.3, 1.0)) * (0.3 if verb in {"crash", "power", "fail"} else 1.0))
    pace = dice.choice((0.5, 2.0, 8.0))
    chosen = dice.choices(verbs, weights, k=count)
    ops = [
        Op(
            round(dice.expovariate(1 / pace), 2),
            verb,
            dice.randrange(12),
            dice.randrange(1 << 16),
            dice.randrange(1 << 16),
        )
        for verb in chosen
    ]
    return Plan(seed, profile, config, ops)
