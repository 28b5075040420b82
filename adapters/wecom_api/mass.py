"""Mass messages (DOC 92135, 93338, 97611): the enterprise makes them, members confirm them, anybody asks what became.

Rules of the file:
- A cursor is how many rows were told; in the list, which loses its oldest rows (state/mass.py), a message's number.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Final

from msgspec import UNSET

from adapters.wecom_api.attachments import attachments_of, check_media, contents_of, words_of
from adapters.wecom_api.call import Caller, Door, No, call
from adapters.wecom_api.paging import cursor, places
from gateway.commands import CancelMass, MakeMass, RemindMass
from gateway.events import MassMade
from gateway.queries import mass
from gateway.queries.mass import Received
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.mass import MassMessage
from gateway.windows import DAY_MS
from protocol.wecom.mass import (
    LIST_PAGE,
    PAGE,
    DetailsReply,
    MassAsked,
    MassListAsked,
    MassListReply,
    MassNamed,
    MassReply,
    MassTold,
    ResultsAsked,
    ResultsReply,
    ResultTold,
    TasksAsked,
    TasksReply,
    TaskTold,
)
from protocol.wecom.reply import Reply

WINDOW_MS_MAX: Final = 31 * DAY_MS  # a month between start_time and end_time (DOC 93338)
CHECKED: Final = 1  # DOC 91561: the message has passed its check
_MISSING: Final = {"msgid": 41046}


@call(
    "POST", "externalcontact/add_msg_template", aliases=("crm/add_msg_template",),
    partial="members choose no recipients: `allow_select` is kept, and groups that are not named are all",
    limits=("10,000 customers: documented", "2,000 groups: documented", "mass", "own_mass", "mass_needs_reply"),
)  # fmt: skip
async def add_msg_template(door: Door, caller: Caller, asked: MassAsked) -> MassReply:
    """Have members send something to many; each confirms their part (DOC 92135)."""
    contents = contents_of(asked)
    check_media(door, caller, contents)
    groups = tuple(group.tag_list for group in asked.tag_filter.group_list if group.tag_list)
    if asked.chat_type == "group" and not asked.sender:
        raise No(40058, "sender is missing")
    if asked.chat_type != "group" and not (asked.sender or asked.external_userid or groups):
        raise No(41048, "external_userid, tag_filter or sender is missing")
    command = MakeMass(
        caller.corpid, asked.chat_type or "single", contents, asked.sender, asked.external_userid, groups,
        asked.chat_id_list, asked.allow_select,
    )  # fmt: skip
    made = (await door.ask(command, "mass"))[0]
    assert isinstance(made, MassMade), "a mass message begins with its making"
    return MassReply(fail_list=list(made.failed), msgid=made.id)


@call("POST", "externalcontact/remind_groupmsg_send", missing=_MISSING, limits=("3 in 24 hours: documented",))
async def remind_groupmsg_send(door: Door, caller: Caller, asked: MassNamed) -> Reply:
    """Remind members who have not confirmed, three times in 24 hours at most."""
    await door.ask(RemindMass(caller.corpid, asked.msgid), "mass")
    return Reply()


@call("POST", "externalcontact/cancel_groupmsg_send", missing=_MISSING)
async def cancel_groupmsg_send(door: Door, caller: Caller, asked: MassNamed) -> Reply:
    """Cancel what has not been confirmed; what was sent stays (DOC 97611)."""
    await door.ask(CancelMass(caller.corpid, asked.msgid), "mass")
    return Reply()


@call("POST", "externalcontact/get_groupmsg_list_v2", limits=("a month: documented",))
async def get_groupmsg_list_v2(door: Door, caller: Caller, asked: MassListAsked) -> MassListReply:
    """List the mass messages made within a month, the oldest first (DOC 93338)."""
    since_ms, until_ms = asked.start_time * 1000, asked.end_time * 1000 + 999
    if not 0 <= until_ms - since_ms <= WINDOW_MS_MAX + 999:
        raise No(40058, "start_time to end_time is at most a month")
    (after,), limit = places(asked.cursor, 1), asked.limit or LIST_PAGE

    def look(state: State, _now_ms: int) -> MassListReply:
        made = mass.made(state, caller.corpid, since_ms, until_ms, after)
        found = list(islice((one for one in made if _is_asked(one, asked)), limit))
        next_cursor = cursor(found[-1].number) if len(found) == limit else ""
        return MassListReply(group_msg_list=[_told(one) for one in found], next_cursor=next_cursor)

    reply: MassListReply = await door.look(look)
    return reply


def _is_asked(message: MassMessage, asked: MassListAsked) -> bool:
    if message.chat_type != asked.chat_type or asked.creator not in ("", message.creator):
        return False
    return asked.filter_type == 2 or (asked.filter_type == 1) == bool(message.creator)


def _told(message: MassMessage) -> MassTold:
    return MassTold(
        msgid=message.id,
        create_time=message.made_ms // 1000,
        create_type=1 if message.creator else 0,
        creator=message.creator or UNSET,
        text=words_of(message.contents) or UNSET,
        attachments=attachments_of(message.contents),
    )


@call("POST", "externalcontact/get_groupmsg_task", missing=_MISSING)
async def get_groupmsg_task(door: Door, caller: Caller, asked: TasksAsked) -> TasksReply:
    """List the members of a mass message, and who of them has sent it (DOC 93338)."""
    (skip,), limit = places(asked.cursor, 1), asked.limit or PAGE

    def look(state: State, _now_ms: int) -> TasksReply | Refusal:
        message = mass.find(state, caller.corpid, asked.msgid)
        if isinstance(message, Refusal):
            return message
        rows = [
            TaskTold(userid, 2, part.sent_ms // 1000) if part.sent_ms else TaskTold(userid, 0)
            for userid, part in list(message.parts.items())[skip : skip + limit]
        ]
        return TasksReply(task_list=rows, next_cursor=_next(skip, rows, limit))

    reply: TasksReply = await door.look(look, "mass")
    return reply


@call("POST", "externalcontact/get_groupmsg_send_result", missing=_MISSING)
async def get_groupmsg_send_result(door: Door, caller: Caller, asked: ResultsAsked) -> ResultsReply:
    """List what became of each recipient of one member (DOC 93338)."""
    rows, next_cursor = await _results(door, caller, asked.msgid, asked.userid, asked.cursor, asked.limit or PAGE)
    return ResultsReply(send_list=rows, next_cursor=next_cursor)


@call(
    "POST", "externalcontact/get_group_msg_result", missing=_MISSING, aliases=("crm/get_group_msg_result",),
    partial="`check_status` is always 1: nobody checks what is said",
)  # fmt: skip
async def get_group_msg_result(door: Door, caller: Caller, asked: TasksAsked) -> DetailsReply:
    """List what became of each recipient of all members, as older clients ask (DOC 91561)."""
    rows, next_cursor = await _results(door, caller, asked.msgid, "", asked.cursor, asked.limit or PAGE)
    return DetailsReply(check_status=CHECKED, detail_list=rows, next_cursor=next_cursor)


async def _results(
    door: Door, caller: Caller, msgid: str, userid: str, after: str, limit: int
) -> tuple[list[ResultTold], str]:
    """Look up what became of recipients: of one member's part, or of all; and the cursor for what follows."""
    (skip,) = places(after, 1)

    def look(state: State, _now_ms: int) -> list[ResultTold] | Refusal | No:
        message = mass.find(state, caller.corpid, msgid)
        if isinstance(message, Refusal):
            return message
        if userid and userid not in message.parts:
            return No(60111)
        userids = (userid,) if userid else tuple(message.parts)
        return list(map(_result, mass.received(state, message, userids, skip, limit)))

    rows: list[ResultTold] = await door.look(look, "mass")
    return rows, _next(skip, rows, limit)


def _result(one: Received) -> ResultTold:
    return ResultTold(one.userid, one.status, one.external_userid or UNSET, one.chat_id or UNSET, one.sent_s or UNSET)


def _next(skip: int, rows: Sequence[object], limit: int) -> str:
    """Give the cursor for what follows; empty where the rows were fewer than asked for."""
    return cursor(skip + len(rows)) if len(rows) == limit else ""
