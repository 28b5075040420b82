"""What an app asks through the vendor's API about messages to members."""

from gateway.commands.command import Command
from protocol.content import AppContent, TemplateCard


class SpeakFor(Command):
    """Let an app say something to members (keys); the same again within `unless_within_ms` is not said twice."""

    corpid: str
    agent_id: str
    recipients: tuple[str, ...]
    content: AppContent
    unless_within_ms: int = 0
    answerable: bool = False


class UpdateCard(Command):
    """Show something else on a card, to these members (keys) or, without any, to all who have it; once for a code."""

    corpid: str
    agent_id: str
    code: str
    recipients: tuple[str, ...]
    card: TemplateCard


class Recall(Command):
    """Take back what an app has said."""

    corpid: str
    agent_id: str
    msgid: str
