"""Words of the groups of members that an app makes (DOC 90245 to 90248)."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from protocol.wecom.app_messages import Said, Spoken
from protocol.wecom.reply import Asked, Reply

NAME_CHARACTERS_MAX: Final = 50  # what is longer is cut (SDK wechatpy)
NAMED_MAX: Final = 2_000

Userids = Annotated[tuple[str, ...], Meta(max_length=NAMED_MAX)]


class ChatAsked(Asked, frozen=True):
    userlist: Userids = ()
    name: str = ""
    owner: str = ""
    chatid: str = ""


class ChatChangeAsked(Asked, frozen=True):
    chatid: Said
    name: str = ""
    owner: str = ""
    add_user_list: Userids = ()
    del_user_list: Userids = ()


class ChatNamed(Asked, frozen=True):
    chatid: Said


class ChatSpoken(Spoken, frozen=True, kw_only=True):
    chatid: Said


class ChatMade(Reply, frozen=True, kw_only=True):
    chatid: str


class ChatInfo(Struct, frozen=True):
    chatid: str
    name: str
    owner: str
    userlist: list[str]


class ChatReply(Reply, frozen=True, kw_only=True):
    chat_info: ChatInfo
