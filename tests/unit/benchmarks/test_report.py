"""What runs are worth, how rows are compared, and how goals are told."""

import math

import pytest

from benchmarks.generator import Figures, Latency, Memory
from benchmarks.goals import GOALS, Bound, Finding, Goal, ratios
from benchmarks.report import goals_json, goals_table, ladder, row_json, scale_table, spread_percent, table
from benchmarks.rows import GATEWAY, MOSQUITTO, Row, System, run_of
from benchmarks.scale import Point
from benchmarks.suite import Found
from benchmarks.workload import ONE_TO_ONE


def figures(messages: int, generator_cpu_s: float = 1.0, generator_waited_s: float = 0.1) -> Figures:
    latency = Latency(count=messages, p50=1500, p99=9000, max=20000)
    return Figures(
        seconds=2.0, messages=messages, deliveries=3 * messages, ack_us=latency, delivery_us=latency, sent=0,
        accepted=0, refused=0, expected=0, delivered=0, lost=0, unanswered=0, server_cpu_s=1.8,
        generator_cpu_s=generator_cpu_s, server_waited_s=0.2,
        generator_waited_s=generator_waited_s,
        server_rss_kib=Memory(0, 0, 20480),
    )  # fmt: skip


def row(system: System, *messages: int, failures: list[str] | None = None) -> Row:
    return Row(system, ONE_TO_ONE, runs=[run_of(figures(count)) for count in messages], failures=failures or [])


def test_a_run_is_rates_milliseconds_and_microseconds_of_cpu() -> None:
    run = run_of(figures(90_000))
    assert (run.messages_s, run.deliveries_s, run.ack_p50_ms, run.delivery_p99_ms) == (45_000, 135_000, 1.5, 9.0)
    assert run.server_us_message == pytest.approx(20)
    assert run.server_us_delivery == pytest.approx(20 / 3)
    assert (run.server_share, run.generator_share, run.server_rss_mib) == (0.9, 0.5, 20)
    assert (run.server_waited_share, run.generator_waited_share) == (0.1, 0.05)


def test_a_ratio_pairs_the_runs_of_the_same_repeat() -> None:
    assert ratios(row(GATEWAY, 100, 400, 90), row(MOSQUITTO, 50, 400, 30), "messages_s") == [2.0, 1.0, 3.0]


def test_there_is_no_ratio_where_a_run_failed() -> None:
    assert ratios(row(GATEWAY, 100, failures=["lost"]), row(MOSQUITTO, 50), "messages_s") == []
    assert ratios(row(GATEWAY), row(MOSQUITTO, 50), "messages_s") == []


def test_the_spread_is_half_the_range_around_its_middle() -> None:
    assert spread_percent([90, 110, 100]) == 10
    assert spread_percent([5]) == 0


def test_a_rate_that_the_generator_may_have_bounded_is_marked() -> None:
    bounded = Row(GATEWAY, ONE_TO_ONE, runs=[run_of(figures(1000, generator_cpu_s=1.9))])
    assert row_json(bounded)["lower_bound"]
    assert "≥500" in table([bounded])
    assert "≥" not in table([row(GATEWAY, 1000)])


def test_a_disturbed_machine_is_told() -> None:
    disturbed = Row(GATEWAY, ONE_TO_ONE, runs=[run_of(figures(1000, generator_waited_s=0.4))])
    assert row_json(disturbed)["disturbed"]
    assert "other programs" in table([disturbed])
    assert "other programs" not in table([row(GATEWAY, 1000)])


def test_a_row_without_runs_says_that_it_failed_and_why() -> None:
    broken = row(GATEWAY, failures=["3 refused"])
    assert "failed" in table([broken])
    assert row_json(broken)["failures"] == ["3 refused"]


RATE = Goal(1, "rate", "messages/s", (Bound(2.0, 4.0, "a"), Bound(30.0, 30.0, "b"), Bound(None, 1.0, "c")))
COST = Goal(8, "cost", "KiB", (Bound(6.0, 3.5),), at_least=False)


@pytest.mark.parametrize(
    ("ratios_of", "furthest", "met"),
    [
        ({"a": [2.5, 1.9, 2.0], "b": [31.0], "c": [0.1]}, "a", True),
        ({"a": [9.0], "b": [29.0], "c": [5.0]}, "b", False),
        ({"a": [1.0], "b": [29.0], "c": [5.0]}, "a", False),
        ({"a": [9.0], "b": [], "c": [5.0]}, "b", False),
    ],
)
def test_a_goal_of_several_bounds_is_told_by_the_one_furthest_from_being_met(
    ratios_of: dict[str, list[float]], furthest: str, met: bool
) -> None:
    finding = Finding([5.0], ratios_of)
    assert (finding.furthest(RATE).against, finding.meets(RATE)) == (furthest, met)


@pytest.mark.parametrize(("value", "met", "summit"), [(7.0, False, False), (6.0, True, False), (3.0, True, True)])
def test_costs_are_met_from_below(value: float, met: bool, summit: bool) -> None:
    finding = Finding([value])
    assert (finding.meets(COST), finding.meets(COST, summit=True)) == (met, summit)


def test_a_goal_is_told_with_all_that_a_program_needs() -> None:
    finding = Finding([90.0, 110.0, 100.0], {"mosquitto": [2.5], "jetstream, fsync": [20.0], "jetstream": [1.0]})
    (told,) = goals_json(Found(goals={1: finding}))
    assert {key: told[key] for key in ("goal", "value", "unit", "ratio", "must", "summit", "met", "spread")} == {
        "goal": 1, "value": 100.0, "unit": "messages/s", "ratio": 20.0, "must": 30.0, "summit": 30.0, "met": False,
        "spread": 0.1,
    }  # fmt: skip
    assert [bound["met"] for bound in told["bounds"]] == [True, False, True]


def test_a_goal_measured_on_a_disturbed_machine_is_in_doubt() -> None:
    assert "yes?" in goals_table(Found(goals={8: Finding([5.0], disturbed=True)}))
    assert goals_json(Found(goals={8: Finding([5.0], disturbed=True)}))[0]["disturbed"]
    assert "?" not in goals_table(Found(goals={8: Finding([5.0])}))


def test_what_could_not_be_measured_meets_nothing() -> None:
    found = Found(goals={goal.number: Finding(failure="no run") for goal in GOALS})
    assert not any(each["met"] or each["summit_met"] for each in goals_json(found))
    assert goals_table(found).count("failed") == len(GOALS)
    assert len(found.failures) == len(GOALS)


def test_what_size_costs_is_a_line_a_point() -> None:
    told = scale_table([Point("idle links", 10_000, 66.25, 2.34, 180.4)])
    assert told.splitlines()[1].split() == ["idle", "links", "10,000", "66.2", "2.3", "180"]
    assert scale_table([]) == ""


def test_the_rest_of_a_message_is_what_no_rung_holds() -> None:
    assert ladder({"read": 1.0, "write": 2.0}, 4.5)[-3:] == [
        ("all of these", 3.0), ("the rest, under load", 1.5), ("under load", 4.5)
    ]  # fmt: skip
    assert ladder({"read": 1.0}, math.nan)[-1] == ("all of these", 1.0)
