"""What the vendor's API asks for about customers. Ids are the enterprise's own; what is `None` stays as it is."""

from gateway.commands.command import Command


class NoteCustomer(Command):
    """Note something of a member's customer."""

    corpid: str
    userid: str
    external_userid: str
    remark: str | None = None
    description: str | None = None
    company: str | None = None
    mobiles: tuple[str, ...] | None = None
    picture: str | None = None


class MarkCustomer(Command):
    """Mark a member's customer with tags of the enterprise, and take others off."""

    corpid: str
    userid: str
    external_userid: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
