"""Contact ways (DOC 92228): codes that an app makes for customers to come by, and the welcome to those who came.

Rules of the file:
- A `config_id` is the code itself, so that what a mini program's button names can be scanned too.
- Updating keeps what is not given; an empty value is none given.
"""

from itertools import dropwhile, islice
from typing import Any, Final

import msgspec

from adapters.qr import address_of
from adapters.wecom_api.attachments import check_media, contents_of
from adapters.wecom_api.call import Caller, Door, No, call
from gateway.commands import ChangeContactWay, DropWay, PutContactWay, SendWelcome
from gateway.events import CodePut, ContactWay
from gateway.state import State
from protocol.wecom.reply import Reply
from protocol.wecom.ways import (
    Conclusions,
    ContactWayAsked,
    ContactWayChanged,
    ContactWayMade,
    ContactWayReply,
    ContactWayTold,
    WayNamed,
    WaysAsked,
    WaysReply,
    WayTold,
)
from protocol.wecom.welcome import WelcomeAsked

LISTED_MAX: Final = 100  # DOC 92228, where no limit is given
WINDOW_S: Final = 90 * 86_400  # DOC 92228, where no start is given
EXPIRES_S: Final = 7 * 86_400  # DOC 92228, where no end of a temporary code is given
CHAT_EXPIRES_S: Final = 86_400  # DOC 92228, where no end of a temporary chat is given
STYLES: Final = {1: (1, 2, 3), 2: (1, 2)}  # DOC 92228: of a mini program's button, by type
_NAMED: Final = {"config_id": 41043}


@call(
    "POST",
    "externalcontact/add_contact_way",
    missing={"type": 41037, "scene": 41038},
    partial="a temporary chat does not end by itself, its conclusions are never said; `is_exclusive` is kept, but "
    "steers nobody, as customers have no firm; all enterprises share the bound",
    limits=("500,000 ways: documented", "100 members: documented", "100,000 temporary a day: documented"),
    aliases=("crm/add_contact_way",),
)
async def add_contact_way(door: Door, caller: Caller, asked: ContactWayAsked) -> ContactWayMade:
    """Make a contact way."""
    if asked.type not in (1, 2):
        raise No(41039)
    if asked.scene not in (1, 2):
        raise No(41040)
    _check_style(asked.type, asked.scene, asked.style)
    if asked.type == 2 and asked.is_temp:
        raise No(40058, "a temporary session is with one member")
    if not asked.user and not asked.party:
        raise No(41041 if asked.type == 1 else 40063, "user")
    command = PutContactWay(
        caller.corpid, asked.type, asked.scene, tuple(dict.fromkeys(asked.user)),  # type: ignore[arg-type]
        asked.party if asked.type != 1 else (), asked.style, asked.remark, asked.skip_verify, asked.state,
        asked.is_exclusive, asked.mark_source, **_temporary(asked),
    )  # fmt: skip
    made = (await door.ask(command, "way"))[-1]
    assert isinstance(made, CodePut), "a way is made"
    qr_code = address_of(door.base_url(), made.code) if asked.scene != 1 else msgspec.UNSET
    return ContactWayMade(config_id=made.code, qr_code=qr_code)


def _check_style(type_: int, scene: int, style: int) -> None:
    if scene == 1 and style and style not in STYLES[type_]:
        raise No(41042)


def _temporary(asked: ContactWayAsked) -> dict[str, Any]:
    """Read what counts of a temporary session only."""
    if not asked.is_temp:
        return {}
    return {
        "expires_s": asked.expires_in or EXPIRES_S,
        "chat_expires_s": asked.chat_expires_in or CHAT_EXPIRES_S,
        "unionid": asked.unionid,
        "conclusions": _written(asked.conclusions),
    }


def _written(conclusions: Conclusions) -> bytes:
    return msgspec.json.encode(conclusions) if conclusions != Conclusions() else b""


async def way_of(door: Door, caller: Caller, config_id: str) -> tuple[CodePut, ContactWay]:
    """Look at an enterprise's contact way; that of another is like none."""

    def look(state: State, _now_ms: int) -> tuple[CodePut, ContactWay] | No:
        code = state.codes.get(config_id)
        if code is None or code.corpid != caller.corpid or not isinstance(code.way, ContactWay):
            return No(41044)
        return code, code.way

    found: tuple[CodePut, ContactWay] = await door.look(look)
    return found


