"""What runs are worth, how rows are compared, and how goals are told."""

import math

import pytest

from benchmarks.generator import Figures, Latency, Memory
from benchmarks.goals import GOALS, ratio
from benchmarks.report import goals_json, goals_table, row_json, spread_percent, table
from benchmarks.rows import GATEWAY, MOSQUITTO, Row, System, run_of
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
    assert ratio(row(GATEWAY, 100, 400, 90), row(MOSQUITTO, 50, 400, 30), "messages_s") == 2.0


def test_there_is_no_ratio_where_a_run_failed() -> None:
    assert math.isnan(ratio(row(GATEWAY, 100, failures=["lost"]), row(MOSQUITTO, 50), "messages_s"))
    assert math.isnan(ratio(row(GATEWAY), row(MOSQUITTO, 50), "messages_s"))


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


def test_goals_are_met_from_above_for_ratios_and_from_below_for_costs() -> None:
    told = {each["goal"]: each for each in goals_json(Found(values={1: 1.5, 8: 10.0}, by_cpu={1: 1.4}))}
    assert (told[1]["owed_met"], told[1]["must_met"]) == (True, False)
    assert (told[8]["owed_met"], told[8]["must_met"]) == (True, False)


def test_a_goal_measured_on_a_disturbed_machine_is_in_doubt() -> None:
    assert "yes?" in goals_table(Found(values={1: 1.5}, unsure={1}))
    assert goals_json(Found(values={1: 1.5}, unsure={1}))[0]["disturbed"]
    assert "?" not in goals_table(Found(values={1: 1.5}))


def test_what_could_not_be_measured_meets_nothing() -> None:
    told = goals_json(Found(values={goal.number: math.nan for goal in GOALS}))
    assert not any(each["owed_met"] or each["must_met"] for each in told)
    assert goals_table(Found(values={1: math.nan})).count("failed") == 1
