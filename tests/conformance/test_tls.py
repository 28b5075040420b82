"""The door of TLS: clients that know nothing of us check who we are; who dawdles, or speaks no TLS, holds up nobody."""

import asyncio
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from adapters import entrance
from adapters.compose import Gateway, run
from adapters.http import CannotListen, Listener
from hutong.client import LinkEnded, Member, open_session
from hutong.control import Control, NotTrusted, Problem
from tests.town import Town, build_town, consumer_token, member_token
from tests.wire import WAIT_S, Wire, synced

NAMES = ["127.0.0.1", "::1", "localhost", "qyapi.weixin.qq.com", "openws.work.weixin.qq.com", "open.weixin.qq.com"]


@pytest.fixture
async def gateway(folder_of_tls: Path) -> AsyncIterator[Gateway]:
    async with run(folder_of_tls, profile_name="bench", durability="memory", tls_port=0) as gateway:
        yield gateway
        Wire.drop_all()


@pytest.fixture
async def town(gateway: Gateway) -> Town:
    return await build_town(gateway.router, ["lin"], ["amy"], [])


def tls_port(gateway: Gateway) -> int:
    assert gateway.listener.tls_port is not None
    return gateway.listener.tls_port


def trusting(gateway: Gateway) -> ssl.SSLContext:
    assert gateway.authority is not None
    return ssl.create_default_context(cafile=gateway.authority.file)


async def talk(gateway: Gateway, **options: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    options = {"ssl": trusting(gateway), "server_hostname": "localhost", **options}
    return await asyncio.open_connection("127.0.0.1", tls_port(gateway), **options)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_we_are_who_we_say_we_are(gateway: Gateway, name: str, version: ssl.TLSVersion) -> None:
    context = trusting(gateway)
    context.minimum_version = context.maximum_version = version
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["h2", "http/1.1"])
    reader, writer = await talk(gateway, ssl=context, server_hostname=name)
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
    writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(WAIT_S):
        assert (await reader.read()).endswith(b"\r\n\r\nok\n")
    writer.close()


async def test_certificate_is_not_valid_for_longer_than_clients_like(gateway: Gateway) -> None:
    _, writer = await talk(gateway)
    shown = writer.get_extra_info("peercert")
    begins, ends = (ssl.cert_time_to_seconds(shown[key]) for key in ("notBefore", "notAfter"))
    assert 396 * 86_400 < ends - begins <= 398 * 86_400
    writer.close()


async def test_name_that_is_not_ours_is_no_name_of_ours(gateway: Gateway) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await talk(gateway, server_hostname="example.com")


async def test_client_that_does_not_trust_us_is_named_in_the_log(
    gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    def come() -> None:
        with socket.create_connection(("127.0.0.1", tls_port(gateway))) as raw:
            ssl.create_default_context().wrap_socket(raw, server_hostname="localhost")

    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(come)
    await arrivals(gateway, 0)
    assert "UNKNOWN_CA" in capsys.readouterr().out


async def arrivals(gateway: Gateway, count: int) -> None:
    """Wait until so many are on their way through the handshake."""
    _, door = gateway.listener._entrances
    async with asyncio.timeout(WAIT_S):
        while len(door) != count:  # noqa: ASYNC110 - a client of another process, which signals nothing here
            await asyncio.sleep(0)


async def test_our_own_clients_come_by_tls(gateway: Gateway, town: Town) -> None:
    url = f"https://127.0.0.1:{tls_port(gateway)}"
    amy = await synced(gateway.listener.port, consumer_token(gateway, "amy"))
    async with (
        open_session(trusting(gateway)) as session,
        Member(url, member_token(gateway, "lin"), session=session) as lin,
    ):
        await lin.say(town.singles["lin", "amy"], "早")
        assert (await amy.until("message"))["content"]["text"] == "早"
    amy.drop()


async def test_control_comes_by_tls_where_the_environment_says_whom_to_trust(gateway: Gateway) -> None:
    assert gateway.authority is not None
    environment = {**os.environ, "SSL_CERT_FILE": str(gateway.authority.file)}
    command = (sys.executable, "-m", "hutong", "clock", "--json", "--url", f"https://localhost:{tls_port(gateway)}")
    asked = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.PIPE)
    told, _ = await asked.communicate()
    assert (asked.returncode, b'"rate"' in told) == (0, True)


