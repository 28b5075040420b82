"""Media: what an app uploads, all apps of its enterprise can fetch for three days (DOC 90253, 90254, 90256)."""

import re
import struct
from io import BytesIO

import pytest
from aiohttp import FormData
from wechatpy.exceptions import WeChatClientException

from tests.conformance.wecom import STORE, Wecom, threaded, wecom

__all__ = ["wecom"]

DAY_MS = 24 * 3_600_000
JPG = b"\xff\xd8\xff\xe0" + bytes(2_000)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
AMR = b"#!AMR\n" + bytes(100)
MP4 = struct.pack(">I", 24) + b"ftypisom" + bytes(100)
MIB = 1024 * 1024
OTHER = "wwsongyin"
SHOWN = re.compile(r"attachment; filename=\"[^\"]{1,140}\"; filename\*=UTF-8''[A-Za-z0-9%._~-]{1,1200}")


def plainly(value: object) -> str:
    """Name a case without the bytes of its file."""
    return f"{len(value)} bytes" if isinstance(value, bytes) else str(value)


async def post_file(
    wecom: Wecom, token: str, body: bytes, kind: str = "file", name: str = "a.bin", part: str = "media",
    path: str = "upload",
) -> dict[str, object]:  # fmt: skip
    form = FormData()
    form.add_field(part, BytesIO(body), filename=name)
    query = {"access_token": token, "type": kind}
    async with wecom.session.post(f"{wecom.url}/cgi-bin/media/{path}", data=form, params=query) as answer:
        assert answer.status == 200
        told: dict[str, object] = await answer.json()
        return told


async def post_body(wecom: Wecom, token: str, body: bytes, content_type: str) -> dict[str, object]:
    query, headers = {"access_token": token, "type": "file"}, {"Content-Type": content_type}
    async with wecom.session.post(
        f"{wecom.url}/cgi-bin/media/upload", data=body, params=query, headers=headers
    ) as answer:  # fmt: skip
        told: dict[str, object] = await answer.json()
        return told


async def fetch(wecom: Wecom, token: str, media_id: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    query = {"access_token": token, "media_id": media_id}
    async with wecom.session.get(f"{wecom.url}/cgi-bin/media/get", params=query, headers=headers) as answer:
        return answer.status, await answer.read(), dict(answer.headers)


@pytest.mark.parametrize(
    ("kind", "body", "format_"),
    [
        ("image", JPG, "image/jpeg"),
        ("image", PNG, "image/png"),
        ("voice", AMR, "audio/amr"),
        ("video", MP4, "video/mp4"),
        ("file", b"123456", "application/octet-stream"),
    ],
    ids=plainly,
)
async def test_an_sdk_uploads_and_fetches_each_type(wecom: Wecom, kind: str, body: bytes, format_: str) -> None:
    client = wecom.sdk()
    told = await threaded(client.media.upload, kind, ("画.bin", body))
    assert told["type"] == kind
    assert isinstance(told["created_at"], str), "some SDKs declare it a string"
    assert abs(int(told["created_at"]) - wecom.gateway.router.now_ms() // 1000) < 60
    for address in (client.media.get_url, client.media.get_jssdk_url):
        fetched = await threaded(client._http.get, await threaded(address, told["media_id"]))
        assert (fetched.status_code, fetched.content) == (200, body)
        assert fetched.headers["Content-Type"] == format_
        assert fetched.headers["Content-Disposition"].startswith("attachment; filename=")
        assert "filename*=UTF-8''%E7%94%BB.bin" in fetched.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("kind", "body", "errcode"),
    [
        ("song", JPG, 40004),
        ("", JPG, 40004),
        ("image", b"GIF89a" + bytes(100), 40005),
        ("video", JPG, 40005),
        ("voice", JPG, 301017),
        ("file", b"12345", 40006),
        ("file", b"", 40006),
        ("image", JPG + bytes(10 * MIB), 45001),
        ("voice", AMR + bytes(2 * MIB), 45001),
        ("video", MP4 + bytes(10 * MIB), 45001),
        ("file", bytes(20 * MIB + 1), 45001),
    ],
    ids=plainly,
)
async def test_what_may_not_be_uploaded_is_told_by_number(
    wecom: Wecom, kind: str, body: bytes, errcode: int
) -> None:  # fmt: skip
    told = await post_file(wecom, await wecom.token(), body, kind)
    assert told["errcode"] == errcode, told
    assert wecom.gateway.router.state.corps[STORE].media.kept == {}


async def test_the_largest_file_passes(wecom: Wecom) -> None:
    token = await wecom.token()
    told = await post_file(wecom, token, bytes(20 * MIB))
    assert (await fetch(wecom, token, str(told["media_id"])))[:2] == (200, bytes(20 * MIB))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x",
        b"--x\r\n\r\n",
        b"--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="media"; filename="a"\r\n\r\n123456',
        b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\n123456\r\n--x--\r\n',
        b"--x\r\n" + b"a: b\r\n" * 1000 + b"\r\n123456\r\n--x--\r\n",
        b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\n1\r\n--y--\r\n--x--\r\n",
    ],
)
async def test_a_body_that_holds_no_file_is_refused(wecom: Wecom, body: bytes) -> None:
    token = await wecom.token()
    for content_type in ("multipart/form-data; boundary=x", "multipart/form-data", "text/plain", ""):
        assert (await post_body(wecom, token, body, content_type))["errcode"] == 40058, content_type
    assert wecom.gateway.router.statistics.defects == 0


