"""What a receiver answers in place: the SDK's own replies are read, and what is no reply is named."""

import pytest
from wechatpy.work.replies import ArticlesReply, ImageReply, TextReply, VideoReply, VoiceReply

from protocol.content import Image, Link, Text, Video, Voice
from protocol.wecom.replies import NoReply, read_reply

ARTICLE = {"title": "t", "description": "d", "image": "http://p", "url": "http://u"}


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (TextReply(content=" 您好 &amp; <b> "), (Text(" 您好 &amp; <b> "),)),
        (ImageReply(media_id="m1"), (Image("m1"),)),
        (VoiceReply(media_id="m1"), (Voice("m1"),)),
        (VideoReply(media_id="m1", title="t", description="d"), (Video("m1", "t"),)),
        (ArticlesReply(articles=[ARTICLE, ARTICLE]), (Link("t", "http://u", "d", "http://p"),) * 2),
    ],
)
def test_an_sdks_replies_are_read(reply: TextReply, said: tuple[object, ...]) -> None:
    assert read_reply(reply.render().encode()) == said


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "cannot be read"),
        ("<xml/>", "of type ''"),
        ("<xml><MsgType>update_button</MsgType></xml>", "of type 'update_button'"),
        ("<xml><MsgType>image</MsgType></xml>", "no MediaId"),
        ("<xml><MsgType>image</MsgType><Image><MediaId/></Image></xml>", "no MediaId"),
        (f"<xml><MsgType>image</MsgType><Image><MediaId>{'m' * 300}</MediaId></Image></xml>", "cannot be read"),
        ("<xml><MsgType>news</MsgType><Articles/></xml>", "articles"),
        (f"<xml><MsgType>news</MsgType><Articles>{'<item/>' * 9}</Articles></xml>", "articles"),
        ("<xml><MsgType>text</MsgType><MsgType>text</MsgType></xml>", "two of"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><xml><MsgType>text</MsgType><Content>&a;</Content></xml>', "document type"),
    ],
)
def test_what_is_no_reply_is_named(body: str, why: str) -> None:
    with pytest.raises(NoReply, match=why):
        read_reply(body.encode())
