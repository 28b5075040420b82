"""`hutong env --sdk NAME`: what it prints is run as it is pasted, where the language is at hand.

Of Java, PHP and Go only the names of options are looked at, in tests/unit/hutong/test_sdks.py.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hutong.sdks import lines_for
from tests.end_to_end.test_serve import ROOT, WAIT_S, Server, serving

NODE_MODULES = ROOT / "tests" / "conformance" / "node" / "node_modules"  # `make test` installs what is in them


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("sdks") / "data"
    with serving("--data", str(folder), "--world", "demo", "--proxy") as server:
        yield server


def environment(**variables: str) -> dict[str, str]:
    """Give variables that lead nowhere but where these say; Python is the one that tests run in."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}", "PYTHONWARNINGS": "ignore", **variables}


def printed(server: Server, name: str) -> str:
    command = (sys.executable, "-m", "hutong", "env", "--sdk", name, "--url", server.urls["base_url"])
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=WAIT_S).stdout


def run(*command: str) -> str:
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, check=False, timeout=2 * WAIT_S
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def is_authenticated(*command: str, **variables: str) -> bool:
    """Run a bot until it says that it is let in; it would go on for ever."""
    with subprocess.Popen(
        command, env=environment(**variables), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as bot:
        assert bot.stdout is not None
        try:
            return any(line == "authenticated\n" for line in bot.stdout)
        finally:
            bot.kill()


def test_curl_asks_in_three_ways(server: Server) -> None:
    out = run("sh", "-c", printed(server, "curl"))
    answers = json.loads(f"[{out.replace('}{', '},{')}]")
    assert [answer["errcode"] for answer in answers] == [0, 0, 0]


def test_wechatpy_is_led_through_the_proxy(server: Server) -> None:
    token = run("sh", "-c", printed(server, "wechatpy")).strip()
    newest: list[dict[str, Any]] = server.call("GET", "/calls")["calls"]
    assert (newest[-1]["path"], newest[-1]["errcode"], len(token) > 20) == ("gettoken", 0, True)


def test_wechatpy_has_an_address_of_its_own_where_there_is_no_proxy(server: Server) -> None:
    told = {**server.call("GET", "/env"), "proxy_url": None}
    assert len(run(sys.executable, "-c", lines_for("wechatpy", told)).strip()) > 20


def test_bot_in_python_is_let_in(server: Server) -> None:
    assert is_authenticated(sys.executable, "-c", printed(server, "aibot-python"))


def test_bot_in_python_as_it_is_comes_through_the_proxy(server: Server) -> None:
    """What a comment says: without an address of one's own."""
    text = printed(server, "aibot-python")
    as_it_is = text.replace(f", ws_url='{server.urls['bots_url']}'", "")
    assert as_it_is != text
    assert is_authenticated(
        sys.executable, "-c", as_it_is, HTTPS_PROXY=server.urls["proxy_url"], NO_PROXY="127.0.0.1",
        SSL_CERT_FILE=server.urls["ca_file"],
    )  # fmt: skip


def test_other_bot_in_python_takes_tls_once_it_is_told_whom_to_trust(server: Server) -> None:
    """What comments say: lines for a package that wants TLS."""
    trust, address = (
        line.lstrip("# ") for line in printed(server, "aibot-python").splitlines() if line.startswith("#     ")
    )
    bot = f"""
import asyncio
import aibot
{trust}

async def main():
    client = aibot.WSClient(aibot.WSClientOptions(bot_id="aiblanhe", secret="secret-of-aiblanhe", {address}))
    client.on("authenticated", lambda: print("authenticated", flush=True))
    await client.connect()
    await asyncio.Event().wait()

asyncio.run(main())
"""
    assert is_authenticated(sys.executable, "-c", bot)


def test_bot_in_node_is_let_in_plainly_and_by_tls(server: Server) -> None:
    assert NODE_MODULES.is_dir(), "the packages of Node are missing: scripts/install-test-servers installs them"
    text = printed(server, "aibot-node")
    assert is_authenticated("node", "-e", text, NODE_PATH=str(NODE_MODULES))
    by_tls = text.splitlines()[-1].split('"')[1]
    text = text.replace(f'"{server.urls["bots_url"]}"', f'"{by_tls}"')
    trust = server.urls["ca_file"]
    assert is_authenticated("node", "-e", text, NODE_PATH=str(NODE_MODULES), NODE_EXTRA_CA_CERTS=trust)
