"""A world begun from a snapshot; tags from 160."""

from gateway.events.event import Event


class WorldRestored(Event, tag=160):
    """What stands before this was copied from another life of the world; tokens of earlier epochs are worthless.

    `epoch` was never another life's. `revoked` are the link tokens that were worthless where the world was restored,
    with the ends of their lives (real time, in seconds): a snapshot from before must not bring them back.
    """

    epoch: int
    revoked: dict[str, int]
