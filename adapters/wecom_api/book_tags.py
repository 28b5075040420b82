"""Tags of the address book (DOC 90210 to 90216)."""

from msgspec import UNSET

from adapters.wecom_api.call import Caller, Door, No, call
from gateway.commands import book as commands
from gateway.events import BookTagPut
from gateway.state import State
from protocol.wecom.access import Nothing
from protocol.wecom.departments import (
    TagAsked,
    TagCreate,
    TagIdReply,
    TagMembersAsked,
    TagMembersReply,
    TagReply,
    TagRow,
    TagsReply,
    TagUpdate,
    TagUser,
)
from protocol.wecom.errcodes import Family
from protocol.wecom.reply import Reply


@call("POST", "tag/create", missing={"tagname": 40072})
async def create_tag(door: Door, caller: Caller, asked: TagCreate) -> TagIdReply:
    """Make a tag, which is the app's own."""
    command = commands.CreateBookTag(caller.corpid, caller.agent_id, asked.tagname, asked.tagid)
    (made,) = await door.ask(command, "tag")
    assert isinstance(made, BookTagPut), "making a tag is one event"
    return TagIdReply(errmsg="created", tagid=made.id)


@call("POST", "tag/update", missing={"tagid": 40068, "tagname": 40072})
async def update_tag(door: Door, caller: Caller, asked: TagUpdate) -> Reply:
    """Call a tag something else."""
    await door.ask(commands.RenameBookTag(caller.corpid, caller.agent_id, asked.tagid, asked.tagname), "tag")
    return Reply(errmsg="updated")


@call("GET", "tag/delete", missing={"tagid": 40068})
async def delete_tag(door: Door, caller: Caller, asked: TagAsked) -> Reply:
    """Delete a tag."""
    await door.ask(commands.DeleteBookTag(caller.corpid, caller.agent_id, asked.tagid), "tag")
    return Reply(errmsg="deleted")


@call("GET", "tag/get", missing={"tagid": 40068})
async def get_tag(door: Door, caller: Caller, asked: TagAsked) -> TagReply:
    """Tell who has a tag."""

    def look(state: State, _now_ms: int) -> TagReply | No:
        tag = state.corps[caller.corpid].book.tags.get(asked.tagid)
        if tag is None:
            return No(40068)
        members = (state.member(key) for key in tag.members)
        return TagReply(
            tagname=tag.name,
            userlist=[TagUser(member.userid, member.name) for member in members],
            partylist=list(tag.departments),
        )

    reply: TagReply = await door.look(look)
    return reply


@call("POST", "tag/addtagusers", missing={"tagid": 40068})
async def add_members(door: Door, caller: Caller, asked: TagMembersAsked) -> TagMembersReply:
    """Give a tag to members and departments; those that are unknown are named."""
    return await _tag(door, caller, asked, "tag", on=True)


@call("POST", "tag/deltagusers", missing={"tagid": 40068})
async def remove_members(door: Door, caller: Caller, asked: TagMembersAsked) -> TagMembersReply:
    """Take a tag from members and departments; those that are unknown are named."""
    return await _tag(door, caller, asked, "untag", on=False)


async def _tag(door: Door, caller: Caller, asked: TagMembersAsked, family: Family, *, on: bool) -> TagMembersReply:
    if not (asked.userlist or asked.partylist):
        raise No(40035, "userlist or partylist")
    command = commands.TagMembers(
        caller.corpid, caller.agent_id, asked.tagid, on, asked.userlist, asked.partylist
    )  # fmt: skip
    await door.ask(command, family)

    def look(state: State, _now_ms: int) -> TagMembersReply:
        corp = state.corps[caller.corpid]
        return TagMembersReply(
            errmsg="ok" if on else "deleted",
            invalidlist="|".join(id_ for id_ in asked.userlist if state.present(corp.corpid, id_) is None) or UNSET,
            invalidparty=[id_ for id_ in asked.partylist if corp.department(id_) is None] or UNSET,
        )

    reply: TagMembersReply = await door.look(look)
    return reply


@call("GET", "tag/list")
async def list_tags(door: Door, caller: Caller, _asked: Nothing) -> TagsReply:
    """List the tags."""

    def look(state: State, _now_ms: int) -> TagsReply:
        tags = state.corps[caller.corpid].book.tags.values()
        return TagsReply(taglist=[TagRow(tag.id, tag.name) for tag in tags])

    reply: TagsReply = await door.look(look)
    return reply
