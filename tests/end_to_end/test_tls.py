"""`serve --tls` as a process: what it makes on first use, what it keeps, and what it refuses to start with."""

import json
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.end_to_end.test_serve import BROKEN, ROOT, left, refused, serving


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "new" / "data"


def curl(server_urls: dict[str, str], path: str, *options: str) -> str:
    command = ("curl", "--silent", "--show-error", "--fail", "--cacert", server_urls["ca_file"], *options)
    return subprocess.run(
        (*command, server_urls["tls_url"] + path), capture_output=True, text=True, check=True, timeout=30
    ).stdout


def test_curl_and_python_come_by_tls_and_a_second_start_keeps_the_authority(data: Path) -> None:
    with serving("--data", str(data), "--tls", "--world", "demo") as server:
        urls = server.urls
        assert curl(urls, "/readyz") == "ok\n"
        told = json.loads(curl(urls, "/cgi-bin/gettoken?corpid=wwlanhe&corpsecret=secret-of-wwlanhe"))
        assert told["errcode"] == 0
        assert json.loads(curl(urls, "/_hutong/env"))["tls_url"] == urls["tls_url"]
        first = Path(urls["ca_file"]).read_bytes()
        assert server.stop()[0] == 0
    with serving("--data", str(data), "--tls") as server:
        assert Path(server.urls["ca_file"]).read_bytes() == first
        context = ssl.create_default_context(cadata=first.decode())
        with urlopen(f"{server.urls['tls_url']}/readyz", context=context) as answer:  # noqa: S310 - our own address
            assert answer.read() == b"ok\n"
        code, said = server.stop()
    assert code == 0
    assert [json.loads(line)["event"] for line in said.splitlines()] == ["started", "stopping", "stopped"]


def test_without_the_option_there_is_no_authority(data: Path) -> None:
    with serving("--data", str(data)) as server:
        assert (server.urls["tls_url"], server.urls["ca_file"]) == (None, None)
        assert not (data / "tls").exists()


def test_port_that_there_is_none_behind_leaves_nothing(data: Path) -> None:
    code, line = refused("--data", str(data), "--tls", "--port", "65535")
    assert (code, "port 65536" in line, left(data)) == (1, True, False)


def test_start_that_fails_leaves_no_authority(data: Path, tmp_path: Path) -> None:
    (tmp_path / "world.toml").write_text(BROKEN)
    code, _ = refused("--data", str(data), "--tls", "--world", str(tmp_path / "world.toml"))
    assert (code, left(data)) == (1, False)
    with serving("--data", str(data), "--tls", "--world", "demo", file_bytes_max=64 * 1024) as server:
        code, said = server.ended()
    assert (server.line, code, left(data)) == ("", 1, False), said


def test_key_that_others_may_read_is_one_line_and_begins_no_world(data: Path) -> None:
    (data / "tls").mkdir(parents=True)
    (data / "tls").chmod(0o755)
    code, line = refused("--data", str(data), "--tls")
    assert (code, "is open to others (mode 755)" in line) == (1, True)
    assert sorted(path.name for path in data.rglob("*")) == ["tls"]


def test_world_in_memory_keeps_its_authority_where_clients_can_read_it(data: Path) -> None:
    options = ("--data", str(data), "--tls", "--durability", "memory")
    with serving(*options) as server, serving(*options) as other:
        assert server.urls["ca_file"] == other.urls["ca_file"] == str(data / "tls" / "ca.pem")
        assert curl(server.urls, "/readyz") == curl(other.urls, "/readyz") == "ok\n"
    assert sorted(path.name for path in data.rglob("*")) == ["ca.key", "ca.pem", "tls"]


def test_door_goes_on_when_there_is_room_for_connections_again(data: Path) -> None:
    """Where the system gives no more sockets the door waits, says so, and opens again."""
    limited = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); \
os.execv(sys.executable, [sys.executable, '-m', 'hutong', *sys.argv[1:]])"
    command = [sys.executable, "-c", limited, "serve", "--json", "--data", str(data), "--port", "0", "--tls"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            urls = json.loads(process.stdout.readline())
            port = int(urls["tls_url"].rpartition(":")[2])
            silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(80)]
            assert any('"not_accepted"' in line for line in process.stderr)
            for one in silent:
                one.close()
            assert curl(urls, "/readyz", "--retry", "20", "--retry-all-errors", "--retry-delay", "1") == "ok\n"
        finally:
            process.kill()
