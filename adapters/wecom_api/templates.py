"""Welcomes for groups (DOC 92366), which apps keep in store. That a group uses one is set in people's clients alone."""

from typing import Any, Final

import msgspec

from adapters.wecom_api.attachments import check_media, contents_of
from adapters.wecom_api.call import Caller, Door, No, call
from gateway.commands import DropTemplate, PutTemplate
from gateway.events import TemplatePut
from gateway.state import State
from protocol.wecom.attachments import Attachment, Said
from protocol.wecom.reply import Reply
from protocol.wecom.welcome import (
    TemplateAsked,
    TemplateBody,
    TemplateChanged,
    TemplateMade,
    TemplateNamed,
    TemplateReply,
)

TEXT_BYTES_MAX: Final = 3_000  # DOC 92366
ITEMS: Final = ("image", "link", "miniprogram", "file", "video")  # DOC 92366: the first that is given counts


@call(
    "POST",
    "externalcontact/group_welcome_template/add",
    partial="no group uses one: clients have no setting for it",
    limits=("100 welcomes: documented", "3,000 bytes: documented"),
)
async def add_template(door: Door, caller: Caller, asked: TemplateAsked) -> TemplateMade:
    """Keep a welcome for groups."""
    made = (await door.ask(PutTemplate(caller.corpid, caller.agent_id, _body(door, caller, asked)), "template"))[-1]
    assert isinstance(made, TemplatePut), "a template is made"
    return TemplateMade(template_id=made.id)


def _body(door: Door, caller: Caller, asked: TemplateAsked) -> bytes:
    """Write down the text and the one item that counts; `No` says what is wrong with them."""
    empty = TemplateBody()
    item = next((kind for kind in ITEMS if getattr(asked, kind) != getattr(empty, kind)), "")
    if len(asked.text.content.encode()) > TEXT_BYTES_MAX:
        raise No(45002, f"text.content: at most {TEXT_BYTES_MAX} bytes")
    if not asked.text.content and not item:
        raise No(40063, "text or one item")
    body: dict[str, Any] = {"text": asked.text} if asked.text.content else {}
    if item:
        given = getattr(asked, item)
        check_media(door, caller, contents_of(Said(attachments=(Attachment(item, **{item: given}),))))
        body[item] = given
    return msgspec.json.encode(body)


@call("POST", "externalcontact/group_welcome_template/edit")
async def edit_template(door: Door, caller: Caller, asked: TemplateChanged) -> Reply:
    """Change a welcome that the same app has made."""
    body = _body(door, caller, asked)
    await door.ask(PutTemplate(caller.corpid, caller.agent_id, body, asked.template_id), "template")
    return Reply()


@call("POST", "externalcontact/group_welcome_template/get", partial="a picture is told as it was given")
async def get_template(door: Door, caller: Caller, asked: TemplateNamed) -> TemplateReply:
    """Tell of a welcome."""

    def look(state: State, _now_ms: int) -> TemplateReply | No:
        template = state.corps[caller.corpid].ways.templates.get(asked.template_id)
        if template is None:
            return No(40058, "no such template_id")
        return msgspec.json.decode(template.body, type=TemplateReply)

    reply: TemplateReply = await door.look(look)
    return reply


@call("POST", "externalcontact/group_welcome_template/del")
async def delete_template(door: Door, caller: Caller, asked: TemplateNamed) -> Reply:
    """Drop a welcome that the same app has made."""
    await door.ask(DropTemplate(caller.corpid, caller.agent_id, asked.template_id), "template")
    return Reply()
