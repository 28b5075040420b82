"""What apps are to be called back about; tags from 60."""

from gateway.events.event import Event
from protocol.wecom.changes import AnyChange


class CallbackDue(Event, tag=60):
    """Something happened that these apps of an enterprise are to be told of; who they are was fixed then.

    What a person says to an app needs no such event: the `Posted` record itself is due.
    """

    corpid: str
    agent_ids: tuple[str, ...]
    change: AnyChange
    time_ms: int


class CallbackVerified(Event, tag=61):
    """The receiver of an app's callbacks has answered the check of its address, as it stands now."""

    corpid: str
    agent_id: str
    time_ms: int
