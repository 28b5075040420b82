"""The catalogue of errors as pages for people: what a number means, what to do, and what caused it."""

from html import escape
from typing import Annotated, Final

from msgspec import Meta, Struct

from adapters.control.endpoint import Body, Door, Html, endpoint
from adapters.control.problems import plain
from adapters.wecom_api.faults import RESERVED
from protocol.wecom.catalogue import entries, entry_of
from protocol.wecom.errcodes import TEXTS

Code = Annotated[int, Meta(ge=-(10**9), le=10**9)]
PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body {{ font: 16px/1.5 sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem }}</style>
{body}
</html>
"""


class ErrorQuery(Body, frozen=True):
    """`e` is a number of the vendor's or of ours; without one, all are listed."""

    e: Code | None = None


class ErrorPath(Struct, frozen=True):
    code: Code


@endpoint("GET", "/errors")
async def find_error(_door: Door, query: ErrorQuery) -> Html:
    """Show the page of an error, or the list of all."""
    return _list() if query.e is None else _page(query.e)


@endpoint("GET", "/errors/{code}")
async def show_error(_door: Door, path: ErrorPath) -> Html:
    """Show the page of an error."""
    return _page(path.code)


def _page(code: int) -> Html:
    entry = entry_of(code)
    if entry is None:
        raise plain(404, f"nobody says {code} here; /_hutong/errors lists what is said")
    parts = [f"<h1>{code}</h1>", f"<p>{escape(entry.means)}: {entry.kind}.</p>", f"<p>{escape(entry.do)}</p>"]
    if entry.see:
        parts += ["<h2>Said for</h2>" if code in TEXTS else "<h2>Said as</h2>", _links(entry.see)]
    if code in TEXTS and code:
        parts.append(f"<p>An id that begins with <code>{RESERVED}{code}</code> always fails with it.</p>")
    parts.append('<p><a href="/_hutong/errors">All errors</a></p>')
    return _written(f"{code}: {entry.means}", parts)


def _list() -> Html:
    return _written("Errors", ["<h1>Errors</h1>", _links([(one.code, one.means) for one in entries()])])


def _links(see: list[tuple[int, str]]) -> str:
    rows = (f'<li><a href="/_hutong/errors/{code}">{code}</a> {escape(text)}</li>' for code, text in see)
    return f"<ul>{''.join(rows)}</ul>"


def _written(title: str, parts: list[str]) -> Html:
    return Html(PAGE.format(title=escape(title), body="\n".join(parts)).encode())
