"""How the vendor's API says no: number and text in the body, our own reason in the headers.

`errmsg` has the vendor's shape: a short text, a hint that differs from answer to answer, the caller's address, and
where to read more (DOC 90930). Programs may not match it.
"""

from hashlib import blake2b
from itertools import count
from typing import Final

import msgspec
from aiohttp import web

from adapters.log import text_of
from adapters.wecom_api.call import No
from gateway.refusal import Refusal
from protocol.wecom.errcodes import TEXTS
from protocol.wecom.reply import Reply

_answers: Final = count(1)
_encode = msgspec.json.encode


def said(reply: Reply) -> web.Response:
    """Write an answer."""
    return web.Response(body=_encode(reply), content_type="application/json", charset="utf-8")


def refused(no: No, now_ms: int, address: str, base_url: str) -> web.Response:
    """Write a no."""
    number = next(_answers)
    hint = blake2b(f"{now_ms} {number}".encode(), digest_size=16).hexdigest()
    more = f"{base_url}/_hutong/errors?e={no.errcode}"
    text = TEXTS.get(no.errcode, "refused") + (f": {no.detail}" if no.detail else "")
    errmsg = f"{text}, hint: [{now_ms // 1000}_{number}_{hint}], from ip: {address}, more info at {more}"
    headers = {"Link": f'<{more}>; rel="help"'}
    if no.refusal is not None:
        headers |= _reason(no.refusal)
    body = _encode(Reply(no.errcode, errmsg))
    return web.Response(body=body, content_type="application/json", charset="utf-8", headers=headers)


def _reason(refusal: Refusal) -> dict[str, str]:
    """Say in headers what the vendor has no words for."""
    headers = {"X-Hutong-Reason": refusal.reason.name, "X-Hutong-Rule": refusal.rule}
    if refusal.retry_at_ms:
        headers["X-Hutong-Retry-At"] = text_of(refusal.retry_at_ms)
    return headers
