"""The forward proxy over real sockets, on both loops, beside clients that know nothing of us."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from adapters import entrance
from adapters.compose import Gateway, run
from adapters.proxy import HEAD_BYTES_MAX
from protocol.wecom.hosts import API_HOST, BOT_HOST, HOSTS
from tests.conformance.test_tls import plain, trusting
from tests.wire import WAIT_S

CONNECT = f"CONNECT {API_HOST}:443 HTTP/1.1\r\nHost: {API_HOST}:443\r\n\r\n".encode()


@pytest.fixture
async def gateway(folder_of_tls: Path) -> AsyncIterator[Gateway]:
    async with run(folder_of_tls, durability="memory", tls_port=0, proxy_port=0) as gateway:
        yield gateway


def port_of(gateway: Gateway) -> int:
    assert gateway.listener.proxy_port is not None
    return gateway.listener.proxy_port


async def asked(gateway: Gateway, method: str, url: str) -> tuple[int, str]:
    proxy = f"http://127.0.0.1:{port_of(gateway)}"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, proxy=proxy, ssl=trusting(gateway)) as answer,
    ):
        return answer.status, await answer.text()


@pytest.mark.parametrize("host", HOSTS)
async def test_hosts_of_the_vendor_lead_here(gateway: Gateway, host: str) -> None:
    status, text = await asked(gateway, "GET", f"https://{host}/cgi-bin/gettoken?corpid=x&corpsecret=y")
    assert (status, '"errcode":40013' in text) == (200, True)


@pytest.mark.parametrize("path", ["/_hutong/env", "/_hutong/", "/_hutong/clock", "/metrics"])
async def test_own_control_is_no_host_of_the_vendors(gateway: Gateway, path: str) -> None:
    status, text = await asked(gateway, "GET", f"https://{API_HOST}{path}")
    assert (status, "wrong host" in text) == (403, True)


async def test_bots_come_by_the_root_of_their_host(gateway: Gateway) -> None:
    proxy = f"http://127.0.0.1:{port_of(gateway)}"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"wss://{BOT_HOST}", proxy=proxy, ssl=trusting(gateway)) as bot,
    ):
        ask = {"cmd": "aibot_subscribe", "headers": {"req_id": "1"}, "body": {"bot_id": "x", "secret": "y"}}
        await bot.send_json(ask)
        assert (await bot.receive_json(timeout=WAIT_S))["errcode"] == 853000


@pytest.mark.parametrize("url", ["https://example.com/", "https://127.0.0.1/", f"https://{API_HOST}:8443/"])
async def test_nobody_is_led_elsewhere_and_clients_are_told_why(gateway: Gateway, url: str) -> None:
    with pytest.raises(aiohttp.ClientHttpProxyError, match=r"this proxy leads to .* alone, not to ") as no:
        await asked(gateway, "GET", url)
    assert no.value.status == 403


async def test_plain_http_is_refused_in_a_line(gateway: Gateway) -> None:
    status, text = await asked(gateway, "GET", f"http://{API_HOST}/cgi-bin/gettoken")
    assert (status, text.count("\n"), "by CONNECT alone" in text) == (403, 1, True)


async def said_to(gateway: Gateway, *pieces: bytes) -> bytes:
    """Say something, and give all that comes back until the end."""
    reader, writer = await plain(port_of(gateway), b"")
    async with asyncio.timeout(WAIT_S):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        answer = await reader.read()
    writer.close()
    return answer


async def test_head_without_end_is_refused_and_the_answer_arrives(gateway: Gateway) -> None:
    answer = await said_to(gateway, CONNECT[:-2] + b"X: " + b"x" * 2**20)
    assert answer.startswith(f"HTTP/1.1 403 the head of a request has at most {HEAD_BYTES_MAX} bytes\r\n".encode())


async def test_hello_that_does_not_wait_is_refused(gateway: Gateway) -> None:
    assert (await said_to(gateway, CONNECT + b"\x16\x03\x01")).startswith(b"HTTP/1.1 403 what comes after CONNECT")


async def test_request_in_pieces_is_read(gateway: Gateway) -> None:
    reader, writer = await plain(port_of(gateway), b"")
    async with asyncio.timeout(WAIT_S):
        for byte in CONNECT:
            writer.write(bytes((byte,)))
            await writer.drain()
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 200 Connection established\r\n\r\n"
        await writer.start_tls(trusting(gateway), server_hostname=API_HOST)
        writer.write(f"GET /readyz HTTP/1.1\r\nHost: {API_HOST}\r\nConnection: close\r\n\r\n".encode())
        assert (await reader.read()).endswith(b"\r\n\r\nok\n")
    writer.close()


@pytest.mark.parametrize(
    "said", [b"", b"CONN", CONNECT[:-2], CONNECT, CONNECT.replace(b"443 HTTP", b"80 HTTP")], ids=range(5)
)
async def test_who_dawdles_is_let_go_at_the_deadline(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """Before its request has come, before its handshake has begun, and behind a refusal that it does not end."""
    monkeypatch.setattr(entrance, "ARRIVAL_S", 0.2)
    slow = [await plain(port_of(gateway), said) for _ in range(20)]
    async with asyncio.timeout(WAIT_S):
        for reader, writer in slow:
            with suppress(ConnectionError):
                await reader.read()
            writer.close()
        while gateway.listener.connections:  # noqa: ASYNC110 - sockets, which signal nothing here
            await asyncio.sleep(0)


async def test_above_the_cap_the_oldest_makes_room(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrance, "ARRIVING_MAX", 5)
    monkeypatch.setattr(entrance, "ARRIVAL_S", 3600.0)
    monkeypatch.setattr(entrance, "HURRIED_S", 0.05)
    half = [await plain(port_of(gateway), b"CONNECT ") for _ in range(20)]
    async with asyncio.timeout(WAIT_S):
        for reader, _ in half[:15]:
            with suppress(ConnectionError):
                assert await reader.read() == b""
        assert (await asked(gateway, "GET", f"https://{API_HOST}/readyz")) == (200, "ok\n")
    for _, writer in half:
        writer.close()


async def test_certificate_behind_the_proxy_is_checked_by_name(gateway: Gateway) -> None:
    reader, writer = await plain(port_of(gateway), CONNECT)
    await reader.readuntil(b"\r\n\r\n")
    with pytest.raises(ssl.SSLCertVerificationError):
        await writer.start_tls(trusting(gateway), server_hostname="example.com")
    writer.close()
