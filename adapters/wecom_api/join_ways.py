"""Join ways (DOC 92229): codes that an app makes for customers to come into groups by."""

from typing import Any, Final

from msgspec import UNSET

from adapters.qr import address_of
from adapters.wecom_api.call import Caller, Door, No, call
from gateway.commands import ChangeJoinWay, DropWay, PutJoinWay
from gateway.events import CodePut, JoinWay
from gateway.state import State
from protocol.wecom.reply import Reply
from protocol.wecom.ways import JoinWayAsked, JoinWayChanged, JoinWayReply, JoinWayTold, WayMade, WayNamed

REMARK_MAX: Final = 30  # DOC 92229: what is longer is cut
_SCENE: Final = {"scene": 41038}
_NAMED: Final = {"config_id": 41043}


@call(
    "POST",
    "externalcontact/groupchat/add_join_way",
    missing=_SCENE,
    partial="all enterprises share the bound",
    limits=("500,000 ways: documented", "5 groups: documented", "group_size_max", "group_scan_max"),
)
async def add_join_way(door: Door, caller: Caller, asked: JoinWayAsked) -> WayMade:
    """Make a join way."""
    made = (await door.ask(PutJoinWay(caller.corpid, **_fields(asked)), "way"))[-1]
    assert isinstance(made, CodePut), "a way is made"
    return WayMade(config_id=made.code)


def _fields(asked: JoinWayAsked) -> dict[str, Any]:
    if asked.scene not in (1, 2):
        raise No(41040)
    return {
        "scene": asked.scene,
        "chat_ids": asked.chat_id_list,
        "remark": asked.remark[:REMARK_MAX],
        "state": asked.state,
        "auto_create": asked.auto_create_room == 1,
        "base_name": asked.room_base_name,
        "base_id": asked.room_base_id or 1,
        "mark_source": asked.mark_source,
    }


@call("POST", "externalcontact/groupchat/get_join_way", missing=_NAMED)
async def get_join_way(door: Door, caller: Caller, asked: WayNamed) -> JoinWayReply:
    """Tell of a join way; of groups that it made itself too."""

    def look(state: State, _now_ms: int) -> JoinWayTold | No:
        code = state.codes.get(asked.config_id)
        if code is None or code.corpid != caller.corpid or not isinstance(code.way, JoinWay):
            return No(41044)
        way, groups = code.way, [state.group(chat) for chat in code.way.chats]
        return JoinWayTold(
            code.code, way.scene, way.remark, int(way.auto_create), way.base_name, way.base_id,
            [group.chat_id for group in groups if not group.dismissed], code.state, way.mark_source,
            address_of(door.base_url(), code.code) if way.scene != 1 else UNSET,
        )  # fmt: skip

    return JoinWayReply(join_way=await door.look(look))


@call("POST", "externalcontact/groupchat/update_join_way", missing={**_NAMED, **_SCENE})
async def update_join_way(door: Door, caller: Caller, asked: JoinWayChanged) -> Reply:
    """Change all of a join way."""
    await door.ask(ChangeJoinWay(caller.corpid, code=asked.config_id, **_fields(asked)), "way")
    return Reply()


@call("POST", "externalcontact/groupchat/del_join_way", missing=_NAMED)
async def del_join_way(door: Door, caller: Caller, asked: WayNamed) -> Reply:
    """Delete a join way: its code opens nothing any more."""
    await door.ask(DropWay(caller.corpid, asked.config_id, "join"), "way")
    return Reply()
