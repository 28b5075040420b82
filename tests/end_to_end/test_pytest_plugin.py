"""The pytest plugin in a project of somebody else's: the wheel, no settings, and packages there by names of ours."""

import os
import re
import select
import subprocess
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WITHIN_S = 120
NAMES = ("adapters", "gateway", "protocol")
LEFT_OUT = ("cacheprovider", "schemathesis", "hypothesispytest", "anyio")  # plugins that only take time here
PLUGINS = [word for name in LEFT_OUT for word in ("-p", f"no:{name}")]

Project = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def python(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment that has the wheel, and from ours what the wheel needs, but not this checkout."""
    folder = tmp_path_factory.mktemp("foreign") / "venv"
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text(f"{installed}\n{sysconfig.get_paths()['purelib']}\n")
    return folder / "bin" / "python"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a project with packages of its own that are called as ours are, and with no settings."""
    for name in NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("WHOSE = 'theirs'\n")
    (tmp_path / "structlog.py").write_text("raise RuntimeError('not for the gateway')\n")
    (tmp_path / "test_names.py").write_text(
        f"import sys, pathlib, hutong, {', '.join(NAMES)}\n"
        "def test_the_project_has_its_own():\n"
        f"    assert [sys.modules[name].WHOSE for name in {NAMES}] == ['theirs'] * 3\n"
        "    assert (pathlib.Path(hutong.__file__).parent / 'server').is_dir()\n"
        "    assert not [name for name in sys.modules if name.startswith('hutong.server')]\n"
    )
    return tmp_path


@pytest.fixture
def project(python: Path, folder: Path) -> Project:
    """Give what runs pytest on tests in the project."""

    def run(tests: str, *options: str, path: str = "") -> "subprocess.CompletedProcess[str]":
        (folder / "test_it.py").write_text(tests)
        return subprocess.run(
            [str(python), "-m", "pytest", *PLUGINS, *options],
            cwd=folder,
            env=environment(path),
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN_S,
        )

    return run


def environment(path: str = "") -> dict[str, str]:
    """Keep from the project what this pytest tells its own children."""
    return {"PATH": os.environ["PATH"], **({"PYTHONPATH": path} if path else {})}


def passed(done: "subprocess.CompletedProcess[str]") -> int:
    """Check that a run was green, and count its tests."""
    assert done.returncode == 0, done.stdout + done.stderr
    (count,) = re.findall(r"(\d+) passed", done.stdout)
    return int(count)


def first_test_in(document: str) -> str:
    """Give the first block of Python with a test in it."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / document).read_text(), re.DOTALL | re.MULTILINE)
    return next(str(block) for block in blocks if "def test_" in block)


def test_the_example_of_the_readme_works_as_written(project: Project) -> None:
    example = first_test_in("README.md")
    assert "@pytest.mark.asyncio" in example
    assert len(example.splitlines()) <= 24
    assert passed(project(example)) == 2
    assert first_test_in("README.zh.md") == example


MODES = {
    "strict": (),
    "auto": ("-o", "asyncio_mode=auto"),
    "tests share the session's loop": ("-o", "asyncio_default_test_loop_scope=session"),
    "fixtures default to the session's loop": ("-o", "asyncio_default_fixture_loop_scope=session"),
}
CHAT = """
import pytest
{mark}
async def test_a_customer_is_answered(enterprise):
    member = await enterprise.member("zhangsan")
    customer = await enterprise.consumer("amy")
    await customer.adds(member)
    await customer.says("is it in stock?").to(member)
    await member.hears("is it in stock?")
{mark}
async def test_another_enterprise_knows_nobody(enterprise):
    assert await enterprise.hutong.control.people(corpid=enterprise.corpid) == []
"""


@pytest.mark.parametrize("options", MODES.values(), ids=MODES)
def test_it_lives_in_whatever_loop_a_test_has(project: Project, options: tuple[str, ...]) -> None:
    mark = "" if "asyncio_mode=auto" in options else "@pytest.mark.asyncio"
    assert passed(project(CHAT.format(mark=mark), *options)) == 3


def test_a_mark_may_choose_the_loop(project: Project) -> None:
    assert passed(project(CHAT.format(mark="@pytest.mark.asyncio(loop_scope='module')"))) == 3


def test_each_worker_of_xdist_has_a_gateway(project: Project, folder: Path) -> None:
    tests = """
import os, pathlib, pytest
@pytest.mark.parametrize("number", range(4))
def test_where(hutong, number):
    pathlib.Path(os.environ["PYTEST_XDIST_WORKER"] + ".url").write_text(hutong.url)
"""
    assert passed(project(tests, "-n", "2")) == 5
    urls = [file.read_text() for file in folder.glob("*.url")]
    assert len(set(urls)) == 2


def test_a_suite_that_uses_no_fixture_pays_nothing(project: Project) -> None:
    tests = """
import sys
def test_nothing_is_loaded():
    assert sorted(name for name in sys.modules if name.startswith("hutong")) == ["hutong", "hutong.pytest_plugin"]
"""
    assert passed(project(tests)) == 2


BROKEN = """
import asyncio, os, pytest
pytestmark = pytest.mark.asyncio

@pytest.fixture
def shop(enterprise):
    return enterprise

async def people(enterprise):
    member = await enterprise.member("zhangsan")
    customer = await enterprise.consumer("amy")
    await customer.adds(member)
    return member, customer

async def test_unknown(shop):
    await (await shop.consumer("amy")).says("hi").to("lisi")

async def test_refused(shop):
    member, customer = await people(shop)
    await customer.says("one word").to(member)
    await customer.blocks(member)
    await member.says("hi").to(customer)

async def test_too_much(shop):
    member, customer = await people(shop)
    for number in range(30):
        await member.says(f"offer {number}").to(customer)

async def test_never_heard(shop):
    member, customer = await people(shop)
    await member.says("no").to(customer)
    await customer.hears("yes", within_s=0.1)

async def test_killed(hutong, shop):
    member, customer = await people(shop)
    os.kill(hutong.child.process.pid, 9)
    await member.says("hi").to(customer)

async def test_afterwards(shop):
    pass
"""


@pytest.fixture(scope="module")
def report_of() -> Callable[[str, str], str]:
    """Cut out of a run's output what it says of one test."""

    def cut(told: str, name: str) -> str:
        return re.split(r"^_{3,} .*? _{3,}$", told.partition(f" {name} __")[2], maxsplit=1, flags=re.MULTILINE)[0]

    return cut


def test_a_failure_says_what_the_gateway_saw(project: Project, report_of: Callable[[str, str], str]) -> None:
    told = project(BROKEN, "-p", "no:xdist").stdout
    assert "5 failed, 1 passed, 1 error" in told
    assert "site-packages" not in told and "hutong/testing/" not in told

    assert "E       LookupError: amy-1 has no conversation with lisi" in report_of(told, "test_unknown")

    refused = report_of(told, "test_refused")
    assert '>       await member.says("hi").to(customer)' in refused
    assert "E       hutong.wire.Refused: blocked (910501): the other side has blocked you [consent/blocked]" in refused
    assert re.search(r"hutong: recent messages -+\n(.*\n)*\S+  amy-2 in \S+ #1: one word\n", refused)
    assert re.search(r"zhangsan in \S+: Send refused, blocked \[consent/blocked\]\n", refused)

    too_much = report_of(told, "test_too_much")
    assert "[frequency/member/conversation/minute]" in too_much
    assert re.search(r"E +try again at 20\d\d-\d\d-\d\d \d\d:\d\d:00 \(UTC\+8\)\n", too_much)
    assert too_much.count(": offer ") in (18, 20)

    never = report_of(told, "test_never_heard")
    assert "E       AssertionError: amy-4 did not hear 'yes' within 0.1 s. Came:" in never
    assert "E         zhangsan: no\n" in never

    killed = report_of(told, "test_killed")
    assert "hutong: the gateway has ended" in killed and "exit code -9" in killed
    assert "the gateway ended in an earlier test: exit code -9" in report_of(told, "test_afterwards")


def test_without_pytest_asyncio_it_says_what_to_install(project: Project, folder: Path) -> None:
    (folder / "missing").mkdir()
    (folder / "missing" / "pytest_asyncio.py").write_text("raise ImportError\n")
    tests = """
def test_without_fixtures(): pass
def test_the_gateway_alone(hutong): assert hutong.url
async def test_with(enterprise): pass
"""
    done = project(tests, "-p", "no:asyncio", path=str(folder / "missing"))
    assert "3 passed, 1 error" in done.stdout
    assert "\nthe fixture `enterprise` needs pytest-asyncio: pip install 'hutong[pytest]'\n" in done.stdout


def test_a_gateway_that_does_not_start_says_why(project: Project, folder: Path) -> None:
    (folder / "broken").mkdir()
    (folder / "broken" / "apsw.py").write_text("raise ImportError('of another machine')\n")
    told = project("def test_it(hutong): pass", path=str(folder / "broken")).stdout
    assert "\nhutong: the gateway did not start: ImportError: of another machine\n" in told
    assert "site-packages" not in told


LINGER = """
import os, pathlib, time
def test_where(hutong):
    pathlib.Path("pid").write_text(str(hutong.child.process.pid))
    print("waits", flush=True)
    {then}
"""


def test_the_gateway_ends_with_the_session(project: Project, folder: Path) -> None:
    assert passed(project(LINGER.format(then=""))) == 2
    with pytest.raises(ProcessLookupError):
        os.kill(int((folder / "pid").read_text()), 0)


def test_the_gateway_ends_when_pytest_is_killed(python: Path, folder: Path) -> None:
    (folder / "test_it.py").write_text(LINGER.format(then="time.sleep(600)"))
    process = subprocess.Popen(
        [str(python), "-m", "pytest", *PLUGINS, "-s", "test_it.py"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        assert any("waits" in line for line in process.stdout)
        gateway = os.pidfd_open(int((folder / "pid").read_text()))
        process.kill()
    ended, _, _ = select.select([gateway], [], [], WITHIN_S)
    os.close(gateway)
    assert ended