@pytest.mark.parametrize(
    "ask",
    [Control.clock, Control.ready, Control.metrics, lambda control: control.save_snapshot("one")],
    ids=["call", "ready", "metrics", "snapshot"],
)
async def test_control_says_whom_it_does_not_trust(
    gateway: Gateway, ask: Callable[[Control], Awaitable[object]]
) -> None:  # fmt: skip
    async with Control(f"https://localhost:{tls_port(gateway)}") as control:
        with pytest.raises(NotTrusted, match="is not trusted: set SSL_CERT_FILE"):
            await ask(control)


async def test_client_that_trusts_nobody_there_does_not_come_again(gateway: Gateway) -> None:
    with pytest.raises(LinkEnded, match="is not trusted: set SSL_CERT_FILE") as end:
        async with Member(f"https://localhost:{tls_port(gateway)}", "a token"):
            pass
    assert end.value.code == 1015


async def test_somebody_else_who_answers_is_quoted() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 403 no\r\nContent-Length: 11\r\nConnection: close\r\n\r\nnot for you")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        async with Control(f"http://127.0.0.1:{port}") as control:
            for ask in (control.clock(), control.save_snapshot("one")):
                with pytest.raises(Problem, match="not for you"):
                    await ask


async def test_port_is_free_again_even_where_nobody_waited(folder_of_tls: Path) -> None:
    async with run(folder_of_tls, durability="memory", tls_port=0) as gateway:
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", tls_port(gateway)))


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01", b"GET /ws HTTP/1.1\r\n"])
async def test_half_handshakes_end_at_their_deadline(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(entrance, "ARRIVAL_S", 0.2)
    half = [await plain(tls_port(gateway), said) for _ in range(50)]
    async with asyncio.timeout(WAIT_S):
        for reader, writer in half:
            with suppress(ConnectionError):
                assert b"HTTP" not in await reader.read()
            writer.close()
    assert gateway.listener.connections == 0


async def plain(port: int, said: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    return reader, writer


async def test_above_the_cap_the_oldest_half_handshake_makes_room(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entrance, "ARRIVING_MAX", 5)
    monkeypatch.setattr(entrance, "ARRIVAL_S", 3600.0)
    monkeypatch.setattr(entrance, "HURRIED_S", 0.05)
    half = [await plain(tls_port(gateway), b"\x16\x03\x01") for _ in range(20)]
    async with asyncio.timeout(WAIT_S):
        for reader, _ in half[:15]:
            with suppress(ConnectionError):
                assert await reader.read() == b""
        assert gateway.listener.connections <= 5
        async with aiohttp.ClientSession() as session:  # an honest one comes all the same
            url = f"https://localhost:{tls_port(gateway)}/readyz"
            async with session.get(url, ssl=trusting(gateway)) as answer:
                assert await answer.text() == "ok\n"
    for _, writer in half:
        writer.close()


async def test_many_honest_ones_at_once_all_come(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the cap: they are taken one by one, and each may make its handshake before too many others come."""
    monkeypatch.setattr(entrance, "ARRIVING_MAX", 20)
    came = await asyncio.gather(*(talk(gateway) for _ in range(200)))
    for _, writer in came:
        writer.close()


async def test_slow_ones_that_come_together_wait_for_each_other(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than the cap, all connected before the first of them begins: none is sent away for the others."""
    monkeypatch.setattr(entrance, "ARRIVING_MAX", 5)
    monkeypatch.setattr(entrance, "HURRIED_S", 3600.0)
    slow = [await plain(tls_port(gateway), b"") for _ in range(20)]
    await arrivals(gateway, 5)
    async with asyncio.timeout(WAIT_S):
        for _, writer in slow:
            await writer.start_tls(trusting(gateway), server_hostname="localhost")
    for _, writer in slow:
        writer.close()


async def test_who_is_sent_away_is_told_of_in_the_log(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(entrance, "ARRIVING_MAX", 1)
    monkeypatch.setattr(entrance, "HURRIED_S", 0.0)
    first, *_ = half = [await plain(tls_port(gateway), b"") for _ in range(2)]
    async with asyncio.timeout(WAIT_S):
        with suppress(ConnectionError):
            assert await first[0].read() == b""
    assert "1 were on their way" in capsys.readouterr().out
    for _, writer in half:
        writer.close()


async def test_stop_waits_for_no_half_handshake(folder_of_tls: Path) -> None:
    async with asyncio.timeout(entrance.ARRIVAL_S):
        async with run(folder_of_tls, durability="memory", tls_port=0) as gateway:
            _, writer = await plain(tls_port(gateway), b"\x16\x03\x01")
            await arrivals(gateway, 1)
        writer.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", tls_port(gateway)))


def test_ports_are_all_had_or_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=f"port {port} on"):
            Listener(web.Application(), "127.0.0.1", 0, 0, port)  # a socket that stayed open would be a warning
