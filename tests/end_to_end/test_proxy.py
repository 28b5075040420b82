"""`serve --proxy` as a process: an SDK and curl come here with nothing but variables of the environment."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.test_serve import Server, serving

CRM = """
import io, json
from wechatpy.work import WeChatClient

client = WeChatClient("wwlanhe", "secret-of-wwlanhe")
read = client.department.get(1)["name"]
customer = client.external_contact.list("zhangsan")["external_userid"][0]
task = client.external_contact.add_msg_template({"external_userid": [customer], "text": {"content": "hello"}})
kept = client.media.upload("file", ("price list.txt", io.BytesIO(b"tea 18, coffee 25")))["media_id"]
print(json.dumps([read, task["fail_list"], client.media.download(kept).content.decode(), client.media.get_url(kept)]))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("proxy") / "data"
    with serving("--data", str(folder), "--world", "demo", "--proxy") as server:
        yield server
        code, said = server.stop()
        assert (code, "defect" in said) == (0, False)


def run(server: Server, *command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a program with the variables that lead it here, and none of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment = {**kept, "HTTPS_PROXY": server.urls["proxy_url"], **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_wechatpy_comes_here_as_it_is(server: Server) -> None:
    done = run(server, sys.executable, "-W", "ignore", "-c", CRM, REQUESTS_CA_BUNDLE=server.urls["ca_file"])
    assert done.returncode == 0, done.stderr
    read, failed, downloaded, url = json.loads(done.stdout)
    assert (read, failed, downloaded) == ("蓝河百货", [], "tea 18, coffee 25")
    assert url.startswith("https://qyapi.weixin.qq.com/cgi-bin/media/get?")
    calls: list[dict[str, Any]] = server.call("GET", "/calls")["calls"]
    assert [call["path"] for call in calls][-6:] == [
        "gettoken", "department/get", "externalcontact/list", "externalcontact/add_msg_template", "media/upload",
        "media/get",
    ]  # fmt: skip


def test_wechatpy_trusts_nobody_whom_it_was_not_told_to_trust(server: Server) -> None:
    done = run(server, sys.executable, "-W", "ignore", "-c", CRM)
    assert (done.returncode, "CERTIFICATE_VERIFY_FAILED" in done.stderr) == (1, True)


def test_curl_comes_here_and_nowhere_else(server: Server) -> None:
    trust = {"CURL_CA_BUNDLE": server.urls["ca_file"]}
    asked = "https://qyapi.weixin.qq.com/cgi-bin/gettoken?corpid=wwlanhe&corpsecret=secret-of-wwlanhe"
    told = run(server, "curl", "-sS", asked, **trust)
    assert json.loads(told.stdout)["errcode"] == 0, told.stderr
    for url in ("https://example.com/", "https://weixin.qq.com/", "https://qyapi.weixin.qq.com:8443/"):
        refused = run(server, "curl", "-sS", url, **trust)
        assert (refused.returncode, "CONNECT tunnel failed, response 403" in refused.stderr) == (56, True)
    control = run(server, "curl", "-sS", "https://qyapi.weixin.qq.com/_hutong/env", **trust)
    assert "wrong host" in control.stdout


def test_proxy_has_the_port_after_that_of_tls_and_is_named_when_ready(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hutong", "serve", "--data", str(tmp_path / "data"), "--port", "0", "--proxy"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.terminate()
    words = line.split()
    assert words[:4] == ["hutong", "is", "ready", "on"]
    assert [word.partition("127")[0] for word in words if "://" in word] == ["http://", "https://", "http://"]
    assert "with a proxy on http://127.0.0.1:" in line
