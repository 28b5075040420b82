"""Quotas: one counter a rule and window, none charged twice, and which rule a refusal names."""

from gateway.profile import Frequency, Profile, read
from gateway.state.quotas import Meter, Quotas
from gateway.windows import DAY_MS, MINUTE_MS, indexes

NOW_MS = 1_786_320_000_000
ALL = ("zhang", "chat", "amy", "silk")


def profile(*rules: Frequency) -> Profile:
    tiny = read("tiny")
    return Profile(**{**{name: getattr(tiny, name) for name in Profile.__struct_fields__}, "frequency": rules})


def meter(*rules: Frequency) -> tuple[Meter, Quotas]:
    quotas = Quotas()
    return Meter(profile(*rules), quotas, ("member",)), quotas


def test_the_limit_is_the_last_that_passes() -> None:
    rule = Frequency("member", "sender", "minute", 2)
    at, quotas = meter(rule)
    for used in range(2):
        assert at.refusing(ALL, indexes(NOW_MS)) is None
        assert quotas.count(rule, "zhang", NOW_MS) == used
        at.charge(ALL, indexes(NOW_MS))
    assert at.refusing(ALL, indexes(NOW_MS)) is rule
    assert at.refusing(("li", "chat", "amy", "silk"), indexes(NOW_MS)) is None
    assert at.refusing(ALL, indexes(NOW_MS + MINUTE_MS)) is None
    assert quotas.count(rule, "zhang", NOW_MS + MINUTE_MS) == 0


def test_the_rule_of_the_longest_window_is_named() -> None:
    minute, month = Frequency("member", "sender", "minute", 1), Frequency("member", "corp", "month", 1)
    for rules in ((minute, month), (month, minute)):
        at, _ = meter(*rules)
        at.charge(ALL, indexes(NOW_MS))
        assert at.refusing(ALL, indexes(NOW_MS)) is month


def test_nobody_is_charged_where_there_is_no_recipient() -> None:
    rule = Frequency("member", "recipient", "day", 1)
    at, quotas = meter(rule)
    at.charge(("zhang", "tea", "", "silk"), indexes(NOW_MS))
    assert at.refusing(("zhang", "tea", "", "silk"), indexes(NOW_MS)) is None
    assert quotas.count(rule, "", NOW_MS) == 0


def test_other_sides_have_rules_of_their_own() -> None:
    at, _ = meter(Frequency("consumer", "sender", "minute", 1))
    at.charge(ALL, indexes(NOW_MS))
    assert at.rules == ()
    assert at.refusing(ALL, indexes(NOW_MS)) is None


def test_asking_rolls_no_window_and_charging_throws_the_old_one_away() -> None:
    rule = Frequency("member", "sender", "day", 5)
    at, quotas = meter(rule)
    at.charge(ALL, indexes(NOW_MS))
    at.refusing(ALL, indexes(NOW_MS + DAY_MS))
    assert quotas.count(rule, "zhang", NOW_MS) == 1
    at.charge(("li", "", "", ""), indexes(NOW_MS + DAY_MS))
    (used,) = quotas.used.values()
    assert used.counts == {"li": [1]}


def test_counters_outlive_a_change_of_profile() -> None:
    rule = Frequency("member", "sender", "day", 1)
    at, quotas = meter(rule)
    at.charge(ALL, indexes(NOW_MS))
    again = Meter(profile(Frequency("member", "sender", "day", 2)), quotas, ("member",))
    assert again.refusing(ALL, indexes(NOW_MS)) is None
    assert Meter(profile(rule), quotas, ("member",)).refusing(ALL, indexes(NOW_MS)) is rule
