"""How strictly the vendor's API asks; tags from 140."""

from gateway.events.event import Event
from gateway.rights import Switch


class StrictnessSet(Event, tag=140):
    """These switches are on from here on, and the others off."""

    switches: tuple[Switch, ...]
