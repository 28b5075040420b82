"""What a run costs: read from metrics, worked out for a link."""

import pytest

from hutong.crowd.cost import Mark, Spent, bill, read

METRICS = """\
# HELP process_resident_memory_bytes Resident memory size in bytes.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 6.0e+07
# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 1.25
# HELP hutong_links Links by phase
# TYPE hutong_links gauge
hutong_links{phase="live"} 3.0
"""


def test_a_process_is_found_among_its_metrics() -> None:
    assert read(METRICS) == Spent(1.25, 60_000_000)


def test_a_system_that_does_not_tell_has_no_bill() -> None:
    assert read("hutong_links 3.0\n") is None
    marks = {name: Mark(1.0, None, None) for name in ("before", "linked", "idled", "acted")}
    assert bill(marks, "gateway", 10) is None


def test_a_run_that_was_cut_short_has_no_bill() -> None:
    assert bill({"before": Mark(1.0, Spent(1, 1), None)}, "gateway", 10) is None


def test_the_bill_is_for_each_link() -> None:
    marks = {
        "before": Mark(0.0, Spent(1.0, 50 * 2**20), None),
        "linked": Mark(10.0, Spent(3.0, 69 * 2**20), None),
        "idled": Mark(20.0, Spent(3.5, 70 * 2**20), None),
        "acted": Mark(40.0, Spent(13.5, 90 * 2**20), None),
    }
    cost = bill(marks, "gateway", 1000)
    assert cost is not None
    assert cost._asdict() == pytest.approx(
        {"before_mib": 50, "link_kib": 20.48, "connect_us": 2000, "idle_us_per_s": 50, "acting_cores": 0.5}
    )
