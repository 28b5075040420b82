"""`serve` as a process: what it says when it is ready, what it leaves behind when it cannot be, how it ends."""

import http.client
import json
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from hutong.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 30.0
BROKEN = 'version = 1\n[[corp]]\ncorpid = "ww1"\nname = "x"\n[[corp.code]]\nmember = "lin"\n'


# Starts a program whose files cannot grow over a bound: what a full disk does.
BOUNDED = "import os, resource, sys; most = int(sys.argv[1]); resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)); \
os.execv(sys.argv[2], sys.argv[2:])"


def command(*arguments: str, file_bytes_max: int = 0) -> list[str]:
    """Give the command line of a server, on a free port if none is named."""
    port = () if "--port" in arguments else ("--port", "0")
    first = (sys.executable, "-c", BOUNDED, str(file_bytes_max)) if file_bytes_max else ()
    return [*first, sys.executable, "-m", "hutong", "serve", *port, *arguments]


def refused(*arguments: str) -> tuple[int, str]:
    """Run a server that cannot be; give its exit code and what it said, which is one line."""
    done = subprocess.run(
        command(*arguments), cwd=ROOT, capture_output=True, text=True, check=False, timeout=WAIT_S
    )  # fmt: skip
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("hutong: ")
    return done.returncode, line


class Server:
    """A server that runs."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        assert process.stdout is not None
        self.line = process.stdout.readline()
        self.urls: dict[str, Any] = json.loads(self.line) if self.line.startswith("{") else {}
        self.port = int(self.urls["base_url"].rpartition(":")[2]) if self.urls else 0

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, str]:
        """Give status and text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Ask control for something that it does."""
        status, text = self.ask(method, f"/_hutong{path}", body)
        assert status == 200, text
        return json.loads(text)

    def stop(self, name: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Ask it to end; give its exit code and what it said on standard error."""
        self.process.send_signal(name)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        _, said = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, said


@contextmanager
def serving(*arguments: str, file_bytes_max: int = 0) -> Iterator[Server]:
    with subprocess.Popen(
        command("--json", *arguments, file_bytes_max=file_bytes_max),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "new" / "data"


def left(data: Path) -> bool:
    """Tell whether anything was left behind where nothing was before."""
    return data.parent.exists()


def test_ready_line_names_every_address(data: Path) -> None:
    with serving("--data", str(data)) as server:
        base = server.urls["base_url"]
        assert server.urls == {
            "base_url": base, "ws_url": base.replace("http", "ws") + "/ws",
            "bots_url": base.replace("http", "ws") + "/_hutong/aibot", "mqtt_url": None,
            "control_url": f"{base}/_hutong", "tls_url": None, "proxy_url": None, "ca_file": None,
        }  # fmt: skip
        assert server.ask("GET", "/readyz") == (200, "ok\n")
        code, said = server.stop()
    assert code == 0
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line["event"] for line in lines] == ["started", "stopping", "stopped"]
    assert all(line["time"] and line["clock"] for line in lines)


def test_nobody_else_may_read_what_is_kept(data: Path) -> None:
    """Journal and snapshots hold apps' secrets and what people say, also in a folder that others may look into."""
    data.mkdir(0o755, parents=True)
    data.chmod(0o755)
    with serving("--data", str(data), "--world", "demo", "--tls") as server:
        server.call("POST", "/snapshots/base")
        kept = {path: path.stat().st_mode & 0o077 for path in data.rglob("*")}
        assert {path: mode for path, mode in kept.items() if mode} == {}
        assert {path.name for path in kept} >= {"journal.sqlite", "keys.json", "ca.key", "base.snapshot"}, kept
        assert server.stop()[0] == 0


@pytest.mark.parametrize(("hard", "says"), [(300, "this process may open 300 files"), (5000, None)])
def test_it_opens_as_many_files_as_it_may_and_says_when_they_are_few(data: Path, hard: int, says: str | None) -> None:
    limited = ("sh", "-c", f'ulimit -Sn 200; ulimit -Hn {hard}; exec "$@"', "sh")
    with subprocess.Popen(
        [*limited, *command("--data", str(data))],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stdout.readline()
        assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE) == (hard, hard)
        process.send_signal(signal.SIGTERM)
        _, talk = process.communicate(timeout=WAIT_S)
    told = [line for line in talk.splitlines() if line.startswith("hutong: ")]
    assert len(told) == (says is not None) and (says or "") in "".join(told)


