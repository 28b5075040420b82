"""What an app may do, and the switches by which it is asked: words that commands, events, state and rules share.

WeCom asks always; Hutong only where a switch is on, so that a first call needs no more than a secret.
"""

from typing import Final, Literal, get_args

from msgspec import Struct

Switch = Literal["trusted_ip", "app_range", "secret_by_ability", "verified_callback"]
SWITCHES: Final[tuple[Switch, ...]] = get_args(Switch)

Ability = Literal["contacts", "customers"]
"""`contacts` may write the address book; `customers` is on the list of those that may call customer contact."""


class Rights(Struct, array_like=True, frozen=True, gc=False):
    """An app's rights. Nobody is trusted or able without being named; a range of nobody is the whole enterprise."""

    trusted_ips: tuple[str, ...] = ()
    members: tuple[str, ...] = ()  # userids
    departments: tuple[int, ...] = ()  # with all beneath them
    abilities: tuple[Ability, ...] = ()


__all__ = ["SWITCHES", "Ability", "Rights", "Switch"]
