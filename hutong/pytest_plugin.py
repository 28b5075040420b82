"""The pytest plugin: a gateway for the session, and an enterprise of its own for each test.

Rules of the file:
- pytest loads it in every project of an environment that Hutong is in: until a fixture is used it imports nothing but
  pytest, and pytest-asyncio where that is.
- The gateway is a process, so it belongs to no event loop; an enterprise's links belong to the loop of its test.
"""

from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import pytest

try:
    import pytest_asyncio
except ImportError:
    pytest_asyncio = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from hutong.testing import Enterprise, Hutong

LoopScope = Literal["function", "class", "module", "package", "session"]
ENTERPRISE: Final = pytest.StashKey["Enterprise"]()


@pytest.fixture(scope="session")
def hutong() -> "Iterator[Hutong]":
    """A gateway for this session, in memory: `url`, `control`, `clock`."""
    from hutong.child import NotStarted, serving
    from hutong.testing import Hutong

    with ExitStack() as running:
        try:
            child = running.enter_context(serving("--durability", "memory"))
        except NotStarted as why:
            pytest.fail(f"hutong: the gateway did not start: {why}", pytrace=False)
        yield Hutong(child)


@pytest.fixture
def enterprise(request: pytest.FixtureRequest) -> "Enterprise":
    """An enterprise of this test's own: `member`, `consumer`, and what an SDK needs: `corpid`, `secret`, `agent_id`."""
    if not request.config.pluginmanager.hasplugin("asyncio"):
        pytest.fail("the fixture `enterprise` needs pytest-asyncio: pip install 'hutong[pytest]'", pytrace=False)
    made: Enterprise = request.getfixturevalue(f"_enterprise_in_{_loop_scope(request)}_loop")
    return made


def _loop_scope(request: pytest.FixtureRequest) -> str:
    """Tell in which loop the test runs: links live in no other."""
    mark = request.node.get_closest_marker("asyncio")
    chosen = mark.kwargs.get("loop_scope") or mark.kwargs.get("scope") if mark is not None else None
    return str(chosen or request.config.getini("asyncio_default_test_loop_scope"))


def _living_in(loop_scope: LoopScope) -> Any:
    """Make the fixture that an enterprise in a loop of this scope is."""

    async def enterprise(hutong: "Hutong", request: pytest.FixtureRequest) -> "AsyncIterator[Enterprise]":
        from hutong.testing import Enterprise

        if ended := hutong.ended():
            pytest.fail(f"hutong: the gateway ended in an earlier test: {ended}", pytrace=False)
        async with Enterprise(hutong, request.node.name) as made:
            request.node.stash[ENTERPRISE] = made
            yield made

    return pytest_asyncio.fixture(loop_scope=loop_scope, name=f"_enterprise_in_{loop_scope}_loop")(enterprise)


if pytest_asyncio is not None:
    globals().update({f"_in_{loop_scope}_loop": _living_in(loop_scope) for loop_scope in get_args(LoopScope)})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: "pytest.CallInfo[Any]"
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failure what the gateway saw of the test."""
    report = yield
    made = item.stash.get(ENTERPRISE, None)
    if made is not None and report.failed and call.when == "call":
        report.sections += made.story()
    return report
