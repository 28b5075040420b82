"""Every command against a running server: what it prints, how it ends, and its one line when there is no server."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests

from hutong.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
MEMBER = "wwlanhe/zhangsan"
CUSTOMER = "an.zhao"
NOBODY = "http://127.0.0.1:1"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Run a server with the demo's world, and give its addresses."""
    folder = tmp_path_factory.mktemp("data")
    process = subprocess.Popen(
        [sys.executable, "-m", "hutong", "serve", "--world", "demo", "--data", str(folder), "--port", "0", "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    yield orjson.loads(process.stdout.readline())
    process.terminate()
    assert process.wait(30) == 0
    process.stdout.close()


@pytest.fixture
def run(server: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process: exit code, standard output, standard error."""
    monkeypatch.setenv("HUTONG_URL", server["base_url"])

    def run_command(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return run_command


def test_wait_ends_when_the_server_is_ready(run: Run) -> None:
    assert run("wait") == (0, "", "")


def test_wait_gives_up_in_time(run: Run) -> None:
    code, out, err = run("wait", "--timeout", "0.2", "--url", NOBODY)
    assert (code, out, err) == (3, "", f"hutong: {NOBODY} is not ready after 0.2 s\n")


def test_env_is_the_object_of_the_contract(run: Run, server: dict[str, Any]) -> None:
    code, out, _ = run("env", "--json")
    told = orjson.loads(out)
    assert code == 0
    assert list(told) == [
        "base_url", "ws_url", "bots_url", "mqtt_url", "control_url", "tls_url", "proxy_url", "ca_file", "corps",
        "people",
    ]  # fmt: skip
    assert {name: told[name] for name in server} == server
    assert told["corps"][0] == {
        "corpid": "wwlanhe",
        "secrets": {"1000002": "secret-of-wwlanhe"},
        "bots": {"aiblanhe": "secret-of-aiblanhe"},
        "callbacks": {"1000002": {"token": "token-of-wwlanhe", "aes_key": told_aes_key(told)}},
    }
    kinds = [person["kind"] for person in told["people"]]
    assert (kinds.count("member"), kinds.count("consumer")) == (10, 10)
    assert set(told["people"][0]) == {"kind", "corpid", "id", "token"}
    assert set(told["people"][-1]) == {"kind", "id", "external_userids", "token"}


def told_aes_key(told: dict[str, Any]) -> str:
    key = told["corps"][0]["callbacks"]["1000002"]["aes_key"]
    assert re.fullmatch(r"[A-Za-z0-9+/]{43}", key)
    return str(key)


def test_env_prints_lines_that_a_shell_takes(run: Run, server: dict[str, Any]) -> None:
    code, out, _ = run("env")
    shown = subprocess.run(
        ["/bin/sh", "-c", f'{out}\necho "$HUTONG_URL $WECOM_CORPID $WECOM_SECRET"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert code == 0
    assert shown.stdout == f"{server['base_url']} wwlanhe secret-of-wwlanhe\n"


def test_env_tells_an_address_that_gives_an_access_token(run: Run) -> None:
    out = run("env")[1]
    (asked,) = re.findall(r'^# curl (".*")$', out, re.MULTILINE)
    shown = subprocess.run(["/bin/sh", "-c", f"{out}\necho {asked}"], capture_output=True, text=True, check=True)
    assert requests.get(shown.stdout.strip(), timeout=30).json()["expires_in"] == 7200


def test_tail_shows_calls_when_asked_to(run: Run, server: dict[str, Any]) -> None:
    assert requests.get(f"{server['base_url']}/cgi-bin/department/lsit", timeout=30).status_code == 200
    said = "GET department/lsit answered 40058 invalid parameter: there is no path 'department/lsit', did you mean "
    assert said in run("tail", "--calls", "--limit", "1")[1]
    assert "department" not in run("tail", "--limit", "1")[1]
    (row,) = [orjson.loads(line) for line in run("tail", "--calls", "--json")[1].splitlines() if '"call"' in line][-1:]
    assert row["call"]["errcode"] == 40058


def test_say_both_ways_and_to_a_group(run: Run) -> None:
    for speaker, to in ((MEMBER, CUSTOMER), (CUSTOMER, MEMBER), (CUSTOMER, "zhangsan"), (MEMBER, "wrpeoplesroad")):
        code, out, err = run("say", "--as", speaker, "--to", to, "你好")
        assert (code, err) == (0, "")
        assert re.fullmatch(r"accepted: cv\w+ #\d+ at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(UTC\+8\)\n", out)


def test_say_prints_the_refusal_with_its_rule_and_when_to_try_again(run: Run) -> None:
    run("clock", "advance", "1m")
    run("clock", "freeze")
    codes = [run("say", "--as", "wwlanhe/lisi", "--to", "an.qian", str(count))[0] for count in range(20)]
    assert codes == [0] * 20
    code, out, _ = run("say", "--as", "wwlanhe/lisi", "--to", "an.qian", "one too many")
    assert code == 1
    assert re.search(r"refused: .*\[frequency/member/conversation/minute\]; try again at 20.*\(UTC\+8\)", out)
    code, out, _ = run("say", "--json", "--as", "wwlanhe/lisi", "--to", "an.qian", "again")
    told = orjson.loads(out)
    assert (code, told["accepted"], told["reason"]) == (1, False, "conversation_frequency")
    code, out, _ = run("limits", "explain", "--sender", "wwlanhe/lisi", "--to", "an.qian")
    assert code == 0
    assert re.search(r"frequency/member/conversation/minute +no +20 +0 +20 +20", out)
    assert out.endswith("wwlanhe/lisi may not write to an.qian now.\n")
    run("clock", "advance", "1m")
    told = orjson.loads(run("limits", "explain", "--json", "--sender", "wwlanhe/lisi", "--to", "an.qian")[1])
    assert told["allowed"] is True
    assert run("say", "--as", "wwlanhe/lisi", "--to", "an.qian", "a minute later")[0] == 0
    run("clock", "resume")


def test_confirm_lets_a_mass_message_be_sent_once(run: Run, server: dict[str, Any]) -> None:
    api = f"{server['base_url']}/cgi-bin"
    token = _answer(f"{api}/gettoken?corpid=wwlanhe&corpsecret=secret-of-wwlanhe")["access_token"]
    body = {"sender": "wangwu", "text": {"content": "双十一"}}
    task = _answer(f"{api}/externalcontact/add_msg_template?access_token={token}", body)["msgid"]
    code, out, err = run("confirm", task, "--as", "wwlanhe/wangwu")
    assert (code, err) == (0, "")
    assert re.fullmatch(rf"confirmed: {task} at \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d \(UTC\+8\)\n", out)
    code, out, _ = run("confirm", task, "--as", "wwlanhe/wangwu", "--json")
    assert (code, orjson.loads(out)["reason"]) == (1, "already")
    assert run("confirm", task, "--as", "wwlanhe/lisi")[1].startswith("refused: no such mass message for you")
    rules = ("limits", "explain", "--sender", "wwlanhe/wangwu", "--to", "an.sun", "--mass", "corp")
    assert re.search(r"frequency/mass/recipient/month +yes +1 +", run(*rules)[1])


def _answer(url: str, body: object = None) -> dict[str, Any]:
    told: dict[str, Any] = requests.request("POST" if body else "GET", url, json=body, timeout=10).json()
    assert told["errcode"] == 0, told
    return told


@pytest.mark.parametrize(
    ("speaker", "to", "says"),
    [
        (CUSTOMER, "nobody", f"hutong: {CUSTOMER} has no conversation with nobody\n"),
        ("nobody", CUSTOMER, "hutong: no token for 'nobody': no such person for you\n"),
    ],
)
def test_say_tells_who_is_not_there(run: Run, speaker: str, to: str, says: str) -> None:
    assert run("say", "--as", speaker, "--to", to, "hello?") == (1, "", says)


def test_tail_shows_callbacks_when_asked_to(run: Run, server: dict[str, Any]) -> None:
    app = {"name": "crm", "secret": "secret-of-wwlanhe", "callback_url": "http://127.0.0.1:1/"}
    keys = {"callback_token": "t", "callback_aes_key": "A" * 43}
    control = f"{server['base_url']}/_hutong"
    requests.put(f"{control}/corps/wwlanhe/apps/1000002", json={**app, **keys}, timeout=10).raise_for_status()
    entered = requests.post(f"{control}/people/{MEMBER}/acts", json={"type": "enter", "app": "1000002"}, timeout=10)
    run("say", "--as", MEMBER, "--to", entered.json()["conversation"], "is anybody there?")
    requests.get(f"{control}/callbacks?wait_s=10", timeout=20)
    told = run("tail", "--callbacks", "--limit", "1")[1]
    assert re.search(r"  wwlanhe/#1000002: text, attempt \d failed no connection: ", told)
    assert "attempt" not in run("tail", "--limit", "1")[1]


def test_tail_shows_messages_and_decisions(run: Run) -> None:
    run("say", "--as", MEMBER, "--to", CUSTOMER, "for the tail")
    run("say", "--as", CUSTOMER, "--to", "cvnone", "nowhere")
    code, out, _ = run("tail", "--limit", "1")
    assert code == 0
    assert re.search(r"^\d\d:\d\d:\d\d  wwlanhe/zhangsan in cv\w+ #\d+: for the tail$", out, re.MULTILINE)
    assert f"{CUSTOMER} in cvnone: Send refused, unknown_conversation" in out
    rows = [orjson.loads(line) for line in run("tail", "--json", "--limit", "1")[1].splitlines()]
    assert [list(row) for row in rows] == [["message"], ["decision"]]
    assert rows[0]["message"]["content"] == {"kind": "text", "text": "for the tail"}


def test_tail_follows_until_it_is_stopped(run: Run, server: dict[str, Any]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "hutong", "tail", "-f", "--limit", "1", "--url", server["base_url"]],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    run("say", "--as", CUSTOMER, "--to", MEMBER, "follow me")
    assert any("follow me" in line for line in process.stdout)
    process.terminate()
    process.wait(30)
    process.stdout.close()


def test_the_clock_is_moved_frozen_and_let_go(run: Run) -> None:
    def clock() -> dict[str, Any]:
        told: dict[str, Any] = orjson.loads(run("clock", "--json")[1])
        return told

    before = clock()
    code, out, _ = run("clock", "advance", "31d")
    assert code == 0 and out.endswith("(UTC+8), rate 1\n")
    assert clock()["now_ms"] - before["now_ms"] >= 31 * 86_400_000
    assert run("clock", "freeze")[1].endswith("frozen\n")
    assert clock()["now_ms"] == clock()["now_ms"]
    assert run("clock", "scale", "60")[1].endswith("rate 60\n")
    assert run("clock", "resume")[1].endswith("rate 1\n")


@pytest.mark.parametrize(
    "line",
    ["clock advance soon", "clock scale -1", "clock back 1d", "tail --limit 0", "env --url nowhere", "say hello"],
)
def test_what_cannot_be_is_one_line_and_exit_code_2(run: Run, line: str) -> None:
    code, out, err = run(*line.split())
    assert (code, out, err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    "line",
    ["env", "env --json", "clock", "clock advance 1d", "tail", "tail -f", "reset", "say --as a --to b hello",
     "confirm msg --as a", "limits explain --sender a --to b"],
)  # fmt: skip
def test_without_a_server_there_is_one_line_and_exit_code_3(run: Run, line: str) -> None:
    code, out, err = run(*line.split(), "--url", NOBODY)
    assert (code, out) == (3, "")
    assert err == f"hutong: no server is running on {NOBODY}: start one with `hutong serve`\n"


def test_reset_forgets_one_enterprise_then_all(run: Run) -> None:
    assert run("reset", "--corp", "wwsongyin") == (0, "", "hutong: wwsongyin is forgotten\n")
    assert run("reset", "--corp", "wwsongyin")[0] == 1
    corps = orjson.loads(run("env", "--json")[1])["corps"]
    assert [corp["corpid"] for corp in corps] == ["wwlanhe", "wwxiaoshan"]
    assert run("reset") == (0, "", "hutong: everything is forgotten\n")
    assert orjson.loads(run("env", "--json")[1])["people"] == []
