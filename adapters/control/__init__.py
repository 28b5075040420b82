"""Our own API under `/_hutong/`: JSON in and out, one file a subject, every no a problem document.

Rules of the folder:
- A call is a function that `@endpoint` lists; its annotations are what is read and answered, and what OpenAPI says.
- Nothing is logged of what came in or went out: bodies and tokens are secrets.
"""

from functools import partial

from aiohttp import web

from adapters.control import (
    acts,
    callbacks,
    calls,
    catalogue,
    clock,
    directory,
    environment,
    faults,
    limits,
    logins,
    openapi,
    people,
    profiles,
    recent,
    snapshots,
    strictness,
    tags,
    tokens,
    worlds,
)
from adapters.control.endpoint import ENDPOINTS, Door, Urls
from adapters.control.problems import answer_with_problems

PREFIX = "/_hutong"
SUBJECTS = (
    acts,
    callbacks,
    catalogue,
    calls,
    openapi,
    clock,
    directory,
    environment,
    faults,
    limits,
    logins,
    people,
    profiles,
    recent,
    snapshots,
    strictness,
    tags,
    tokens,
    worlds,
)  # imported so that their calls are listed


def application(door: Door) -> web.Application:
    """Make the part of the HTTP port that lives under PREFIX."""
    app = web.Application(middlewares=[answer_with_problems])
    for endpoint in ENDPOINTS:
        app.router.add_route(endpoint.method, endpoint.route, partial(endpoint.respond, door))
    return app


__all__ = ["PREFIX", "Door", "Urls", "application"]