@call(
    "POST",
    "externalcontact/get_contact_way",
    missing=_NAMED,
    aliases=("crm/get_contact_way",),
    partial="a picture of the conclusions is told as it was given",
)
async def get_contact_way(door: Door, caller: Caller, asked: WayNamed) -> ContactWayReply:
    """Tell of a contact way."""
    code, way = await way_of(door, caller, asked.config_id)
    told = ContactWayTold(
        code.code, way.type, way.scene, way.style, way.remark, code.skip_verify, code.state, list(way.users),
        list(way.parties), way.expires_s > 0, way.expires_s, way.chat_expires_s, way.unionid, way.is_exclusive,
        way.mark_source, address_of(door.base_url(), code.code) if way.scene != 1 else msgspec.UNSET,
        msgspec.json.decode(way.conclusions, type=Conclusions) if way.conclusions else msgspec.UNSET,
    )  # fmt: skip
    return ContactWayReply(contact_way=told)


@call("POST", "externalcontact/list_contact_way")
async def list_contact_way(door: Door, caller: Caller, asked: WaysAsked) -> WaysReply:
    """List the contact ways made in a span of time, the oldest first, in pages; not those of temporary sessions."""

    def look(state: State, now_ms: int) -> tuple[list[str], str] | No:
        ways = state.corps[caller.corpid].ways.contact
        end_ms = asked.end_time * 1000 or now_ms
        start_ms = asked.start_time * 1000 or end_ms - WINDOW_S * 1000
        if start_ms > end_ms:
            return No(40058, "start_time is after end_time")
        if asked.cursor and asked.cursor not in ways:
            return No(50100)
        after = iter(ways)
        if asked.cursor:
            after = islice(dropwhile(lambda code: code != asked.cursor, ways), 1, None)
        among = (code for code in after if start_ms <= ways[code] <= end_ms)
        limit = asked.limit or LISTED_MAX
        found = list(islice(among, limit + 1))
        return found[:limit], found[limit - 1] if len(found) > limit else ""

    found, cursor = await door.look(look)
    return WaysReply(contact_way=list(map(WayTold, found)), next_cursor=cursor or msgspec.UNSET)


@call("POST", "externalcontact/update_contact_way", missing=_NAMED, aliases=("crm/update_contact_way",))
async def update_contact_way(door: Door, caller: Caller, asked: ContactWayChanged) -> Reply:
    """Change a contact way."""
    _, way = await way_of(door, caller, asked.config_id)
    _check_style(way.type, way.scene, asked.style)
    changed: dict[str, Any] = {
        "users": tuple(dict.fromkeys(asked.user)),
        "parties": asked.party if way.type != 1 else (),
        "style": asked.style,
        "remark": asked.remark,
        "state": asked.state,
    }
    if way.expires_s:
        changed |= {
            "expires_s": asked.expires_in,
            "chat_expires_s": asked.chat_expires_in,
            "unionid": asked.unionid,
            "conclusions": _written(asked.conclusions),
        }
    given = {name: value for name, value in changed.items() if value}
    command = ChangeContactWay(
        caller.corpid, asked.config_id, skip_verify=asked.skip_verify, mark_source=asked.mark_source, **given
    )
    await door.ask(command, "way")
    return Reply()


@call("POST", "externalcontact/del_contact_way", missing=_NAMED, aliases=("crm/del_contact_way",))
async def del_contact_way(door: Door, caller: Caller, asked: WayNamed) -> Reply:
    """Delete a contact way: its code opens nothing any more."""
    await door.ask(DropWay(caller.corpid, asked.config_id, "contact"), "way")
    return Reply()


@call(
    "POST",
    "externalcontact/send_welcome_msg",
    missing={"welcome_code": 41049},
    writes=lambda asked: asked.welcome_code,
    family="welcome",
    limits=("20 s: documented", "once: documented"),
)
async def send_welcome_msg(door: Door, caller: Caller, asked: WelcomeAsked) -> Reply:
    """Have the member welcome a new customer: a text and attachments, each a message of its own (DOC 92137)."""
    contents = contents_of(asked)
    check_media(door, caller, contents)
    await door.ask(SendWelcome(caller.corpid, asked.welcome_code, contents), "welcome")
    return Reply()
