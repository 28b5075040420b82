"""What the link tests share: a gateway with a small town, on the server's event loop and on asyncio's own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from adapters.compose import Gateway, run
from tests.town import Town, build_town
from tests.wire import Wire


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run the link tests on both loops: they differ in when they call what."""
    if item.path.name.startswith("test_link"):
        return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """Run a gateway in this process, with every rule on and no disk."""
    async with run(None, profile_name="bench", durability="memory") as gateway:
        yield gateway
        Wire.drop_all()


@pytest.fixture
async def town(gateway: Gateway) -> Town:
    return await build_town(gateway.router, ["lin", "wu"], ["amy", "bo"], ["tea"])
