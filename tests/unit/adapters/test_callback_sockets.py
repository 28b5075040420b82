"""Where callbacks may lead: a table of hostile addresses, and a name that means another address each time it is asked.

What decides is which addresses sockets are made for: none is made for an address that callbacks may not lead to.
"""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from itertools import cycle
from typing import Any

import pytest
from aiohttp import web

from adapters.callback_post import Answer, Poster

BEYOND = "see --callbacks-anywhere"
NO_FORM = "the address is none of http or https"
SECONDS = 5.0

# Addresses that lead into somebody's network, or nowhere, in every spelling that a resolver takes.
INSIDE = [
    "0.0.0.0", "0",  # noqa: S104 - a test of it
    "10.0.0.1", "10.255.255.255", "100.64.0.1", "169.254.169.254", "169.254.0.1", "172.16.0.1",
    "172.31.255.255", "192.168.1.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376",
    "169.254.43518", "10.1", "0x0a000001", "012.0.0.1", "192.168.257",
    "[::]", "[fe80::1]", "[fe80::a9fe:a9fe]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]",
    "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[::10.0.0.1]", "[::169.254.169.254]",
    "[64:ff9b::10.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "[2002:7f00:1::1]",
    "[2001:0:a9fe:a9fe::1]", "[100::1]",
]  # fmt: skip
NEAR = ["169.254.169.254.", "10.0.0.1%2e", "１６９.254.169.254", "169。254。169。254"]
NO_HTTP = [
    "ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1:70/_", "dict://127.0.0.1:11211/", "ws://127.0.0.1/",
    "unix:///run/docker.sock", "http://", "http:///", "https:?x", "//10.0.0.1/", "10.0.0.1", "", "javascript:alert(1)",
    "data:text/xml,x", "ldap://10.0.0.1/", "http:10.0.0.1",
]  # fmt: skip
NAMED = [
    "http://user@127.0.0.1/", "http://user:pw@127.0.0.1/", "http://:pw@127.0.0.1/", "http://127.0.0.1:80@127.0.0.1/",
    "https://example.com@10.0.0.1/", "http://a%40b@127.0.0.1/",
]  # fmt: skip


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """List the sockets that are made for callbacks, and connect none of them."""
    found: list[Any] = []

    def nowhere(*arguments: Any) -> None:
        found.append(arguments)
        raise OSError("a socket was made")

    monkeypatch.setattr("adapters.callback_sockets.socket", nowhere)
    return found


async def asked(url: str, *, anywhere: bool = False) -> Answer:
    poster = Poster(anywhere=anywhere)
    try:
        return await poster.ask(url, {"x": "1"}, b"<xml/>", SECONDS)
    finally:
        await poster.close()


def is_address(host: str) -> bool:
    """Tell whether it is spelt as addresses are: other spellings are the client library's to refuse."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


@pytest.fixture(autouse=True)
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nobody asked for names: all but localhost must be addresses."""
    real = socket.getaddrinfo

    def look_up(host: str, port: int, family: int = 0, kind: int = 0, *_: int) -> Any:
        return real(host, port, family, kind, 0, 0 if host == "localhost" else socket.AI_NUMERICHOST)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.mark.parametrize("form", ["http://{}/", "https://{}/", "http://{}:8080/", "https://{}:8443/"])
async def test_nothing_leads_into_a_network(made: list[Any], form: str) -> None:
    for host in INSIDE:
        answer = await asked(form.format(host))
        assert (answer.status, made) == (0, []), host
        assert (BEYOND if is_address(host) else "no connection: ") in answer.error, host


@pytest.mark.parametrize("host", NEAR)
async def test_what_looks_like_an_address_leads_nowhere_else(made: list[Any], host: str) -> None:
    for scheme in ("http", "https"):
        assert (await asked(f"{scheme}://{host}/")).status == 0
        assert made == []


@pytest.mark.parametrize("url", NO_HTTP)
async def test_what_is_no_http_leads_nowhere(made: list[Any], url: str) -> None:
    answer = await asked(url)
    assert (answer.error, made) == (NO_FORM, [])


