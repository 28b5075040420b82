"""Bad input at the vendor's API: the status is 200, the body says a number, and no exception stands in the log.

Through every test the log is captured; afterwards no line of it may be an error, and no defect may be counted.
"""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from adapters.wecom_api.call import BODY_BYTES_MAX, CALLS
from tests.conformance.wecom import Wecom, wecom

__all__ = ["wecom"]

PATH = "/cgi-bin/externalcontact/remark"  # takes a POST
READ = "/cgi-bin/get_api_domain_ip"  # takes a GET
WAIT_S = 10


@pytest.fixture(autouse=True)
async def without_defects(wecom: Wecom) -> AsyncIterator[None]:
    with capture_logs() as lines:
        yield
    assert [line for line in lines if line["log_level"] in ("error", "critical")] == []
    assert wecom.gateway.router.statistics.defects == 0


async def raw(wecom: Wecom, sent: bytes, *, end: bool = False) -> tuple[int, dict[str, Any] | None]:
    """Send bytes as they are; give the status of the answer, and its body if that is JSON. 0: there was no answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", wecom.gateway.listener.port)
    try:
        writer.write(sent)
        if end:
            writer.write_eof()
        async with asyncio.timeout(WAIT_S):
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head.split()[1])
            length = next(
                (int(line[15:]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"), 0
            )
            body = b"" if sent.startswith(b"HEAD") else await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return 0, None
    finally:
        writer.close()
    try:
        return status, json.loads(body)
    except ValueError:
        return status, None


def request(method: str, path: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    if not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


ADDRESSES = [
    # the address, and the number that it is answered with
    ("/cgi-bin/", 40058),
    ("/cgi-bin//", 40058),
    ("/cgi-bin/nowhere", 40058),
    ("/cgi-bin/%zz", 40058),
    ("/cgi-bin/%ff%fe", 40058),
    ("/cgi-bin/%00", 40058),
    ("/cgi-bin/%0d%0aX-Evil:%201", 40058),
    ("/cgi-bin/%F0%9F%98%80", 40058),
    ("/cgi-bin/%ed%a0%80", 40058),
    ("/cgi-bin/" + "a" * 7000, 40058),
    ("/cgi-bin/" + "a/" * 3000, 40058),
    ("/cgi-bin/get_api_domain_ip/", 41001),
    ("/cgi-bin//get_api_domain_ip", 41001),
    ("/cgi-bin/get_api_domain_ip;x=1", 40058),
    (READ, 41001),
    (READ + "?", 41001),
    (READ + "??", 41001),
    (READ + "?&&&", 41001),
    (READ + "?access_token", 41001),
    (READ + "?access_token=", 41001),
    (READ + "?access_token=%", 40014),
    (READ + "?access_token=%zz", 40014),
    (READ + "?access_token=%ff", 40014),
    (READ + "?access_token=%00", 40014),
    (READ + "?access_token=%ed%a0%80", 40014),
    (READ + "?access_token=" + "A" * 6000, 40014),
    (READ + "?access_token=../../etc", 40014),
    ("/cgi-bin/gettoken?corpid=%ff&corpsecret=%ff", 40013),
    ("/cgi-bin/gettoken?corpid=wwlanhe&corpsecret=%00%ff", 40001),
    ("/cgi-bin/gettoken?corpid=wwlanhe&corpsecret=" + "%F0%9F%98%80" * 400, 40001),
    ("/cgi-bin/gettoken?corpid[]=1", 41002),
]


async def test_addresses(wecom: Wecom) -> None:
    for path, errcode in ADDRESSES:
        status, told = await raw(wecom, request("GET", path))
        assert (status, told and told["errcode"]) == (200, errcode), path


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "POST", "HEAD"])
async def test_methods(wecom: Wecom, method: str) -> None:
    status, told = await raw(wecom, request(method, f"{READ}?access_token={await wecom.token()}"))
    assert status == 200
    assert told is None if method == "HEAD" else told is not None and told["errcode"] == 40058


DEEP = b'{"userid":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
SHALLOWER = b'{"userid":' + b'{"a":' * 450 + b"null" + b"}" * 450 + b"}"
BODIES = [
    (b"", 40058), (b"{", 40058), (b"}", 40058), (b"[]", 40058), (b"null", 40058), (b"true", 40058), (b"1", 40058),
    (b'"x"', 40058), (b"\xff\xfe{}", 40058), (b"\xef\xbb\xbf{}", 40058), (b"{}{}", 40058), (b"{'userid': 1}", 40058),
    (b'{"userid": NaN}', 40058), (b'{"userid": Infinity}', 40058), (b'{"userid": 1e999}', 40058),
    (b'{"userid": "\\ud800"}', 40058), (b'{"userid": "\\ud800x"}', 40058), (b'{"userid": "\xff"}', 40058),
    (b'{"userid": "\xed\xa0\x80"}', 40058), (b'{"userid": "a\x00b"}', 40058),
    (DEEP, 40058), (SHALLOWER, 40058), (b"[" * 1_000_000, 40058), (b'{"a":' * 100_000, 40058),
    (b'{"userid": ' + b"9" * 100_000 + b"}", 40058), (b'{"userid": {"a": 1}}', 40058), (b"userid=1", 40058),
    (b"<xml></xml>", 40058), (b'{"userid": "zhangsan", "external_userid": null}', 41035),
    (b" " * 1_000_000, 40058), (b" " * BODY_BYTES_MAX, 40058), (b" " * (BODY_BYTES_MAX + 1), 40206),
]  # fmt: skip


async def test_bodies(wecom: Wecom) -> None:
    path = f"{PATH}?access_token={await wecom.token()}"
    for body, errcode in BODIES:
        status, told = await raw(wecom, request("POST", path, body))
        assert (status, told and told["errcode"]) == (200, errcode), body[:50]


async def test_malformed_json_is_answered_with_a_warning(wecom: Wecom) -> None:
    told = await wecom.post("externalcontact/remark", b"{", access_token=await wecom.token())
    assert told["errmsg"].startswith("Warning: wrong json format. invalid parameter: ")
    told = await wecom.post("externalcontact/remark", b'{"userid": 1}', access_token=await wecom.token())
    assert "Warning" not in told["errmsg"]


GOOD = b'{"userid": "zhangsan", "external_userid": "nobody", "remark": "x"}'
CHUNKED = "Transfer-Encoding: chunked"


def chunks(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


TRANSFERS: list[tuple[str, tuple[str, ...], bytes, set[int]]] = [
    # what it is, headers, bytes, and what is answered: the vendor's numbers, or HTTP's own where HTTP itself is broken
    ("in pieces of a byte", (CHUNKED,), chunks(GOOD, 1), {84061, 40096}),
    ("in large pieces", (CHUNKED,), chunks(b" " * (BODY_BYTES_MAX + 1), 65_536), {40206}),
    ("a size that is none", (CHUNKED,), b"zz\r\n{}\r\n0\r\n\r\n", {40058, 400}),
    ("a negative size", (CHUNKED,), b"-1\r\n{}\r\n0\r\n\r\n", {40058, 400}),
    ("a size without end", (CHUNKED,), b"f" * 400 + b"\r\n{}", {40058, 400}),
    ("a piece that is too long", (CHUNKED,), b"2\r\n{}xx\r\n0\r\n\r\n", {40058, 400}),
    ("no last piece", (CHUNKED,), b"2\r\n{}\r\n", {40058, 0}),
    ("less than said", ("Content-Length: 100",), b"{}", {40058, 0}),
    ("three megabytes said", ("Content-Length: 3000000",), b"{}", {40206}),
    ("a length that is none", ("Content-Length: x",), b"{}", {400}),
    ("a negative length", ("Content-Length: -5",), b"{}", {400}),
    ("two lengths", ("Content-Length: 2", "Content-Length: 3"), b"{}x", {400}),
    ("length and pieces", ("Content-Length: 2", CHUNKED), chunks(b"{}", 2), {400, 40058}),
    ("not what it is packed as", ("Content-Encoding: gzip",), b"{}", {40058, 400}),
    ("packed", ("Content-Encoding: gzip",), gzip.compress(GOOD), {84061, 40096}),
    ("a bomb", ("Content-Encoding: gzip",), gzip.compress(b" " * 50_000_000), {40206, 40058}),
    ("an unknown packing", ("Content-Encoding: xyz",), GOOD, {84061, 40096}),
    ("text", ("Content-Type: text/plain",), GOOD, {84061, 40096}),
    ("a form", ("Content-Type: application/x-www-form-urlencoded",), GOOD, {84061, 40096}),
    ("a letter set that is none", ("Content-Type: application/json; charset=bogus",), GOOD, {84061, 40096}),
    ("a type that is none", ("Content-Type: ;;;",), GOOD, {84061, 40096}),
    ("parts without a border", ("Content-Type: multipart/form-data",), GOOD, {84061, 40096}),
    ("a header that is no ASCII", ("X-Odd: \udcff\udcfe",), GOOD, {84061, 40096, 400}),
    ("a long header", ("X-Long: " + "a" * 8_000,), GOOD, {84061, 40096, 400}),
    ("many headers", tuple(f"X-{n}: 1" for n in range(500)), GOOD, {84061, 40096, 400}),
]


@pytest.mark.parametrize(
    ("headers", "sent", "answers"), [row[1:] for row in TRANSFERS], ids=[row[0] for row in TRANSFERS]
)
async def test_transfers(wecom: Wecom, headers: tuple[str, ...], sent: bytes, answers: set[int]) -> None:
    path = f"{PATH}?access_token={await wecom.token()}"
    status, told = await raw(wecom, request("POST", path, sent, *headers), end=0 in answers)
    assert (told["errcode"] if told is not None and status == 200 else status) in answers, told
    assert (await wecom.get("gettoken", corpid="x", corpsecret="y"))["errcode"] == 40013, "others are served"


@pytest.mark.parametrize("part", ["media/upload", "media/uploadimg", "media/upload_attachment"])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=", b"--\r\n"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="media"\r\n\r\n'),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Transfer-Encoding: base64\r\n\r\n!!\r\n--x--\r\n"),
        ("multipart/form-data; boundary=" + "y" * 100, b"--y\r\n"),
        ("multipart/mixed; boundary=x", b"--x\r\nContent-Type: multipart/mixed; boundary=z\r\n\r\n--z\r\n"),
        ("application/json", b"{}"),
        ("text/plain", b"\xff"),
        ("", b"x"),
    ],
    ids=range(12),
)
async def test_uploads(wecom: Wecom, part: str, kind: str, body: bytes) -> None:
    address = f"/cgi-bin/{part}?access_token={await wecom.token()}&type=file&media_type=file&attachment_type=1"
    status, told = await raw(wecom, request("POST", address, body, f"Content-Type: {kind}"))
    assert status == 200
    assert told is not None and told["errcode"] not in (0, -1), told


# Every call that there is, with every key of it wrong in turn

HOSTILE: list[Any] = [
    None, True, 0, -1, 2**31, 2**63, 2**64, 10**30, 1.5, 1e300, "", "9" * 30, "x" * 10_000, "\x00", "/", "a|b", "#1",
    "é\U0001f600", "../..", [], {}, [None], [[]], [{}], ["x"] * 3, [1], {"x": 1}, [-1] * 3, [2**63],
]  # fmt: skip


def mutations(kind: Any) -> Iterator[dict[str, Any]]:
    """Give requests that are wrong in one key, the others being of the right type."""
    fields = msgspec.structs.fields(kind)
    usual = {one.encode_name: _usual(one.type) for one in fields if one.required}
    for one in fields:
        for value in HOSTILE:
            yield {**usual, one.encode_name: value}


def _usual(kind: Any) -> Any:
    usual: tuple[Any, ...] = ("zhangsan", 1, [], ["zhangsan"], [1], {})
    for made in usual:
        try:
            msgspec.convert(made, kind)
        except msgspec.ValidationError:
            continue
        return made
    return "1"


READING = {path: one for path, one in CALLS.items() if one.asked is not web.Request}
FAMILIES = sorted({path.partition("/")[0] for path in READING})


@pytest.mark.parametrize("family", FAMILIES)
async def test_every_call_with_every_key_wrong(wecom: Wecom, family: str) -> None:
    token = await wecom.token()
    for path, found in READING.items():
        for asked in mutations(found.asked) if path.partition("/")[0] == family else ():
            if found.method == "POST":
                told = await wecom.post(path, asked, access_token=token)
            else:
                query = {key: value for key, value in asked.items() if len(str(value)) < 4_000}  # an address has an end
                told = await wecom.get(path, **query, access_token=token)
            assert isinstance(told.get("errcode"), int), (path, asked, told)
            assert told["errcode"] != -1, (path, asked, told)


async def test_who_is_gone_before_the_answer_is_no_defect(wecom: Wecom, caplog: pytest.LogCaptureFixture) -> None:
    token, server = await wecom.token(), wecom.gateway.listener._runner.server
    assert server is not None
    await wecom.control("POST", "/faults", {"path": "getcallbackip", "delay_ms": 600_000, "times": 0})
    before = set(server.connections)
    _, writer = await asyncio.open_connection("127.0.0.1", wecom.gateway.listener.port)
    writer.write(f"GET /cgi-bin/getcallbackip?access_token={token} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    while not (await wecom.control("GET", "/faults"))["faults"][0]["struck"]:
        pass
    (connection,) = set(server.connections) - before
    writer.close()
    while connection.connected:
        await wecom.control("GET", "/faults")
    await wecom.control("DELETE", "/faults")
    assert (await wecom.get("getcallbackip", access_token=token))["errcode"] == 0
    assert not [record for record in caplog.records if record.name.startswith("aiohttp")]


async def stubborn(wecom: Wecom, token: str) -> tuple[web.RequestHandler, asyncio.StreamWriter]:
    """Ask on and on, and read nothing, until the gateway writes no more."""
    server = wecom.gateway.listener._runner.server
    assert server is not None
    before = set(server.connections)
    one = f"GET /cgi-bin/user/list?department_id=1&fetch_child=1&access_token={token} HTTP/1.1\r\nHost: x\r\n\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", wecom.gateway.listener.port, limit=1)
    writer.write(one.encode() * 5_000)
    while not (theirs := set(server.connections) - before):
        await wecom.control("GET", "/faults")
    (connection,) = theirs
    while not connection.writing_paused:
        await wecom.control("GET", "/faults")
    return connection, writer


async def test_who_asks_on_and_on_and_reads_nothing_is_answered_no_more(wecom: Wecom) -> None:
    token = await wecom.token()
    connection, writer = await stubborn(wecom, token)
    for _ in range(300):
        assert (await wecom.get("getcallbackip", access_token=token))["errcode"] == 0
    assert connection.transport is not None
    assert connection.transport.get_write_buffer_size() < 2**18
    writer.close()


async def test_above_the_cap_who_does_not_read_makes_room(wecom: Wecom, monkeypatch: pytest.MonkeyPatch) -> None:
    token, server = await wecom.token(), wecom.gateway.listener._runner.server
    stuck = [await stubborn(wecom, token) for _ in range(2)]
    assert server is not None
    for other in set(server.connections) - {connection for connection, _ in stuck}:
        other.force_close()
    monkeypatch.setattr("adapters.http.UNAUTHENTICATED_MAX", 2)
    reader, writer = await asyncio.open_connection("127.0.0.1", wecom.gateway.listener.port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    assert [connection in server.connections for connection, _ in stuck] == [False, True]
    for one in (writer, *(writer for _, writer in stuck)):
        one.close()


async def test_a_body_that_does_not_come_is_not_waited_for_for_ever(
    wecom: Wecom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.wecom_api.BODY_S", 0.05)
    token = await wecom.token()
    reader, writer = await asyncio.open_connection("127.0.0.1", wecom.gateway.listener.port)
    head = f"POST /cgi-bin/user/create?access_token={token} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    writer.write(head.encode() + b"{")
    async with asyncio.timeout(20):
        assert b" 200 " in await reader.readline()
        assert b'"errcode":40058' in (await reader.readuntil(b"}"))
    writer.close()
