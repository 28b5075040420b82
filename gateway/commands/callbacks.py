"""Commands about apps that are called back."""

from gateway.commands.command import Command


class NoteVerified(Command):
    """Remember that a receiver has answered the check of its address; what was checked is named."""

    corpid: str
    agent_id: str
    callback_url: str
    callback_token: str
    callback_aes_key: str
