"""Groups of members that an app makes, and speaks in (DOC 90244 to 90248)."""

import re
from typing import Final

from adapters.wecom_api.app_content import KINDS, content_of
from adapters.wecom_api.call import Caller, Door, No, call
from gateway.commands.app_groups import ChangeAppGroup, MakeAppGroup, SayInAppGroup
from gateway.events import AppGroupPut
from gateway.state import State
from protocol.errors import CONVERSATION_FREQUENCY
from protocol.wecom.appchat import (
    NAME_CHARACTERS_MAX,
    ChatAsked,
    ChatChangeAsked,
    ChatInfo,
    ChatMade,
    ChatNamed,
    ChatReply,
    ChatSpoken,
)
from protocol.wecom.reply import Reply

SAYABLE: Final = {
    name: KINDS[name]
    for name in ("text", "image", "voice", "video", "file", "textcard", "news", "mpnews", "markdown")
}  # fmt: skip

_CHAT_ID: Final = re.compile(r"[0-9A-Za-z]{1,32}")
_NO_CHAT: Final = {"chatid": 40050}


@call(
    "POST", "appchat/create", limits=("2 to 2,000 members: documented",),
    partial="an app that not everybody sees may make one, too",
)  # fmt: skip
async def create(door: Door, caller: Caller, asked: ChatAsked) -> ChatMade:
    """Make a group of 2 to 2,000 members (DOC 90245)."""
    if asked.chatid and not _CHAT_ID.fullmatch(asked.chatid):
        raise No(86001)
    name = asked.name[:NAME_CHARACTERS_MAX]
    command = MakeAppGroup(
        caller.corpid, caller.agent_id, asked.userlist, name, asked.owner, asked.chatid
    )  # fmt: skip
    events = await door.ask(command, "appchat")
    (made,) = (event for event in events if isinstance(event, AppGroupPut))
    return ChatMade(chatid=made.chat_id)


@call("POST", "appchat/update", missing=_NO_CHAT)
async def update(door: Door, caller: Caller, asked: ChatChangeAsked) -> Reply:
    """Change what a group is called, who owns it, who sits in it (DOC 90246)."""
    command = ChangeAppGroup(
        caller.corpid, caller.agent_id, asked.chatid, asked.name[:NAME_CHARACTERS_MAX], asked.owner,
        asked.add_user_list, asked.del_user_list,
    )  # fmt: skip
    await door.ask(command, "appchat")
    return Reply()


@call("GET", "appchat/get", missing=_NO_CHAT)
async def get(door: Door, caller: Caller, asked: ChatNamed) -> ChatReply:
    """Tell of a group (DOC 90247)."""

    def look(state: State, _now_ms: int) -> ChatReply | No:
        found = state.corps[caller.corpid].app_groups.get(asked.chatid)
        if found is None:
            return No(40050)
        if found.agent_id != caller.agent_id:
            return No(86008)
        group = state.group(found.conversation)
        owner, *members = (state.member(key).userid for key in (group.owner, *group.seats))
        return ChatReply(chat_info=ChatInfo(asked.chatid, group.name, owner, members))

    reply: ChatReply = await door.look(look)
    return reply


@call(
    "POST", "appchat/send", missing={**_NO_CHAT, "msgtype": 40008},
    partial="mentioned_list and `safe` do nothing; person-times of the enterprise are not counted",
)  # fmt: skip
async def send(door: Door, caller: Caller, asked: ChatSpoken) -> Reply:
    """Say something in a group; more than it takes is dropped, and the app is not told (DOC 90248)."""
    content = content_of(asked, SAYABLE)
    try:
        await door.ask(SayInAppGroup(caller.corpid, caller.agent_id, asked.chatid, content), "appchat")
    except No as no:
        if no.refusal is None or no.refusal.reason is not CONVERSATION_FREQUENCY:
            raise
        caller.notes["X-Hutong-Dropped"] = "1"
    return Reply()
