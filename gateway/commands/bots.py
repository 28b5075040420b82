"""What a bot's program asks for: to answer what it was asked, and to speak unasked. Ids are the enterprise's own."""

from typing import Literal

from gateway.commands.command import Command
from protocol.content import AppContent


class AnswerAsBot(Command):
    """Answer what stands at this position: a message, somebody's entering, or the pressing of a card's button."""

    corpid: str
    agent_id: str
    position: int
    to: Literal["message", "enter", "card"]
    content: AppContent


class PushAsBot(Command):
    """Say something unasked, to a person or in a group; `any` looks for a group of this id first (DOC 101463)."""

    corpid: str
    agent_id: str
    to: str
    content: AppContent
    kind: Literal["any", "single", "group"] = "any"
