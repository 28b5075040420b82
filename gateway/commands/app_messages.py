"""What an app asks through the vendor's API about messages to members."""

from gateway.commands.command import Command
from protocol.content import AppContent


class SpeakFor(Command):
    """Let an app say something to members (keys); the same again within `unless_within_ms` is not said twice."""

    corpid: str
    agent_id: str
    recipients: tuple[str, ...]
    content: AppContent
    unless_within_ms: int = 0
    answerable: bool = False


class Recall(Command):
    """Take back what an app has said."""

    corpid: str
    agent_id: str
    msgid: str
