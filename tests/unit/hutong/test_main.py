"""The command line: what is typed, set or written becomes the call of the server, or one line and exit code 2."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import adapters
from hutong.__main__ import main, server_folder

DEFAULTS: dict[str, Any] = {
    "world": None,
    "snapshot": None,
    "data": Path("hutong-data"),
    "port": 8480,
    "tls": False,
    "proxy": False,
    "callbacks_anywhere": False,
    "profile": None,
    "mqtt": "off",
    "mqtt_trusted": None,
    "durability": "disk",
    "json": False,
    "strict": None,
}

Run = Callable[..., int]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of ours, and a path that the server's folder may be put on."""
    for name in [name for name in os.environ if name.startswith("HUTONG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Put a server in the place of the real one, and give the list of what it was called with."""
    calls: list[Any] = []

    def serve(**options: Any) -> int:
        calls.append(options)
        return 0

    def checkpoint(data: Path) -> int:
        calls.append(data)
        return 7

    fake = ModuleType("adapters.cli")
    vars(fake).update(serve=serve, checkpoint=checkpoint)
    monkeypatch.setitem(sys.modules, "adapters.cli", fake)
    monkeypatch.setattr(adapters, "cli", fake, raising=False)
    return calls


def run(*arguments: str) -> int:
    """Run the command line as the shell would, and give its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int | None)
    return ended.value.code or 0


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Give the one line that a refused command line ends with."""
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("hutong: ")
    assert err.count("\n") == 1
    return err.strip()


def test_server_lies_inside_an_installed_package(tmp_path: Path) -> None:
    (tmp_path / "hutong" / "server").mkdir(parents=True)
    assert server_folder(tmp_path / "hutong") == tmp_path / "hutong" / "server"


def test_server_lies_beside_the_package_in_a_checkout(tmp_path: Path) -> None:
    assert server_folder(tmp_path / "hutong") == tmp_path


def test_serve_puts_the_servers_folder_first_on_the_path(served: list[Any], tmp_path: Path) -> None:
    sys.path.insert(0, str(tmp_path))
    assert run("serve") == 0
    assert Path(sys.path[0]) == Path(adapters.__file__).parent.parent


def test_serve_without_options_takes_the_defaults(served: list[Any]) -> None:
    assert run("serve") == 0
    assert served == [DEFAULTS]


def test_serve_takes_every_option(served: list[Any]) -> None:
    line = "--world demo --data d --port 0 --profile tiny --mqtt mqtt://127.0.0.1:1884 --durability memory --json"
    line = "--world demo --data d --port 0 --profile tiny --mqtt mqtt://127.0.0.1:1884 --durability memory --json"
    line += " --strict app_range,trusted_ip --snapshot base --tls --proxy --callbacks-anywhere"
    assert run("serve", *line.split()) == 0
    assert served == [
        {
            "world": "demo",
            "snapshot": "base",
            "data": Path("d"),
            "port": 0,
            "tls": True,
            "proxy": True,
            "callbacks_anywhere": True,
            "profile": "tiny",
            "mqtt": "mqtt://127.0.0.1:1884",
            "mqtt_trusted": None,
            "durability": "memory",
            "json": True,
            "strict": "app_range,trusted_ip",
        }
    ]


def test_serves_exit_code_is_the_commands(served: list[Any]) -> None:
    assert run("checkpoint", "d") == 7
    assert served == [Path("d")]


@pytest.mark.parametrize(
    ("flag", "variable", "key", "port"),
    [
        pytest.param("1", "2", "port = 3", 1, id="option first"),
        pytest.param(None, "2", "port = 3", 2, id="then environment"),
        pytest.param(None, "", "port = 3", 3, id="then file"),
        pytest.param(None, None, "", 8480, id="then default"),
    ],
)
def test_precedence(
    served: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    flag: str | None,
    variable: str | None,
    key: str,
    port: int,
) -> None:
    file = tmp_path / "hutong.toml"
    file.write_text(key)
    if variable is not None:
        monkeypatch.setenv("HUTONG_PORT", variable)
    options = [] if flag is None else ["--port", flag]
    assert run("serve", "--config", str(file), *options) == 0
    assert served == [{**DEFAULTS, "port": port}]


def test_environment_names_the_file_and_spells_values(
    served: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "hutong.toml"
    file.write_text('profile = "tiny"')
    monkeypatch.setenv("HUTONG_CONFIG", str(file))
    monkeypatch.setenv("HUTONG_JSON", "true")
    monkeypatch.setenv("HUTONG_URL", "http://127.0.0.1:1")  # of other commands
    assert run("serve") == 0
    assert served == [{**DEFAULTS, "profile": "tiny", "json": True}]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("serve --prot 1", "Did you mean --port?"),
        ("serv", 'Did you mean "serve"?'),
        ("nonsense", "nonsense"),
        ("serve extra", "extra"),
        ("serve --port", "--port"),
        ("serve --port abc", "--port"),
        ("serve --port 65536", "--port is 65536: it takes a number from 0 to 65535."),
        ("serve --durability ram", '"disk", "memory"'),
        ("serve --mqtt http://127.0.0.1", "it takes off, demo or mqtt://HOST:PORT, the port from 1 to 65535."),
        ("serve --mqtt mqtt://127.0.0.1:99999", "the port from 1 to 65535."),
        ("serve --mqtt mqtt://127.0.0.1:0", "the port from 1 to 65535."),
        ("nonsense", "See hutong --help"),
        ("clock advance", "See hutong clock advance --help"),
        ("clock advance 99999d", "99999d is too far: the longest step is 7320d."),
        ("tail --nosuch", "See hutong tail --help"),
        ("serve --data=", "it takes a folder."),
        ("serve --strict app_range,ip", "it takes trusted_ip, app_range, secret_by_ability and verified_callback,"),
        ("serve --config absent.toml", "cannot read the configuration absent.toml: No such file or directory."),
        ("checkpoint", "DATA"),
        ("version --jsn", "Did you mean --json?"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_2(
    served: list[Any], capsys: pytest.CaptureFixture[str], line: str, says: str
) -> None:
    assert says in refusal(capsys, *line.split())
    assert served == []


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("HUTONG_PROT", "1", "unknown variable HUTONG_PROT in the environment. Did you mean HUTONG_PORT?"),
        ("HUTONG_PORT", "abc", "HUTONG_PORT is 'abc': it takes a number from 0 to 65535."),
        ("HUTONG_DURABILITY", "ram", "HUTONG_DURABILITY is 'ram': it takes disk or memory."),
        ("HUTONG_JSON", "perhaps", "it takes true or false."),
        ("HUTONG_MQTT", "mqtt://me:pass@h:0", "HUTONG_MQTT is '***@h:0': it takes off, demo or mqtt://"),
        ("HUTONG_MQTT", "mqtt://u:pa/ss@h", "HUTONG_MQTT is '***@h': it takes off, demo or mqtt://"),
        ("HUTONG_MQTT", "mqtt://u:my 'pass@h", 'HUTONG_MQTT is "***@h": it takes off, demo or mqtt://'),
        ("HUTONG_MQTT", "me:pass@h", "HUTONG_MQTT is '***@h': it takes off, demo or mqtt://"),
        ("HUTONG_XYZZY", "1", "Known are HUTONG_CALLBACKS_ANYWHERE, HUTONG_CONFIG,"),
    ],
)
def test_a_variable_that_cannot_be_is_refused(
    served: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    value: str,
    says: str,
) -> None:
    monkeypatch.setenv(variable, value)
    assert says in refusal(capsys, "serve")
    assert served == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"prot = 1", "Did you mean port?"),
        (b"config = 'x'", "unknown key config"),
        (b"[server]\nport = 1", "unknown key server"),
        (b"port = '1'", "it takes a number from 0 to 65535."),
        (b"port = true", "it takes a number from 0 to 65535."),
        (b"port = ", "is not TOML"),
        (b"\xff", "it is not UTF-8."),
    ],
)
def test_a_file_that_cannot_be_is_refused(
    served: list[Any], capsys: pytest.CaptureFixture[str], tmp_path: Path, text: bytes, says: str
) -> None:
    file = tmp_path / "hutong.toml"
    file.write_bytes(text)
    line = refusal(capsys, "serve", "--config", str(file))
    assert says in line
    assert "hutong.toml" in line
    assert served == []


def test_version_is_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("version") == 0
    plain, talk = capsys.readouterr()
    assert run("version", "--json") == 0
    assert capsys.readouterr().out == f'{{"version": "{plain.strip()}"}}\n'
    assert plain[0].isdigit()
    assert talk == ""


def test_help_has_no_boxes_and_hides_the_child(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    text = capsys.readouterr().out
    assert "serve:" in text
    assert "checkpoint" not in text
    assert text.isascii()