async def test_part_headers_are_read_leniently(wecom: Wecom) -> None:
    """Some clients name the part otherwise, say nothing of its type, or send fields beside it."""
    token = await wecom.token()
    assert (await post_file(wecom, token, b"123456", part="file"))["errcode"] == 0
    multipart = "multipart/form-data; boundary=x"
    bare = b"--x\r\ncontent-disposition: form-data; name=media\r\n\r\n123456\r\n--x--"
    beside = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n' + bare
    for body in (bare, beside):
        assert (await post_body(wecom, token, body, multipart))["errcode"] == 0, body


@pytest.mark.parametrize(
    ("range_", "status", "first", "end"),
    [
        ("bytes=0-9", 206, 0, 10),
        ("bytes=90-", 206, 90, 100),
        ("bytes=-7", 206, 93, 100),
        ("bytes=50-1000", 206, 50, 100),
        ("bytes=0-1,3-4", 200, 0, 100),
        ("bytes=9-3", 200, 0, 100),
        ("lines=0-1", 200, 0, 100),
        ("bytes=100-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
        ("bytes=-00", 416, 0, 0),
        ("bytes=0-", 206, 0, 100),
    ],
)
async def test_a_range_is_answered_in_part(wecom: Wecom, range_: str, status: int, first: int, end: int) -> None:
    token, body = await wecom.token(), bytes(range(100))
    told = await post_file(wecom, token, body)
    got, bytes_, headers = await fetch(wecom, token, str(told["media_id"]), Range=range_)
    assert (got, bytes_) == (status, body[first:end])
    if status == 206:
        assert headers["Content-Range"] == f"bytes {first}-{end - 1}/100"


async def test_a_file_of_more_than_20_mb_is_fetched_by_ranges(wecom: Wecom) -> None:
    token, uploads = await wecom.token(), wecom.gateway.media
    async with uploads.receiving(STORE, 21 * MIB) as incoming:
        await incoming.write(bytes(20 * MIB + 1))
        kept = await uploads.keep(incoming, "file", "message", "large")
    assert (await wecom.get("media/get", access_token=token, media_id=kept.media_id))["errcode"] == 830002
    status, body, _ = await fetch(wecom, token, kept.media_id, Range="bytes=0-9")
    assert (status, body) == (206, bytes(10))


async def test_a_file_is_its_enterprises_alone(wecom: Wecom) -> None:
    token = await wecom.token()
    media_id = str((await post_file(wecom, token, b"123456"))["media_id"])
    assert wecom.gateway.media.find(STORE, media_id) is not None
    assert wecom.gateway.media.find(OTHER, media_id) is None
    assert wecom.gateway.media.find("wwnone", media_id) is None
    other = await wecom.token(OTHER, f"secret-of-{OTHER}")
    for asker, wanted in ((other, media_id), (token, "nothing"), (token, "")):
        told = await wecom.get("media/get", access_token=asker, media_id=wanted)
        assert told["errcode"] == 40007


async def test_a_file_ends_after_three_days_of_the_movable_clock(wecom: Wecom) -> None:
    await wecom.control("POST", "/clock", {"rate": 0})
    media_id = str((await post_file(wecom, await wecom.token(), b"123456"))["media_id"])
    await wecom.control("POST", "/clock", {"advance_ms": 3 * DAY_MS - 1})
    assert wecom.gateway.media.find(STORE, media_id) is not None
    await wecom.control("POST", "/clock", {"advance_ms": 1})
    assert wecom.gateway.media.find(STORE, media_id) is None
    assert (await wecom.get("media/get", access_token=await wecom.token(), media_id=media_id))["errcode"] == 40007
    kept = str((await post_file(wecom, await wecom.token(), b"654321"))["media_id"])
    assert list(wecom.gateway.router.state.corps[STORE].media.kept) == [kept]


async def test_a_picture_of_a_page_is_kept_for_good_and_shown_to_anybody(wecom: Wecom) -> None:
    client = wecom.sdk()
    told = await threaded(client.media.upload_img, ("a.png", PNG))
    await wecom.control("POST", "/clock", {"advance_ms": 100 * DAY_MS})
    async with wecom.session.get(told["url"]) as answer:
        assert (answer.status, await answer.read()) == (200, PNG)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    async with wecom.session.get(told["url"].replace("/wwpic/", "/wwpic/x")) as answer:
        assert answer.status == 404
    media_id = told["url"].split("/")[-2]
    assert wecom.gateway.media.find(STORE, media_id) is None, "it is no media_id"
    with pytest.raises(WeChatClientException) as refused:
        await threaded(client.media.upload_img, ("a.png", PNG + bytes(2 * MIB)))
    assert refused.value.errcode == 45001


async def test_pictures_of_pages_are_counted_by_day_and_month(wecom: Wecom) -> None:
    await wecom.control("PUT", "/profile", {"name": "tiny"})
    await wecom.control("POST", "/clock", {"rate": 0})
    codes = []
    for _ in range(2):
        for _ in range(3):
            told = await post_file(wecom, await wecom.token(), PNG, path="uploadimg")
            codes.append((told["errcode"], wecom.gateway.router.state.corps[STORE].media.made))
        await wecom.control("POST", "/clock", {"advance_ms": DAY_MS})
    assert codes == [(0, 1), (0, 2), (45009, 2), (0, 3), (45009, 3), (45009, 3)]


HOSTILE = ["../../etc/passwd", "..\\..\\x", "a\r\nX-Evil: 1", 'a"; filename=b', "\x00", "名" * 300, ".", "", "a/b/.."]


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_name_does_no_harm(wecom: Wecom, name: str) -> None:
    escaped = "".join(f"%{byte:02X}" for byte in name.encode())
    part = f"Content-Disposition: form-data; name=media; filename*=UTF-8''{escaped}"
    body = f"--x\r\n{part}\r\n\r\n123456\r\n--x--\r\n".encode()
    token = await wecom.token()
    told = await post_body(wecom, token, body, "multipart/form-data; boundary=x")
    status, got, headers = await fetch(wecom, token, str(told["media_id"]))
    assert (status, got) == (200, b"123456")
    assert "X-Evil" not in headers
    assert SHOWN.fullmatch(headers["Content-Disposition"])


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + bytes(20)


def jpg(width: int, height: int) -> bytes:
    comment = struct.pack(">BBH", 0xFF, 0xFE, 70) + bytes(68)
    return b"\xff\xd8" + comment + struct.pack(">BBHBHH", 0xFF, 0xC0, 17, 8, height, width) + bytes(20)


def mp4(seconds: int, version: int = 0) -> bytes:
    times = struct.pack(">16xIQ" if version else ">8xII", 600, 600 * seconds)
    mvhd = struct.pack(">I4sB3x", 12 + len(times), b"mvhd", version) + times
    moov = struct.pack(">I4s", 8 + len(mvhd), b"moov") + mvhd
    return struct.pack(">I4s4s12x", 24, b"ftyp", b"isom") + struct.pack(">I4sQ", 1, b"mdat", 32) + bytes(16) + moov


@pytest.mark.parametrize(
    ("kind", "scene", "body", "errcode"),
    [
        ("image", "1", png(1080, 10_800), 0),
        ("image", "1", jpg(10_800, 1080), 0),
        ("image", "1", png(1081, 1081), 41081),
        ("image", "1", jpg(100, 10_801), 41081),
        ("image", "2", png(5_000, 5_000), 0),
        ("video", "1", mp4(30), 0),
        ("video", "1", mp4(31), 41082),
        ("video", "1", mp4(31, version=1), 41082),
        ("video", "1", JPG, 41090),
        ("image", "1", b"GIF89a" + bytes(100), 40005),
        ("file", "1", b"123456", 0),
        ("file", "2", b"123456", 41072),
        ("image", "3", PNG, 41072),
        ("image", "", PNG, 41072),
        ("voice", "1", AMR, 40004),
        ("", "1", PNG, 40004),
        ("file", "1", b"12345", 40006),
        ("file", "1", bytes(10 * MIB + 1), 41080),
    ],
    ids=plainly,
)
async def test_an_attachment_is_for_moments_or_an_album(
    wecom: Wecom, kind: str, scene: str, body: bytes, errcode: int
) -> None:  # fmt: skip
    form = FormData()
    form.add_field("media", BytesIO(body), filename="a")
    query = {"access_token": await wecom.token(), "media_type": kind, "attachment_type": scene}
    async with wecom.session.post(
        f"{wecom.url}/cgi-bin/media/upload_attachment", data=form, params=query
    ) as answer:  # fmt: skip
        told = await answer.json()
    assert told["errcode"] == errcode, told
    if not errcode:
        assert (type(told["created_at"]), told["type"]) == (int, kind)
        media = wecom.gateway.media.find(STORE, told["media_id"])
        assert media is not None and media.use == ("moments" if scene == "1" else "album")


async def test_a_voice_may_take_a_minute(wecom: Wecom) -> None:
    token, frame = await wecom.token(), b"\x3c" + bytes(31)  # 12.2 kbit/s, 20 ms
    for frames, errcode in ((3_000, 0), (3_001, 301016)):
        told = await post_file(wecom, token, b"#!AMR\n" + frame * frames, "voice")
        assert told["errcode"] == errcode
