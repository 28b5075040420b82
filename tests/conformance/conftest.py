"""What these tests share: a gateway with a small town, on the server's loop and on asyncio's own; a receiver."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import uvloop

from adapters.compose import Gateway, run
from gateway import decide
from tests.conformance.changes import Change, change
from tests.conformance.receiver import Receiver, receiving
from tests.town import Town, build_town
from tests.wire import Wire


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run the tests of links, of TLS and of the proxy on both loops: they differ in when they call what."""
    if item.path.name.startswith(("test_link", "test_websocket", "test_tls", "test_proxy")):
        return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the link tests over TLS too: its transports differ in what they can, and in when they say what."""
    if metafunc.definition.path.name.startswith("test_link") and "gateway" in metafunc.fixturenames:
        metafunc.parametrize("gateway", ["plain", "tls"], indirect=True)


@pytest.fixture
async def gateway(request: pytest.FixtureRequest, folder_of_tls: Path) -> AsyncIterator[Gateway]:
    """Run a gateway in this process, with every rule on and no disk; whoever opens a `Wire` may come by TLS."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    tls_port = 0 if getattr(request, "param", "plain") == "tls" else None
    async with run(folder_of_tls, profile_name="bench", durability="memory", tls_port=tls_port) as gateway:
        if gateway.authority is not None and gateway.listener.tls_port is not None:
            context = ssl.create_default_context(cafile=gateway.authority.file)
            Wire.secured[gateway.listener.port] = gateway.listener.tls_port, context
        yield gateway
        Wire.drop_all()
        Wire.secured.clear()
    assert told == []  # what a transport catches, it tells nobody else


@pytest.fixture(scope="session")
def folder_of_tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture
async def town(gateway: Gateway) -> Town:
    return await build_town(gateway.router, ["lin", "wu"], ["amy", "bo"], ["tea"])


@pytest.fixture
def changes_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a `Change` be asked for."""
    monkeypatch.setitem(decide.SERVICE_HANDLERS, Change, change)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Listen for callbacks."""
    async with receiving() as one:
        yield one
