"""Limits of the API: who is counted, when a window begins anew, and how long being shut out lasts.

A table: one line a step, its time after 10:00:00 of a frozen clock, who calls what, and what becomes of it.
"""

import pytest

from gateway.policy import calls
from gateway.policy.calls import CallMeters
from gateway.profile import CallLimit, Profile, read
from gateway.windows import DAY_MS

TEN_MS = 1_786_327_200_000  # 2026-08-10 10:00:00 in Shanghai, and a whole hour
HOUR, DAY = 3600, 86_400

# seconds, enterprise, app, address, path, the rule that refuses and when it lets go (seconds), or nothing
TABLE = """
0     silk   till  a  get   .
1     silk   till  a  get   .
2     silk   till  b  get   corp/minute 62
2     silk   till  b  list  .
2     straw  till  a  get   .
61    silk   till  a  get   corp/minute 62
62    silk   till  a  get   .
63    silk   till  b  get   .
64    silk   till  b  get   corp/hour 3664
3663  silk   till  b  get   corp/hour 3664
3664  silk   till  b  get   .
"""
ADDRESSES = """
0     a      -     x  get   .
0     b      -     x  get   .
0     c      -     x  get   .
0     d      -     x  get   address/minute 60
0     d      -     y  get   .
60    d      -     x  get   .
"""
APPS = """
0     silk   till  a  tickets  .
0     silk   door  a  tickets  .
1     silk   till  a  tickets  app/day 50400
1     silk   door  a  tickets  app/day 50400
50399 silk   till  a  tickets  app/day 50400
50400 silk   till  a  tickets  .
"""
MONTHS = """
0       silk   -   a  months   .
1       silk   -   a  months   corp/month 2592001
2592000 silk   -   a  months   corp/month 2592001
2592001 silk   -   a  months   .
"""
LIMITS = (
    CallLimit("corp", "minute", 2),
    CallLimit("corp", "hour", 4),
    CallLimit("address", "minute", 3),
    CallLimit("app", "day", 1, "tickets"),
    CallLimit("corp", "month", 1, "months"),
)


def profile(*limits: CallLimit, wrong_secrets_max: int = 2) -> Profile:
    tiny = read("tiny")
    values = {name: getattr(tiny, name) for name in Profile.__struct_fields__}
    return Profile(**{**values, "calls": limits, "wrong_secrets_max": wrong_secrets_max})


@pytest.mark.parametrize("table", [TABLE, ADDRESSES, APPS, MONTHS])
def test_the_tables(table: str) -> None:
    meters = CallMeters(profile(*LIMITS))
    for line in table.strip().splitlines():
        second, corpid, agent_id, address, path, *expected = line.split()
        refusal = meters.take(path, corpid, agent_id.strip("-"), address, TEN_MS + int(second) * 1000)
        if refusal is None:
            assert expected == ["."], line
        else:
            rule, until = "/".join(refusal.rule.split("/")[2:]), (refusal.retry_at_ms - TEN_MS) // 1000
            assert [rule, str(until)] == expected, line


def test_a_refused_call_is_not_counted_and_its_refusal_says_what_is() -> None:
    meters = CallMeters(profile(CallLimit("corp", "minute", 1), CallLimit("address", "minute", 2)))
    assert meters.take("get", "silk", "", "a", TEN_MS) is None
    for _ in range(5):
        refusal = meters.take("get", "silk", "", "a", TEN_MS)
        assert refusal is not None and (refusal.used, refusal.limit) == (1, 1)
    assert meters.take("get", "straw", "", "a", TEN_MS) is None, "the address has used one of its two"


def test_an_enterprise_that_was_reset_begins_anew_and_no_other_does() -> None:
    meters = CallMeters(profile(CallLimit("corp", "minute", 1), CallLimit("app", "minute", 1, "get")))
    for corpid in ("silk", "silken"):
        assert meters.take("get", corpid, "till", "", TEN_MS) is None
        assert meters.take("get", corpid, "till", "", TEN_MS) is not None
    meters.forget("silk")
    assert meters.take("get", "silk", "till", "", TEN_MS) is None
    assert meters.take("get", "silken", "till", "", TEN_MS) is not None


def test_wrong_secrets_shut_an_address_out_for_an_hour() -> None:
    meters = CallMeters(profile())
    meters.secrets("a", TEN_MS, wrong=True)
    assert meters.secrets("a", TEN_MS) is None
    meters.secrets("a", TEN_MS + 1000, wrong=True)
    refusal = meters.secrets("a", TEN_MS + 2000)
    assert refusal is not None
    assert (refusal.reason.name, refusal.retry_at_ms) == ("wrong_secrets", TEN_MS + HOUR * 1000 + 2000)
    assert meters.secrets("b", TEN_MS + 2000) is None
    assert meters.secrets("a", TEN_MS + HOUR * 1000) is not None
    assert meters.secrets("a", TEN_MS + HOUR * 1000 + 2000) is None


def test_the_tables_of_counters_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "SUBJECTS_MAX", 10)
    meters = CallMeters(profile(CallLimit("address", "day", 1)))
    for number in range(30):
        assert meters.take("get", "", "", f"{number}", TEN_MS) is None
    (meter,) = (meter for meter, _ in meters._all)
    assert len(meter._used) == 10
    assert meters.take("get", "", "", "3", TEN_MS) is not None
    assert meters.take("get", "", "", "3", TEN_MS + DAY_MS) is None
    assert (len(meter._used), len(meter._until_ms)) == (1, 0), "a window is thrown away whole"
