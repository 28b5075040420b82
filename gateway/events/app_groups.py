"""Groups of members that apps make; tags from 84. Who sits in one is told by `Joined` and `Left`."""

from gateway.events.event import Event


class AppGroupPut(Event, tag=84):
    """What an app's group is called, and who owns it."""

    corpid: str
    conversation: str
    chat_id: str
    agent_id: str
    name: str
    owner: str
    time_ms: int
