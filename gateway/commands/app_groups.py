"""What an app asks about the groups of members that it has made; members are named by userid."""

from gateway.commands.command import Command
from protocol.content import AppContent


class MakeAppGroup(Command):
    """Make a group; without a chat_id one is derived, without an owner the first member owns it."""

    corpid: str
    agent_id: str
    members: tuple[str, ...]
    name: str = ""
    owner: str = ""
    chat_id: str = ""


class ChangeAppGroup(Command):
    """Change what a group is called, who owns it, or who sits in it; what is empty stays."""

    corpid: str
    agent_id: str
    chat_id: str
    name: str = ""
    owner: str = ""
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class SayInAppGroup(Command):
    corpid: str
    agent_id: str
    chat_id: str
    content: AppContent