def test_ready_line_for_people(data: Path) -> None:
    with subprocess.Popen(
        command("--data", str(data)), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("hutong is ready on http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_S) == 0


def test_ready_line_for_people_names_the_broker(data: Path) -> None:
    options = ("--data", str(data), "--mqtt", "demo")
    with subprocess.Popen(
        command(*options), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert re.fullmatch(r"hutong is ready on http://127.0.0.1:\d+ with a broker on mqtt://127.0.0.1:\d+\n", line)
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == ""
        assert process.wait(WAIT_S) == 0


def test_world_and_profile_are_for_an_empty_journal_only(data: Path) -> None:
    with serving("--data", str(data), "--world", "demo", "--profile", "tiny") as server:
        assert len(server.call("GET", "/corps")["corps"]) == 3
        assert server.call("GET", "/profile")["name"] == "tiny"
        server.call("PUT", "/consumers/amy", {"nickname": "Amy"})
        assert "not applied" not in server.stop()[1]
    with serving("--data", str(data), "--world", "nowhere.toml", "--profile", "bench") as server:
        assert server.call("GET", "/people/amy")["name"] == "Amy"
        assert server.call("GET", "/profile")["name"] == "tiny"
        code, said = server.stop()
    assert code == 0
    told = f"hutong: {data} holds a world already: --world, --snapshot, --profile and --strict were not applied"
    assert told in said.splitlines()
    with serving("--data", str(data)) as server:
        assert "not applied" not in server.stop()[1]


def test_world_file_names_its_profile(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "world.toml"
    file.write_text('version = 1\nprofile = "wecom-2018-11"\n[[consumer]]\nid = "amy"\n')
    with serving("--data", str(data), "--world", str(file)) as server:
        assert server.call("GET", "/profile")["name"] == "wecom-2018-11"
        assert server.call("GET", "/people/amy")["kind"] == "consumer"


def test_unknown_profile_is_a_usage_error(data: Path) -> None:
    code, said = refused("--data", str(data), "--profile", "wecom-2018")
    assert (code, "did you mean wecom-2018-11?" in said, left(data)) == (2, True, False)


@pytest.mark.parametrize(
    ("text", "said"),
    [(BROKEN, "there is no member 'lin' (at corp[0].code[0].member)"), ("nope", "not TOML"), (None, "cannot be read")],
)
def test_broken_world_file_leaves_nothing(data: Path, tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "world.toml"
    if text is not None:
        file.write_text(text)
    code, line = refused("--data", str(data), "--world", str(file))
    assert (code, str(file) in line, said in line, left(data)) == (1, True, True, False), line


def test_taken_port_leaves_nothing(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, line = refused("--data", str(data), "--port", port)
    assert (code, port in line, "--port" in line, left(data)) == (1, True, True, False)


def test_unreachable_broker_leaves_nothing(data: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers there
        port = reserved.getsockname()[1]
        code, line = refused("--data", str(data), "--mqtt", f"mqtt://127.0.0.1:{port}")
    assert (code, str(port) in line, "start it" in line, left(data)) == (1, True, True, False)


def test_full_disk_at_the_start_leaves_nothing(data: Path) -> None:
    with serving("--data", str(data), "--world", "demo", file_bytes_max=64 * 1024) as server:
        code, said = server.ended()
    assert (server.line, code, left(data)) == ("", 1, False), said
    assert said.splitlines()[-1].startswith("hutong: ")


def test_locked_journal_is_one_line(data: Path) -> None:
    with serving("--data", str(data)) as server:
        code, line = refused("--data", str(data))
        assert (code, "in use by another Hutong" in line) == (1, True)
        assert server.call("GET", "/corps") == {"corps": []}


def test_demo_broker_is_named_and_ends_with_its_server(data: Path) -> None:
    with serving("--data", str(data), "--mqtt", "demo") as server:
        port = int(server.urls["mqtt_url"].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), WAIT_S):
            pass
        assert server.call("GET", "/env")["mqtt_url"] == server.urls["mqtt_url"]
        assert server.stop()[0] == 0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), WAIT_S)


def test_disk_that_fails_ends_the_process_and_loses_nothing(data: Path) -> None:
    taken = []
    with serving("--data", str(data), file_bytes_max=400_000) as server:
        try:
            for number in range(10_000):
                server.call("PUT", f"/consumers/c{number}", {"nickname": "x" * 200})
                taken.append(f"c{number}")
        except (http.client.HTTPException, ConnectionError):
            pass
        code, said = server.ended()
    assert (code, len(taken) > 10) == (1, True)
    last = said.splitlines()[-1]
    assert last.startswith("hutong: the journal could not be written") and "what was acknowledged is on disk" in last
    with serving("--data", str(data)) as server:
        there = {person["person"] for person in server.call("GET", "/people?limit=1000")["people"]}
        assert there >= set(taken)
        assert server.stop()[0] == 0


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_ends_it_at_once(data: Path, name: signal.Signals) -> None:
    """A link that does not answer its close holds up the stop for a moment; the second signal does not wait for it."""
    with serving("--data", str(data), "--world", "demo") as server:
        (token,) = server.call("POST", "/tokens", {"people": ["an.zhao"]})["tokens"]
        port = server.port
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as deaf:
            deaf.sendall(
                f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                f"Sec-WebSocket-Protocol: hutong.v1.json\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
            )
            assert deaf.recv(12) == b"HTTP/1.1 101"
            server.process.send_signal(name)
            assert server.process.stderr is not None
            while '"stopping"' not in server.process.stderr.readline():
                pass
            server.process.send_signal(name)
            assert server.process.wait(WAIT_S) == -name
    with serving("--data", str(data)) as server:
        assert len(server.call("GET", "/corps")["corps"]) == 3


def test_peer_that_breaks_off_or_talks_nonsense_is_no_defect(data: Path) -> None:
    with serving("--data", str(data)) as server:
        head = b"POST /_hutong/tokens HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        for more in (b"Content-Length: 99\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc"):
            with socket.create_connection(("127.0.0.1", server.port), WAIT_S) as peer:
                peer.sendall(head + more)
        with socket.create_connection(("127.0.0.1", server.port), WAIT_S) as peer:
            peer.sendall(b"GET / HTTP/1.1\r\nAuthorization\x00: a-secret\r\n\r\n")
            assert b" 400 " in peer.recv(64)
        assert server.call("GET", "/corps") == {"corps": []}
        code, said = server.stop()
    events = [json.loads(line)["event"] for line in said.splitlines()]
    assert (code, events) == (0, ["started", "request_refused", "stopping", "stopped"])
    assert "a-secret" not in said


def test_secrets_stay_out_of_the_log(data: Path) -> None:
    secrets = ["a-secret-of-an-app", "a body that nobody else may read"]
    with serving("--data", str(data), "--world", "demo") as server:
        server.call("PUT", "/corps/wwlanhe/apps/7", {"name": "x", "secret": secrets[0]})
        secrets += server.call("POST", "/tokens", {"people": ["an.zhao"]})["tokens"]
        secrets.append(server.call("POST", "/tickets", {"token": secrets[-1]})["ticket"])
        assert server.ask("POST", "/_hutong/clock", {secrets[1]: 1})[0] == 422
        assert server.ask("POST", "/_hutong/tickets", {"token": secrets[2] + "x"})[0] == 422
        assert server.ask("GET", "/ws", Authorization=f"Bearer {secrets[2]}x")[0] == 401
        assert server.ask("GET", "/ws?ticket=" + secrets[3])[0] == 400
        code, said = server.stop()
    assert (code, said.count("link_refused")) == (0, 2)
    assert not [secret for secret in secrets if secret in said]


def addresses_listened_on(pid: int) -> set[str]:
    """Give the addresses that a process and its children listen on, as the kernel tells them."""
    pids = [pid]
    for one in pids:
        pids += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
    sockets, found = set(), set()
    for link in (link for one in pids for link in Path(f"/proc/{one}/fd").iterdir()):
        with suppress(OSError):  # closed meanwhile
            sockets.add(str(link.readlink()))
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            local, state, inode = (row.split()[place] for place in (1, 3, 9))
            if state == "0A" and f"socket:[{inode}]" in sockets:
                found.add(local.partition(":")[0])
    return found


def test_with_every_door_open_it_listens_on_loopback_alone(data: Path) -> None:
    with serving("--data", str(data), "--world", "demo", "--proxy", "--mqtt", "demo") as server:
        assert addresses_listened_on(server.process.pid) == {"0100007F"}
        assert server.stop()[0] == 0


@pytest.mark.parametrize(
    "arguments", [("--host", "0.0.0.0"), ("--bind", "0.0.0.0"), ("--port", "0.0.0.0:8480")]  # noqa: S104 - a test of it
)  # fmt: skip
def test_nothing_makes_it_listen_beyond_loopback(data: Path, arguments: tuple[str, str]) -> None:
    code, _ = refused("--data", str(data), *arguments)
    assert (code, left(data)) == (2, False)


def test_no_setting_is_an_address_to_listen_on() -> None:
    assert not [name for name in Settings.__struct_fields__ if re.search("host|bind|listen|address", name)]
