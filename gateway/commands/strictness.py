"""The command that turns the switches of strictness."""

from gateway.commands.command import Command
from gateway.rights import Switch


class SetStrictness(Command):
    """Let these switches be on, and the others off."""

    switches: tuple[Switch, ...]


__all__ = ["SetStrictness"]
