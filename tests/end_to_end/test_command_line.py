"""The command as a person starts it: a process of its own, from a checkout and from an installed wheel."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROBE = "import hutong.__main__ as it; it.open_server(); import protocol.codec; print(protocol.codec.__file__)"


def python(*arguments: str, folder: Path, path: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run Python in a folder, with one entry put before the installed packages."""
    environment = {} if path is None else {"PYTHONPATH": str(path)}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Make a project of somebody else's that has packages by the names of ours."""
    for name in ("adapters", "gateway", "protocol"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise RuntimeError('{name} of somebody else')\n")
    return tmp_path


def test_checkout_finds_its_server_from_a_foreign_folder(foreign: Path) -> None:
    done = python("-c", PROBE, folder=foreign)
    assert (done.stdout.strip(), done.stderr) == (str(ROOT / "protocol" / "codec.py"), "")


def test_wheel_finds_its_server_from_a_foreign_folder(installed: Path, foreign: Path) -> None:
    done = python("-c", PROBE, folder=foreign, path=installed)
    assert (done.stdout.strip(), done.stderr) == (str(installed / "hutong" / "server" / "protocol" / "codec.py"), "")


def test_wheel_claims_no_name_but_its_own(installed: Path) -> None:
    names = {entry.name for entry in installed.iterdir() if not entry.name.endswith(".dist-info")}
    assert names - {"bin"} == {"hutong"}


def test_wheel_carries_whole_packages(installed: Path) -> None:
    server = installed / "hutong" / "server"
    for name in ("adapters", "gateway", "protocol"):
        carried = {file.relative_to(server) for file in (server / name).rglob("*") if file.suffix in {".py", ".toml"}}
        here = {file.relative_to(ROOT) for file in (ROOT / name).rglob("*") if file.suffix in {".py", ".toml"}}
        assert carried == here


def test_version_is_told_on_standard_output(installed: Path, foreign: Path) -> None:
    done = python("-m", "hutong", "version", folder=foreign, path=installed)
    assert (done.returncode, done.stdout[0].isdigit(), done.stderr) == (0, True, "")


def test_misspelt_option_ends_with_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = python("-m", "hutong", "serve", "--prot", "1", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "hutong: Unknown option: --prot. Did you mean --port? See hutong serve --help\n"


def test_version_loads_no_heavy_library(tmp_path: Path) -> None:
    done = python("-X", "importtime", "-m", "hutong", "version", folder=tmp_path)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "cyclopts" in loaded
    assert not loaded & {"aiohttp", "aiomqtt", "apsw", "asyncio", "cryptography", "msgspec", "rich", "structlog"}
