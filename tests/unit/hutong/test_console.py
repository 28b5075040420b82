"""How moments, durations, tables and lines to paste look, and whom `say` means."""

from typing import Any

import pytest
from cyclopts import CycloptsError

from hutong.commands.console import duration_ms, moment, table
from hutong.commands.env import shell_lines
from hutong.commands.say import find_conversation

ENV: dict[str, Any] = {
    "base_url": "http://127.0.0.1:8480",
    "ws_url": "ws://127.0.0.1:8480/ws",
    "mqtt_url": None,
    "bots_url": "ws://127.0.0.1:8480/_hutong/aibot",
    "control_url": "http://127.0.0.1:8480/_hutong",
    "tls_url": "https://127.0.0.1:8481",
    "proxy_url": "http://127.0.0.1:8482",
    "ca_file": "/data/tls/ca.pem",
    "corps": [
        {"corpid": "ww1", "secrets": {"7": "it's"}, "callbacks": {"7": {"token": "t", "aes_key": "k"}},
         "bots": {}},
        {"corpid": "ww2", "secrets": {"8": "other"}, "callbacks": {}, "bots": {"aib2": "b", "aib3": "other"}},
    ],
    "people": [
        {"kind": "member", "corpid": "ww1", "id": "zhangsan", "token": "T1"},
        {"kind": "consumer", "id": "amy", "external_userids": {"ww1": "wm1"}, "token": "T2"},
    ],
}  # fmt: skip
ROWS: list[dict[str, Any]] = [
    {"conversation": "cvown", "kind": "own", "corpid": "ww1"},
    {"conversation": "cv1", "kind": "single", "corpid": "ww1", "member": "ww1/zhangsan", "consumer": "amy",
     "external_userid": "wm1"},
    {"conversation": "cv2", "kind": "single", "corpid": "ww1", "member": "ww1/zhangsan", "consumer": "bob",
     "external_userid": "wm2"},
    {"conversation": "cv3", "kind": "group", "corpid": "ww1", "chat_id": "wr1"},
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "ms"),
    [("90s", 90_000), ("15m", 900_000), ("2h", 7_200_000), ("1d", 86_400_000), ("31d", 31 * 86_400_000),
     ("1d12h", 129_600_000), ("250ms", 250), ("1w", 604_800_000)],
)  # fmt: skip
def test_durations(text: str, ms: int) -> None:
    assert duration_ms(text) == ms


@pytest.mark.parametrize("text", ["", "1", "d", "1x", "-1d", "1.5h", "1d 2h", "1dd"])
def test_what_is_no_duration_is_told(text: str) -> None:
    with pytest.raises(CycloptsError, match="no duration"):
        duration_ms(text)


def test_moments_are_shown_in_utc_plus_8() -> None:
    assert moment(1_795_303_996_830) == "2026-11-22 07:33:16"
    assert moment(1_795_303_996_830, date=False) == "07:33:16"
    assert moment(10**18) == "1000000000000000000 ms"


def test_a_table_counts_chinese_characters_as_two_columns() -> None:
    shown = table(("who", "sent"), [("张三", 5), ("amy", 12)])
    assert shown.splitlines() == ["who   sent", "----  ----", "张三     5", "amy     12"]


def test_a_table_without_rows_has_its_head() -> None:
    assert table(("who",), []).splitlines() == ["who", "---"]


def test_lines_to_paste_quote_what_they_set() -> None:
    lines = list(shell_lines(ENV))
    assert "export HUTONG_URL=http://127.0.0.1:8480" in lines
    assert """export WECOM_SECRET='it'"'"'s'""" in lines
    assert [line for line in lines if "other" in line or "MQTT" in line] == []
    wecom = [place for place, line in enumerate(lines) if line.startswith("export WECOM_")]
    assert lines[min(wecom) - 1] == "# WeCom's own server API: what an SDK needs, and a way to try it."
    assert lines[max(wecom)] == "export WECOM_BOT_SECRET=b"
    assert "# By TLS: https://127.0.0.1:8481, with the authority /data/tls/ca.pem." in lines
    assert sum("--sdk" in line for line in lines) == 2
    assert lines[-2:] == ["# member ww1/zhangsan: T1", "# consumer amy: T2"]


@pytest.mark.parametrize("to", ["amy", "wm1", "cv1"])
def test_say_finds_the_conversation_that_is_meant(to: str) -> None:
    assert find_conversation(ROWS, "ww1/zhangsan", to) == "cv1"


def test_say_takes_a_chat_id_and_leaves_unknown_conversations_to_the_server() -> None:
    assert find_conversation(ROWS, "ww1/zhangsan", "wr1") == "cv3"
    assert find_conversation(ROWS, "ww1/zhangsan", "cv9") == "cv9"


@pytest.mark.parametrize(
    ("to", "says"),
    [("carol", "has no conversation with carol"), ("zhangsan", "2 conversations with zhangsan: name one of cv1, cv2")],
)
def test_say_tells_whom_it_cannot_mean(to: str, says: str) -> None:
    with pytest.raises(LookupError, match=says):
        find_conversation(ROWS, "ww1/zhangsan", to)
