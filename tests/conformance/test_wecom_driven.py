"""The record of who drove which path claims nothing that the suite does not do."""

import subprocess
import sys
from pathlib import Path

import pytest

from adapters.wecom_api.calls import CallLine
from tests.conformance import driven
from tests.conformance.wecom import AGENT, Wecom, threaded, wecom

__all__ = ["wecom"]

ROOT = Path(__file__).parents[2]


def line(path: str, client: str, errcode: int = 0) -> CallLine:
    return CallLine("GET", path, "", client, {}, 0, 0, errcode=errcode)


def test_every_test_that_is_named_is_there() -> None:
    named = {test for by in driven.claims().values() for test in by.values()}
    files = sorted({test.partition("::")[0] for test in named}) or ["tests/conformance/test_wecom_driven.py"]
    listing = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "--no-header", *files],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert named <= set(listing.stdout.splitlines()), "docs/driven.json names tests that are gone: make driven"


async def test_a_client_is_told_from_requests_written_by_hand(wecom: Wecom) -> None:
    await threaded(wecom.sdk().misc.get_wechat_ips)
    await wecom.get("get_api_domain_ip", access_token=await wecom.token())
    await wecom.get("agent/get", agentid=AGENT)
    seen = driven.seen(list(wecom.gateway.calls.newest_first()))
    assert seen == {
        ("gettoken", "wechatpy"), ("getcallbackip", "wechatpy"), ("gettoken", "raw"), ("get_api_domain_ip", "raw"),
    }  # fmt: skip


def test_a_claim_that_its_test_does_not_keep_fails_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driven, "claims", lambda: {"gettoken": {"raw": "one", "wechatpy": "two"}})
    monkeypatch.delenv(driven.RECORDS, raising=False)
    driven.settle("one", [line("gettoken", "aiohttp")])
    driven.settle("other", [])
    for lines in ([], [line("gettoken", "aiohttp")], [line("gettoken", "wechatpy", 40013)]):
        with pytest.raises(AssertionError, match="make driven"):
            driven.settle("two", lines)


def test_records_of_a_run_become_one_test_for_each_path_and_client(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(driven.RECORDS, str(tmp_path))
    driven.settle("b", [line("gettoken", "aiohttp"), line("nowhere", "aiohttp")])
    driven.settle("a", [line("gettoken", "aiohttp"), line("gettoken", "schemathesis/4"), line("agent/get", "x", 1)])
    assert driven.merged(tmp_path) == {"gettoken": {"raw": "a"}}
