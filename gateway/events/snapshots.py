"""A world begun from a snapshot; tags from 160."""

from gateway.events.event import Event


class WorldRestored(Event, tag=160):
    """What stands before this was copied from another life of the world; tokens of earlier epochs are worthless.

    `epoch` was never another life's. `revoked` are the link tokens that were worthless where the world was restored,
    with the ends of their lives (real time, in seconds): a snapshot from before must not bring them back. `real_ms` is
    the real time there: what the snapshot knows of it was another machine's, or is over. Older journals do not have it.
    """

    epoch: int
    revoked: dict[str, int]
    real_ms: int = 0
