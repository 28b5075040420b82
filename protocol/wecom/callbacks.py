"""What callbacks say, as XML: changes, and what people say to an app (rules 14b, DOC 92130, 92129, 90239).

Rules of the file:
- A change is one row of TELLINGS, a kind of message one row of MESSAGES: what is in no row is not called back.
- What is optional and empty is left out.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from protocol import content
from protocol.frames import Message
from protocol.wecom import changes, xml
from protocol.wecom.xml import Node

Details = Callable[[Any], tuple[Node, ...]]


class Telling(NamedTuple):
    """How a change is told: its event, its change type, and its own elements."""

    event: str
    change_type: str
    details: Details


def _fields(**elements: str) -> Details:
    """Tell fields of a change as elements of these names; a list of ids becomes one text with commas."""

    def details(change: changes.Change) -> tuple[Node, ...]:
        values = ((name, getattr(change, field)) for field, name in elements.items())
        return tuple(
            (name, ",".join(map(str, value)) if isinstance(value, tuple) else value)
            for name, value in values
            if value not in ("", ())
        )

    return details


def _chat_updated(change: changes.ChatUpdated) -> tuple[Node, ...]:
    """Tell what changed of a group; who came or went, with how, how many, and the versions around it."""
    told: tuple[Node, ...] = (("ChatId", change.chat_id), ("UpdateDetail", change.detail))
    if change.detail not in ("add_member", "del_member"):
        return told
    scene: Node = (
        ("JoinScene", change.join_scene) if change.detail == "add_member" else ("QuitScene", change.quit_scene)
    )
    items = tuple(("Item", member) for member in change.members)
    return (
        *told, scene, ("MemChangeCnt", len(items)), ("MemChangeList", items), ("LastMemVer", change.last_version),
        ("CurMemVer", change.current_version),
    )  # fmt: skip


_CONTACT: Final = {"userid": "UserID", "external_userid": "ExternalUserID"}
_ADDED: Final = _fields(**_CONTACT, state="State", welcome_code="WelcomeCode")
_CHAT: Final = _fields(chat_id="ChatId")
_USER: Final = {"userid": "UserID", "departments": "Department"}
_PARTY: Final = {"id": "Id", "name": "Name", "parent": "ParentId"}
_TAG: Final = _fields(id="Id", kind="TagType")

TELLINGS: Final[dict[type[changes.Change], Telling]] = {
    changes.ContactAdded: Telling("change_external_contact", "add_external_contact", _ADDED),
    changes.HalfContactAdded: Telling("change_external_contact", "add_half_external_contact", _ADDED),
    changes.ContactEdited: Telling("change_external_contact", "edit_external_contact", _fields(**_CONTACT)),
    changes.ContactDeleted: Telling(
        "change_external_contact", "del_external_contact", _fields(**_CONTACT, source="Source")
    ),
    changes.FollowerDeleted: Telling("change_external_contact", "del_follow_user", _fields(**_CONTACT)),
    changes.ChatCreated: Telling("change_external_chat", "create", _CHAT),
    changes.ChatUpdated: Telling("change_external_chat", "update", _chat_updated),
    changes.ChatDismissed: Telling("change_external_chat", "dismiss", _CHAT),
    changes.TagMade: Telling("change_external_tag", "create", _TAG),
    changes.TagChanged: Telling("change_external_tag", "update", _TAG),
    changes.TagDeleted: Telling("change_external_tag", "delete", _TAG),
    changes.TagsShuffled: Telling("change_external_tag", "shuffle", _fields(id="Id")),
    changes.UserMade: Telling("change_contact", "create_user", _fields(**_USER)),
    changes.UserChanged: Telling("change_contact", "update_user", _fields(**_USER, new_userid="NewUserID")),
    changes.UserDeleted: Telling("change_contact", "delete_user", _fields(userid="UserID")),
    changes.PartyMade: Telling("change_contact", "create_party", _fields(**_PARTY, order="Order")),
    changes.PartyChanged: Telling("change_contact", "update_party", _fields(**_PARTY)),
    changes.PartyDeleted: Telling("change_contact", "delete_party", _fields(id="Id")),
    changes.BookTagChanged: Telling(
        "change_contact",
        "update_tag",
        _fields(
            id="TagId", added_users="AddUserItems", deleted_users="DelUserItems", added_parties="AddPartyItems",
            deleted_parties="DelPartyItems",
        ),
    ),
}  # fmt: skip


class Told(NamedTuple):
    """A callback's plaintext. `event` names it in a log: the change type, or the kind of message."""

    event: str
    xml: str
    agent_id: str = ""  # of an app's own conversation


def change_told(corpid: str, time_ms: int, change: changes.Change) -> Told:
    """Tell of a change."""
    event, change_type, details = TELLINGS[type(change)]
    kind: tuple[Node, ...] = (("ChangeType", change_type),) if change_type else ()
    head = _head(corpid, "sys", time_ms, "event")
    return Told(change_type or event, xml.written((*head, ("Event", event), *kind, *details(change))))


def _head(corpid: str, sender: str, time_ms: int, kind: str) -> tuple[Node, ...]:
    return (("ToUserName", corpid), ("FromUserName", sender), ("CreateTime", time_ms // 1000), ("MsgType", kind))


SCALE: Final = 15  # of a map; a client's location has none

# The elements of each kind that an app can be told of; the picture's address is the caller's business. A video is its
# own thumbnail: nothing here cuts pictures out of one.
MESSAGES: Final[dict[type[content.Content], tuple[str, Callable[[Any, Callable[[str], str]], tuple[Node, ...]]]]] = {
    content.Text: ("text", lambda said, _: (("Content", said.text),)),
    content.Image: ("image", lambda said, url: (("PicUrl", url(said.media_id)), ("MediaId", said.media_id))),
    content.Voice: ("voice", lambda said, _: (("MediaId", said.media_id), ("Format", "amr"))),
    content.Video: ("video", lambda said, _: (("MediaId", said.media_id), ("ThumbMediaId", said.media_id))),
    content.Location: (
        "location",
        lambda said, _: (
            ("Location_X", f"{said.latitude:.6f}"),
            ("Location_Y", f"{said.longitude:.6f}"),
            ("Scale", SCALE),
            ("Label", said.address or said.name),
            ("AppType", "wxwork"),
        ),
    ),
    content.Link: (
        "link",
        lambda said, _: (
            ("Title", said.title),
            ("Description", said.description),
            ("Url", said.url),
            ("PicUrl", said.image_url),
        ),
    ),
}


def message_told(frame: Message, agent_id: str, message_id: int, picture_url: Callable[[str], str]) -> Told | None:
    """Tell what somebody said to an app; None for a kind that apps are not told of."""
    row = MESSAGES.get(type(frame.content))
    if row is None:
        return None
    kind, elements = row
    body = (
        *_head(frame.corp, frame.sender, frame.time_ms, kind), *elements(frame.content, picture_url),
        ("MsgId", message_id), ("AgentID", agent_id),
    )  # fmt: skip
    return Told(kind, xml.written(body), agent_id)
