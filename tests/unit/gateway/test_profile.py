"""The profiles: every number has a source, says if nobody published it, and is asked by some rule."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from gateway import profile
from gateway.profile import Profile

DATED = ("wecom-2018-11", "wecom-2019-12", "wecom-2021-04", "wecom-2026-08")
ROOT = Path(profile.__file__).parent
SOURCE = re.compile(r"DOC \d{5}|SP [a-z]|SDK |errors \d{5}")


FEBRUARY = 2026 * 12 + 1


@pytest.mark.parametrize("name", profile.names())
def test_every_profile_is_read_whole(name: str) -> None:
    numbers = profile.read(name)
    assert numbers.name == name
    assert set(profile.table(name)) == {"about", "frequency", *Profile.__struct_fields__} - {"name"}
    assert len(profile.table(name)["about"]) > 20


@pytest.mark.parametrize("name", profile.names())
def test_every_number_says_where_it_comes_from(name: str) -> None:
    rows = dict(profile.table(name))
    del rows["about"]
    for row in [*rows.pop("frequency"), *rows.pop("calls"), *rows.values()]:
        assert row["source"]
        if row.get("published", True):
            assert SOURCE.search(row["source"]), row
        if row["source"].startswith(("setting", "requirement", "not found", "no ")):
            assert row["published"] is False, row


@pytest.mark.parametrize("name", profile.names())
def test_frequency_rules_are_distinct_and_allow_something(name: str) -> None:
    rules = profile.read(name).frequency
    assert len({(rule.side, rule.per, rule.window) for rule in rules}) == len(rules)
    assert all(rule.most(FEBRUARY) >= 1 for rule in rules)
    assert {rule.side for rule in rules} >= {"member", "consumer", "app", "own_mass"}


@pytest.mark.parametrize("name", profile.names())
def test_rules_of_mass_messages_count_what_is_in_a_slice_but_once(name: str) -> None:
    """A slice decides for many recipients before it counts any, so they may not share a counter."""
    rules = [rule for rule in profile.read(name).frequency if rule.side in ("corp_mass", "own_mass", "mass")]
    assert {rule.per for rule in rules} <= {"conversation", "recipient"}


def test_a_limit_may_be_as_many_as_the_month_has_days() -> None:
    rule = profile.Frequency("mass", "recipient", "month", "month_days")
    assert [rule.most(FEBRUARY + later) for later in range(12)] == [28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31]
    assert rule.most(FEBRUARY + 12 * 2) == 29


@pytest.mark.parametrize(
    "field", [field for field in Profile.__struct_fields__ if field not in {"name", "frequency", "calls"}]
)
def test_every_number_is_asked_by_some_rule(field: str) -> None:
    files = [path for part in ("policy", "decide", "state") for path in (ROOT / part).glob("*.py")]
    assert any(f"profile.{field}" in path.read_text() for path in files)


def test_the_numbers_that_the_history_is_about() -> None:
    dated = [profile.read(name) for name in DATED]
    assert [numbers.group_size_max for numbers in dated] == [10, 100, 500, 500]
    assert [numbers.group_scan_max for numbers in dated] == [0, 100, 200, 200]
    assert [numbers.unverified_chat for numbers in dated] == ["own", "customers", "customers", "customers"]
    assert {numbers.text_bytes_max for numbers in dated} == {4000}
    assert {numbers.body_bytes_max for numbers in dated} == {8192}
    assert profile.DEFAULT_PROFILE == DATED[-1] == max(DATED)
    assert all(earlier < later for earlier, later in pairwise(DATED))


def test_bench_has_every_rule_and_no_ceiling_in_reach() -> None:
    bench = profile.read("bench")
    assert {rule.per for rule in bench.frequency} == {"sender", "conversation", "recipient", "corp"}
    assert min(rule.most(FEBRUARY) for rule in bench.frequency) >= 10**9
    assert bench.group_size_max >= 10_000


def test_an_unknown_profile_is_told_which_there_are() -> None:
    with pytest.raises(profile.UnknownProfile, match="did you mean wecom-2018-11"):
        profile.read("wecom-2018-1")
    with pytest.raises(profile.UnknownProfile, match="there are: bench, tiny"):
        profile.read("x")
