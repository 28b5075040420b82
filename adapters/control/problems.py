"""Every no of control is a problem document (RFC 9457), whoever said it: our rules, the reading, or HTTP itself."""

from http import HTTPStatus
from typing import Final

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import Struct

from adapters.http import check_host, check_origin
from adapters.snapshot_file import BrokenSnapshot
from adapters.snapshots import NoSnapshots
from adapters.strict import Unreadable, Wrong
from gateway.refusal import Refusal
from protocol import errors
from protocol.errors import Reason

CONTENT_TYPE: Final = "application/problem+json"

log = structlog.get_logger()

_STATUS: Final[dict[Reason, int]] = {
    errors.MALFORMED: 422,
    errors.EMPTY: 422,
    errors.UNKNOWN_KIND: 422,
    errors.TEXT_TOO_LONG: 422,
    errors.BODY_TOO_LARGE: 422,
    errors.UNAVAILABLE: 503,
    errors.TOO_MANY: 503,
    errors.INTERNAL: 500,
}


class ProblemDocument(Struct, frozen=True, omit_defaults=True):
    """What went wrong. `reason`, `code`, `rule` and `retry_at_ms` stand where a rule of the gateway said no."""

    type: str
    title: str
    status: int
    detail: str
    reason: str = ""
    code: int = 0
    rule: str = ""
    retry_at_ms: int = 0


class Problem(Exception):
    """Ends a request with a problem document."""

    def __init__(self, document: ProblemDocument, headers: dict[str, str] | None = None) -> None:
        super().__init__(document.detail)
        self.document = document
        self.headers = headers or {}

    def response(self) -> web.Response:
        body = msgspec.json.encode(self.document)
        return web.Response(
            body=body, status=self.document.status, headers={"Content-Type": CONTENT_TYPE, **self.headers}
        )


def plain(status: int, detail: str, headers: dict[str, str] | None = None) -> Problem:
    """Make the problem of an HTTP status that says it all."""
    return Problem(ProblemDocument("about:blank", HTTPStatus(status).phrase, status, detail), headers)


def refused(refusal: Refusal, detail: str = "") -> Problem:
    """Make the problem of a refusal: what is not there 404, what cannot be now 409, what is ours 503 or 500."""
    reason = refusal.reason
    status = _STATUS.get(reason, 404 if reason.name.startswith("unknown_") else 409)
    text = detail or (f"{reason.text} ({refusal.rule})" if refusal.rule else reason.text)
    document = ProblemDocument(
        f"urn:hutong:reason:{reason.name}", reason.text, status, text, reason.name, reason.code, refusal.rule,
        refusal.retry_at_ms,
    )  # fmt: skip
    return Problem(document, {"Retry-After": "1"} if status == 503 else None)


@web.middleware
async def answer_with_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Check who asks, and put every exception into a document; one that nobody foresaw is logged as a defect."""
    try:
        check_host(request)
        check_origin(request)
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except NoSnapshots as why:
        return plain(why.status, str(why), {"Retry-After": "1"} if why.status == 503 else None).response()
    except BrokenSnapshot as why:
        return plain(422, f"the snapshot is not taken: {why}").response()
    except Unreadable as why:
        return plain(400, str(why)).response()
    except Wrong as why:
        return plain(422, str(why)).response()
    except web.HTTPException as why:
        return _of_http(request, why).response()
    except (ConnectionError, web.RequestPayloadError) as why:
        return plain(400, f"the body did not come whole ({type(why).__name__})").response()
    except Exception as defect:
        log.exception("defect", what=f"{request.method} {request.path}")
        return plain(500, f"a defect of the gateway ({type(defect).__name__})").response()


def _of_http(request: web.Request, why: web.HTTPException) -> Problem:
    detail = (why.text or why.reason).strip()
    if isinstance(why, web.HTTPNotFound):
        detail = f"nothing is at {request.path}; /_hutong/openapi.json lists what there is"
    elif isinstance(why, web.HTTPMethodNotAllowed):
        detail = f"{request.path} takes {', '.join(sorted(why.allowed_methods))}"
    allow = why.headers.get("Allow")
    return plain(why.status, detail, {"Allow": allow} if allow else None)
