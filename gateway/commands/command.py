"""What every command without a frame is made of."""

from msgspec import Struct


class Command(Struct, frozen=True):
    """The parent of every command without a frame."""
