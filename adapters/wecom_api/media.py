"""Media: files that messages name by `media_id`, and pictures of pages (DOC 90253, 90254, 90256)."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from typing import Final, cast
from urllib.parse import quote

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.multipart import MultipartReader

from adapters.media import PIECE_BYTES, Incoming, NoMedia
from adapters.media_measures import Measures
from adapters.wecom_api.call import Caller, Door, No, call, refusing
from gateway.events.media import MediaKept, MediaKind, MediaUse
from gateway.state import State
from gateway.state.media import Media
from protocol.wecom.media import (
    ATTACHMENT_BYTES_MAX,
    BYTES_MAX,
    BYTES_MIN,
    FILM_MS_MAX,
    FORMATS,
    LONG_SIDE_MAX,
    PICTURE_BYTES_MAX,
    SHORT_SIDE_MAX,
    VOICE_MS_MAX,
    WHOLE_BYTES_MAX,
    AttachmentReply,
    PictureReply,
    UploadReply,
)

PICTURES: Final = "/wwpic/"
ATTACHMENT_USES: Final[Mapping[str, MediaUse]] = {"1": "moments", "2": "album"}
PARTS_MAX: Final = 16  # looked through for the file
_LAST_NONE: Final = re.compile(r"bytes=-0+")
WRONG_FORMAT: Final[Mapping[str, int]] = {"image": 40005, "voice": 301017, "video": 40005}


@call("POST", "media/upload", query=("type",), limits=("sizes: documented", "3 days: documented"))
async def upload(door: Door, caller: Caller, asked: web.Request) -> UploadReply:
    """Take in a file for three days; all apps of the enterprise may use it (DOC 90253)."""
    kind = asked.query.get("type", "")
    if kind not in BYTES_MAX:
        raise No(40004, f"a type is one of {', '.join(BYTES_MAX)}")
    kept = await take(door, caller.corpid, asked, cast(MediaKind, kind), "message", BYTES_MAX[kind])
    return UploadReply(type=kind, media_id=kept.media_id, created_at=str(kept.time_ms // 1000))


@call("POST", "media/uploadimg", limits=("2 MiB: documented",))
async def upload_picture(door: Door, caller: Caller, asked: web.Request) -> PictureReply:
    """Take in a picture for a page, for good (DOC 90256)."""
    kept = await take(door, caller.corpid, asked, "image", "page", PICTURE_BYTES_MAX)
    return PictureReply(url=f"{door.base_url()}{PICTURES}{kept.media_id}/0")


@call(
    "POST", "media/upload_attachment", query=("media_type", "attachment_type"),
    limits=("sizes and durations: documented", "3 days: documented"),
)  # fmt: skip
async def upload_attachment(door: Door, caller: Caller, asked: web.Request) -> AttachmentReply:
    """Take in a file for moments or for the album (DOC 95098)."""
    kind, use = asked.query.get("media_type", ""), ATTACHMENT_USES.get(asked.query.get("attachment_type", ""))
    if kind not in ("image", "video", "file"):
        raise No(40004, "a media_type is one of image, video, file")
    if use is None or (use == "album" and kind != "image"):
        raise No(41072, "an attachment_type is 1 or 2, and an album has images only")
    kept = await take(door, caller.corpid, asked, cast(MediaKind, kind), use, ATTACHMENT_BYTES_MAX)
    return AttachmentReply(type=kind, media_id=kept.media_id, created_at=kept.time_ms // 1000)


async def _check(incoming: Incoming, kind: MediaKind, use: MediaUse) -> None:
    """Look what a file is, and whether it may be so large; its name says nothing."""
    attached = use in ("moments", "album")
    if incoming.size < BYTES_MIN:
        raise No(40006, f"a file has {BYTES_MIN} bytes or more")
    if kind in FORMATS and incoming.format not in FORMATS[kind]:
        wrong = 41090 if attached and kind == "video" else WRONG_FORMAT[kind]
        raise No(wrong, f"{kind} takes {' and '.join(FORMATS[kind])}")
    measures = await incoming.measures() if kind == "voice" or use == "moments" else Measures()
    if kind == "voice" and measures.length_ms > VOICE_MS_MAX:
        raise No(301016, f"{measures.length_ms} ms, of {VOICE_MS_MAX} at most")
    if use == "moments":
        short, long = sorted(measures[:2])
        if long > LONG_SIDE_MAX or short > SHORT_SIDE_MAX:
            raise No(41081, f"{measures.width} by {measures.height}, of {LONG_SIDE_MAX} by {SHORT_SIDE_MAX} at most")
        if measures.length_ms > FILM_MS_MAX:
            raise No(41082, f"{measures.length_ms} ms, of {FILM_MS_MAX} at most")


async def take(
    door: Door, corpid: str, asked: web.Request, kind: MediaKind, use: MediaUse, bytes_max: int
) -> MediaKept:  # fmt: skip
    """Write down the file that a request brings, look what it is, and keep it."""
    in_time = asyncio.timeout(door.router.config.media_upload_s)
    try:
        async with in_time, door.media.receiving(corpid, bytes_max) as incoming:
            name = await _receive(asked, incoming)
            if incoming.size > bytes_max:
                raise No(41080 if use in ("moments", "album") else 45001, f"more than {bytes_max} bytes")
            await _check(incoming, kind, use)
            return await door.media.keep(incoming, kind, use, name)
    except NoMedia as why:
        raise refusing(why.refusal) from why
    except TimeoutError as why:
        raise No(40058, "the body did not come whole in time") from why


async def _receive(asked: web.Request, incoming: Incoming) -> str:
    """Read the file out of a multipart body; give its name."""
    try:
        part = await _file_in(await asked.multipart())
        while not part.at_eof():
            if not await incoming.write(await part.read_chunk(PIECE_BYTES)):
                break
    except (ValueError, AssertionError, KeyError, RuntimeError, HttpProcessingError) as why:
        raise No(40058, f"the body is no multipart/form-data ({type(why).__name__})") from why
    return part.filename or ""


async def _file_in(parts: MultipartReader) -> BodyPartReader:
    """Find the file among the parts: the one called `media`, or whatever is sent as a file."""
    for _ in range(PARTS_MAX):
        part = await parts.next()
        if isinstance(part, BodyPartReader) and (part.name == "media" or part.filename):
            return part
        if part is None:
            break
    raise No(40058, "there is no part called media")


@call("GET", "media/get", query=("media_id",), limits=("20 MiB at once: documented",))
@call("GET", "media/get/jssdk", query=("media_id",), partial="a voice is given as it came, not as speex")
async def get(door: Door, caller: Caller, asked: web.Request) -> web.StreamResponse:
    """Give a file, or a range of it (DOC 90254)."""
    media_id = asked.query.get("media_id", "")

    def look(state: State, now_ms: int) -> Media | No:
        return state.corps[caller.corpid].media.find(media_id, now_ms) or No(40007)

    media: Media = await door.look(look)
    wanted = range_of(asked)
    if wanted == slice(None) and media.size > WHOLE_BYTES_MAX:
        raise No(830002)
    return await give(door, asked, media, wanted)


async def show_picture(door: Door, asked: web.Request) -> web.StreamResponse:
    """Show a picture of a page, or of a message to an app, to anybody who knows its address."""
    media_id = asked.match_info["media_id"]

    def look(state: State, now_ms: int) -> Media | None:
        shelves = (corp.media for corp in state.corps.values())
        found = (shelf.pictures.get(media_id) or shelf.find(media_id, now_ms) for shelf in shelves)
        return next((media for media in found if media is not None and media.kind == "image"), None)

    try:
        media = await door.look(look)
        return await give(door, asked, media, slice(None)) if media is not None else web.Response(status=404)
    except No:
        return web.Response(status=404)


def range_of(asked: web.Request) -> slice:
    """Read which bytes are wanted; a range that cannot be read counts as none (RFC 9110, 14.2).

    The last 0 bytes are bytes that no file has (14.1.2); aiohttp takes them for all.
    """
    if _LAST_NONE.fullmatch(asked.headers.get("Range", "")):
        return slice(0, 0)
    try:
        return slice(asked.http_range.start, asked.http_range.stop)
    except ValueError:
        return slice(None)


async def give(door: Door, asked: web.Request, media: Media, wanted: slice) -> web.StreamResponse:
    """Give a file, or the bytes of it that are wanted."""
    first, end, _ = wanted.indices(media.size)
    if first >= end:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{media.size}"})
    answer = web.StreamResponse(headers=headers_of(media))
    answer.content_length = end - first
    if wanted != slice(None):
        answer.set_status(206)
        answer.headers["Content-Range"] = f"bytes {first}-{end - 1}/{media.size}"
    return await send(asked, answer, door.media.read(media, first, end))


async def send(
    asked: web.Request, answer: web.StreamResponse, pieces: AsyncIterator[bytes]
) -> web.StreamResponse:  # fmt: skip
    """Write a file's bytes as they come from the disk."""
    try:
        piece = await anext(pieces, b"")
    except FileNotFoundError as why:  # it has just expired
        raise No(40007) from why
    await answer.prepare(asked)
    await _write(answer, asked, piece, pieces)
    return answer


async def _write(
    answer: web.StreamResponse, asked: web.Request, first: bytes, others: AsyncIterator[bytes]
) -> None:  # fmt: skip
    """Write the rest of an answer that has begun: what goes wrong now can only be told by breaking off."""
    try:
        await answer.write(first)
        async for piece in others:
            await answer.write(piece)
        await answer.write_eof()
    except OSError:
        if asked.transport is not None:
            asked.transport.abort()


def headers_of(media: Media) -> dict[str, str]:
    """Say what a file is and what it is called; no browser may take it for something else."""
    extension = media.format.partition("/")[2] if media.kind != "file" else ""
    name = media.name or f"{media.media_id}.{extension}".rstrip(".")
    plain = "".join(letter if letter.isascii() and letter not in '"\\' else "_" for letter in name)
    return {
        "Content-Type": media.format,
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
    }