@pytest.mark.parametrize("url", NAMED)
async def test_names_and_passwords_are_not_sent(made: list[Any], url: str) -> None:
    answer = await asked(url)
    assert (answer.error, made) == ("the address has a name and a password in it", [])


@pytest.mark.parametrize(
    ("url", "leads"),
    [
        ("https://93.184.216.34/", True), ("https://93.184.216.34:8443/", True),
        ("https://[2606:2800:220:1::1]/", True), ("https://[64:ff9b::93.184.216.34]/", True),
        ("http://93.184.216.34/", False), ("http://93.184.216.34:443/", False), ("https://93.184.216.34:80/", False),
        ("https://93.184.216.34:22/", False), ("https://93.184.216.34:8444/", False),
        ("http://127.0.0.1:1/", True), ("http://127.9.9.9/", True), ("http://0x7f.1:22/", True),
        ("https://[::1]:6379/", True), ("http://[::ffff:127.0.0.1]/", True),
        ("http://localhost/", True),
    ],
)  # fmt: skip
async def test_this_machine_and_public_addresses_are_led_to(made: list[Any], url: str, leads: bool) -> None:
    answer = await asked(url)
    assert (BEYOND in answer.error, bool(made)) == (not leads, leads), answer


async def test_everything_is_led_to_where_that_was_said(made: list[Any]) -> None:
    for url in ("http://10.0.0.1/", "https://169.254.169.254:1/", "http://93.184.216.34/"):
        assert BEYOND not in (await asked(url, anywhere=True)).error
    assert len(made) == 3


# Names


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Have every name mean the next of these lists of addresses, over and over; list what was looked up."""
    given: Iterator[list[str]] = cycle(answers)
    looked_up: list[str] = []

    def look_up(host: str, port: int, *_kind: Any) -> list[Any]:
        looked_up.append(host)
        families = [(socket.AF_INET6 if ":" in one else socket.AF_INET, one) for one in next(given)]
        return [(family, socket.SOCK_STREAM, 6, "", (one, port)) for family, one in families]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return looked_up


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "fd00::1"])
async def test_a_name_of_an_address_inside_leads_nowhere(
    monkeypatch: pytest.MonkeyPatch, made: list[Any], address: str
) -> None:
    resolving(monkeypatch, [address])
    assert BEYOND in (await asked("https://receiver.example/")).error
    assert made == []


async def test_a_good_address_is_found_among_others(monkeypatch: pytest.MonkeyPatch, made: list[Any]) -> None:
    resolving(monkeypatch, ["10.0.0.1", "2606:2800:220:1::1", "fd00::1"])
    await asked("https://receiver.example/")
    assert {family for family, *_ in made} == {socket.AF_INET6}


async def test_a_name_that_changes_its_meaning_is_looked_at_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """First a good address, then one inside, turn about: connections go where was looked, or are not made."""
    served: list[str] = []

    async def serve(request: web.Request) -> web.Response:
        served.append(str(request.remote))
        return web.Response(text="success", headers={"Connection": "close"})

    async with receiving(serve) as port:
        looked_up = resolving(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
        answers = [await asked(f"http://rebound.example:{port}/") for _ in range(10)]
    assert [answer.status for answer in answers] == [200, 0] * 5
    assert all(BEYOND in answer.error for answer in answers[1::2])
    assert (len(served), len(looked_up)) == (5, 10)


async def test_a_redirect_is_an_answer_and_nothing_more() -> None:
    asked_for: list[str] = []

    async def lead_away(request: web.Request) -> web.Response:
        asked_for.append(request.path)
        return web.Response(status=302, headers={"Location": "/inside"})

    async with receiving(lead_away) as port:
        answer = await asked(f"http://127.0.0.1:{port}/callback")
    assert (answer.status, answer.error, asked_for) == (302, "status 302", ["/callback"])


@asynccontextmanager
async def receiving(serve: Callable[[web.Request], Any]) -> AsyncIterator[int]:
    """Run a receiver on a free port of loopback."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    taken = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, taken).start()
    try:
        yield int(taken.getsockname()[1])
    finally:
        await runner.cleanup()
