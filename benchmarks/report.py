"""The tables and the file: loads, ratios and goals as people and programs read them."""

import dataclasses
import math
from statistics import median
from typing import Any

from benchmarks import api, mass, scale
from benchmarks.goals import GOALS, Bound, Finding, Goal
from benchmarks.rows import Row, Run
from benchmarks.suite import Found

HEAD = (
    "N/G/W/S", "system", "messages/s", "±%", "deliveries/s", "ack p50", "p99 ms", "delivery p50", "p99 ms",
    "µs/message", "µs/delivery", "core", "waited", "RSS MiB", "generator", "waited",
)  # fmt: skip


def row_json(row: Row) -> dict[str, Any]:
    """Give a row with every run, its medians, and what the system did not do."""
    figures = [each.name for each in dataclasses.fields(Run)]
    return {
        "workload": row.workload.name,
        "system": row.system.name,
        "without": row.system.without,
        "open_loop_rate": row.rate or None,
        "median": {name: round(row.median(name), 4) for name in figures} if row.runs else None,
        "lower_bound": row.lower_bound,
        "disturbed": row.disturbed,
        "runs": [dataclasses.asdict(run) for run in row.runs],
        "failures": row.failures,
    }


def goals_json(found: Found) -> list[dict[str, Any]]:
    """Give each measured goal with its value, and the ratio and bounds of the bound that is furthest from being met."""
    return [_goal_json(goal, found.goals[goal.number]) for goal in GOALS if goal.number in found.goals]


def _goal_json(goal: Goal, finding: Finding) -> dict[str, Any]:
    at = finding.furthest(goal)
    return {
        "goal": goal.number, "name": goal.what, "value": _rounded(_middle(finding.values)), "unit": goal.unit,
        "against": at.against or None, "ratio": _rounded(finding.ratio(at)), "must": at.must, "summit": at.summit,
        "at_least": goal.at_least, "met": finding.meets(goal), "summit_met": finding.meets(goal, summit=True),
        "spread": _rounded(spread_percent(finding.values) / 100), "disturbed": finding.disturbed,
        "failure": finding.failure or None, "bounds": [_bound_json(goal, finding, bound) for bound in goal.bounds],
    }  # fmt: skip


def _bound_json(goal: Goal, finding: Finding, at: Bound) -> dict[str, Any]:
    ratio = finding.ratio(at)
    return {
        "against": at.against or None, "ratio": _rounded(ratio), "must": at.must, "summit": at.summit,
        "met": goal.closeness(ratio, at.must) >= 1, "runs": finding.ratios.get(at.against, finding.values),
        "by_cpu": _rounded(_middle(finding.by_cpu.get(at.against, []))),
    }  # fmt: skip


def _middle(values: list[float]) -> float:
    return median(values) if values else math.nan


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def table(rows: list[Row]) -> str:
    """Lay the loads out, if there were any; `≥` marks a rate that the generator, not the system, may have bounded."""
    if not rows:
        return ""
    disturbed = sum(row.disturbed for row in rows)
    warning = (
        f"\nother programs took a good part of the cores in {disturbed} rows: only the ratios by CPU are a measure"
    )
    return _aligned([HEAD, *(_cells(row) for row in rows)]) + (warning if disturbed else "")


def _cells(row: Row) -> tuple[str, ...]:
    name = row.system.name + (" at 70 %" if row.rate else "")
    if not row.runs:
        return (row.workload.name, name, "failed", *[""] * (len(HEAD) - 3))
    mark = "≥" if row.lower_bound else ""
    shown = {
        "messages_s": mark + "{:,.0f}", "spread": "{:.0f}", "deliveries_s": mark + "{:,.0f}",
        "ack_p50_ms": "{:.1f}", "ack_p99_ms": "{:.1f}", "delivery_p50_ms": "{:.1f}", "delivery_p99_ms": "{:.1f}",
        "server_us_message": "{:.1f}", "server_us_delivery": "{:.2f}", "server_share": "{:.0%}",
        "server_waited_share": "{:.0%}", "server_rss_mib": "{:.0f}", "generator_share": "{:.0%}",
        "generator_waited_share": "{:.0%}",
    }  # fmt: skip
    return (row.workload.name, name, *(form.format(_value(row, figure)) for figure, form in shown.items()))


def _value(row: Row, figure: str) -> float:
    return spread_percent(row.values("messages_s")) if figure == "spread" else row.median(figure)


def api_table(rows: list[api.Row]) -> str:
    """Lay out the requests over HTTP, if there were any."""
    head = ("requests", "system", "requests/s", "±%", "p99 ms", "µs/request")
    return _aligned([head, *(_api_cells(row) for row in rows)]) if rows else ""


def _api_cells(row: api.Row) -> tuple[str, ...]:
    rates = row.values("requests_s")
    cells = (f"{median(rates):,.0f}", f"{spread_percent(rates):.0f}", f"{median(row.values('p99_ms')):.1f}")
    return (row.asked.name, row.system, *cells, f"{median(row.values('server_us')):.0f}")


def mass_table(runs: list[mass.Run]) -> str:
    """Lay out the mass messages beside others' chats, if there were any."""
    head = ("mass messages", "", "sent", "median s", "slowest s", "others' p99 alone ms", "beside ms")
    return _aligned([head, *(_mass_cells(run) for run in runs)]) if runs else ""


def _mass_cells(run: mass.Run) -> tuple[str, ...]:
    seconds = (f"{median(run.seconds):.2f}", f"{run.slowest_s:.2f}")
    return (
        "10,000 recipients",
        "hutong",
        f"{len(run.seconds)}",
        *seconds,
        f"{run.alone_ms:.1f}",
        f"{run.beside_ms:.1f}",
    )


def ladder(rungs_us: dict[str, float], served_us: float) -> list[tuple[str, float]]:
    """Give the rungs of a message, their sum, and what the loaded gateway cost, as far as they were measured."""
    whole = sum(rungs_us.values())
    served = [] if math.isnan(served_us) else [("the rest, under load", served_us - whole), ("under load", served_us)]
    return [*rungs_us.items(), ("all of these", whole), *served]


def ladder_table(found: Found) -> str:
    """Lay out the rungs of a message, if there were any."""
    lines = [(rung, "", f"{us:.2f}") for rung, us in ladder(found.rungs_us, found.served_us())]
    return _aligned([("a one-to-one message", "", "µs"), *lines]) if found.rungs_us else ""


def scale_table(points: list[scale.Point]) -> str:
    """Lay out what size costs, if it was measured."""
    head = (f"at {scale.RATE:,.0f} messages/s", "", "µs/message", "ack p99 ms", "RSS MiB")
    return _aligned([head, *map(_point_cells, points)]) if points else ""


def _point_cells(point: scale.Point) -> tuple[str, ...]:
    return (
        point.curve,
        f"{point.size:,}",
        f"{point.us_message:.1f}",
        f"{point.ack_p99_ms:.1f}",
        f"{point.rss_mib:.0f}",
    )


def spread_percent(values: list[float]) -> float:
    """Give half the range of the values as a percentage of their middle."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    return (high - low) / (high + low) * 100 if high else 0.0


def goals_table(found: Found) -> str:
    """Lay the goals out, a line a bound; `by CPU` is the ratio of what a message or delivery cost the server."""
    head = ("goal", "", "found", "against", "ratio", "by CPU", "must", "met", "summit", "met")
    measured = [(goal, found.goals[goal.number]) for goal in GOALS if goal.number in found.goals]
    return _aligned([head, *(_bound_cells(*one, at) for one in measured for at in one[0].bounds)])


def _bound_cells(goal: Goal, finding: Finding, at: Bound) -> tuple[str, ...]:
    first = at is goal.bounds[0]
    value, ratio, cost = _middle(finding.values), finding.ratio(at), _middle(finding.by_cpu.get(at.against, []))
    told = "failed" if finding.failure else f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"
    doubt = "?" if finding.disturbed else ""
    return (
        str(goal.number) if first else "", goal.what if first else "", f"{told} {goal.unit}" if first else "",
        at.against, f"{ratio:.2f}{'×' if goal.at_least else ''}" if at.against and not math.isnan(ratio) else "–",
        "–" if math.isnan(cost) else f"{cost:.2f}×", *_verdict(goal, ratio, at.must, doubt),
        *_verdict(goal, ratio, at.summit, doubt),
    )  # fmt: skip


def _verdict(goal: Goal, ratio: float, bound: float | None, doubt: str) -> tuple[str, str]:
    if bound is None:
        return "–", "–"
    sign, unit = ("≥", "×") if goal.at_least else ("≤", f" {goal.unit}")
    return f"{sign} {bound:g}{unit}", ("yes" if goal.closeness(ratio, bound) >= 1 else "no") + doubt


def _aligned(lines: list[tuple[str, ...]]) -> str:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    words = {column for column in range(len(widths)) if column < 2}
    return "\n".join(
        "  ".join(cell.ljust(width) if column in words else cell.rjust(width)
                  for column, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip()
        for line in lines
    )  # fmt: skip


def floors_table(floor: dict[str, Any]) -> str:
    """Tell the floors in one line each."""
    sync, sends = floor["fdatasync_ms"], floor["send_us"]
    codecs = ", ".join(f"{name} {ns:.0f}" for name, ns in floor["codec_ns"].items())
    told = ", ".join(f"{each} µs with {frames} frames" for frames, each in sends.items())
    return "\n".join((
        "floors of this minute",
        f"  send to a loopback socket: {told}",
        f"  4 KiB and fdatasync: p50 {sync['p50']} ms, p99 {sync['p99']} ms",
        f"  read, parse and answer a constant frame: {floor['constant_us']} µs",
        f"  ns a call: {codecs}",
    ))  # fmt: skip
