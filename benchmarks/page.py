"""The page about speed: `docs/benchmarks.md` and its plots, made from `build/bench.json` and nothing else.

`make bench` writes it when every goal was measured in full runs; `python -m benchmarks.page` writes it again.
"""

import json
import math
from collections.abc import Iterator
from html import escape
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from benchmarks.generator import BUILD
from benchmarks.report import ladder

RESULT: Final = BUILD / "bench.json"
PAGE: Final = Path("docs/benchmarks.md")
PLOTS: Final = Path("docs/benchmarks")
SHAPES: Final = {2: "1:1", 10: "groups of 10", 100: "groups of 100", 500: "groups of 500"}

PAIR: Final = 2
FONT: Final = 'font-family="system-ui, sans-serif" font-size="13"'
_ROW: Final = 26  # pixels
_LABEL: Final = 190
_BAR: Final = 420
_OURS: Final = "#0a7d5a"
_OTHERS: Final = "#8a94a6"

Told = dict[str, Any]


def write(told: Told) -> None:
    """Write the page and its plots."""
    PLOTS.mkdir(exist_ok=True)
    for workload in _workloads(told):
        _plot_of(workload).write_text(_plot(_closed(told, workload)))
    PAGE.write_text("\n".join(_lines(told)) + "\n")


def _lines(told: Told) -> Iterator[str]:
    machine = told["machine"]
    yield "# Benchmarks"
    yield ""
    yield (
        f"Made by `make bench` on {machine['cpu']}, {machine['cores']} cores, kernel {machine['kernel']}, Python "
        f"{machine['python']}, commit {machine['commit']}. The server has one core, the load generator the other. "
        "In the rows named hutong every rule is on (profile `bench`), and each acknowledgement follows an fsync; "
        '"hutong, …" names what it goes without. '
        "Systems take turns within a repeat, in an order that alternates; figures are medians of "
        f"{told['repeats']} runs a row, ratios are of runs that stood side by side. Rows that are lost stay in."
    )
    yield ""
    yield "## Goals"
    yield ""
    yield from _table(("goal", "", "found", "spread", "against", "ratio", "must", "met", "summit", "met"), _goals(told))
    for workload in _workloads(told):
        yield ""
        yield f"## {SHAPES[_group(workload)]} ({workload}: clients/group/window/senders)"
        yield ""
        yield f"![deliveries a second]({_plot_of(workload).relative_to(PAGE.parent)})"
        yield ""
        yield from _table(
            (
                "system",
                "messages/s",
                "deliveries/s",
                "ack p99 ms",
                "µs/message",
                "µs/delivery",
                "generator",
                "does not do",
            ),
            map(_load, [row for row in told["loads"] if row["workload"] == workload]),
        )
    yield ""
    yield from _rungs(told)
    yield ""
    yield from _sizes(told)
    yield ""
    yield "## Floors of the same minutes"
    yield ""
    yield from _table(("floor", "figure"), _floors(told["floors"]))
    yield ""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    yield f"Versions: {versions}. A `≥` stands before what the generator, not the system, may have bounded."


def _rungs(told: Told) -> Iterator[str]:
    """Tell where a one-to-one message's microseconds go."""
    yield "## Where the time of a 1:1 message goes"
    yield ""
    yield (
        "Each rung alone in one process, by CPU time, on turns of 1,600 messages (`python -m benchmarks.ladder`); then "
        "the gateway under the load of goal 1. The rest is what no rung holds: polling the sockets, the loop's part of "
        "reading and writing, waking up and switching threads."
    )
    yield ""
    loaded = [row for row in told["loads"] if _group(row["workload"]) == PAIR and row["system"] == "hutong"]
    loaded = [row for row in loaded if not row["open_loop_rate"]]
    served_us = loaded[0]["median"]["server_us_message"] if loaded and loaded[0]["median"] else math.nan
    yield from _table(("rung", "µs"), ((rung, f"{us:.2f}") for rung, us in ladder(told["ladder"], served_us)))


def _sizes(told: Told) -> Iterator[str]:
    """Tell what the same chats cost as something else grows, a curve and a table each."""
    yield "## What size costs"
    yield ""
    yield (
        f"The one-to-one chats at {told['scale_rate']:,.0f} messages a second, a fresh server a point, as one thing "
        "grows. At this rate a turn is a handful of messages, so a message's part of its turn's fsync, wake-ups and "
        "writes is the larger part of the cost; what matters is whether the curve is flat."
    )
    for curve, points in groupby(told["scale"], key=itemgetter("curve")):
        measured = list(points)
        plot = PLOTS / f"{curve.partition(',')[0].replace(' ', '-')}.svg"
        plot.write_text(_curve(measured))
        yield ""
        yield f"![µs a message, by {curve}]({plot.relative_to(PAGE.parent)})"
        yield ""
        yield from _table((curve, "µs/message", "ack p99 ms", "server's memory, MiB"), map(_size, measured))


def _size(point: Told) -> tuple[str, ...]:
    return f"{point['size']:,}", f"{point['us_message']:.1f}", f"{point['ack_p99_ms']:.1f}", f"{point['rss_mib']:,.0f}"


def _table(head: tuple[str, ...], rows: Any) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _goals(told: Told) -> Iterator[tuple[str, ...]]:
    for goal in told["rows"]:
        for place, bound in enumerate(goal["bounds"]):
            first = place == 0
            yield (
                str(goal["goal"]) if first else "", goal["name"] if first else "",
                f"{_figure(goal['value'])} {goal['unit']}" if first else "",
                f"±{goal['spread']:.0%}" if first and goal["spread"] is not None else "",
                bound["against"] or "", _figure(bound["ratio"]),
                *_verdict(goal, bound["ratio"], bound["must"]), *_verdict(goal, bound["ratio"], bound["summit"]),
            )  # fmt: skip


def _verdict(goal: Told, ratio: float | None, bound: float | None) -> tuple[str, str]:
    """Name what is asked for, and whether it was found; nothing is known where others took the cores."""
    if bound is None:
        return "–", "–"
    sign, unit = ("≥", "×") if goal["at_least"] else ("≤", f" {goal['unit']}")
    met = ratio is not None and (ratio >= bound if goal["at_least"] else ratio <= bound)
    return f"{sign} {bound:g}{unit}", ("yes" if met else "**no**") + ("?" if goal["disturbed"] else "")


def _figure(value: float | None) -> str:
    if value is None:
        return "failed"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _load(row: Told) -> tuple[str, ...]:
    name = row["system"] + (" at 70 %" if row["open_loop_rate"] else "")
    at = row["median"]
    if at is None:
        return name, "failed", "", "", "", "", "", "; ".join(row["failures"])
    mark = "≥ " if row["lower_bound"] else ""
    return (
        name, f"{mark}{at['messages_s']:,.0f}", f"{mark}{at['deliveries_s']:,.0f}", f"{at['ack_p99_ms']:.1f}",
        f"{at['server_us_message']:.1f}", f"{at['server_us_delivery']:.2f}", f"{at['generator_share']:.0%}",
        row["without"],
    )  # fmt: skip


def _floors(floors: Told) -> Iterator[tuple[str, str]]:
    for frames, us in floors["send_us"].items():
        yield f"send of {frames} frames of 100 B to an idle loopback socket", f"{us} µs"
    sync = floors["fdatasync_ms"]
    yield "4 KiB and fdatasync", f"p50 {sync['p50']} ms, p99 {sync['p99']} ms"
    yield "read, parse and answer a constant frame", f"{floors['constant_us']} µs"
    for name, ns in floors["codec_ns"].items():
        yield name, f"{ns:.0f} ns"


def _workloads(told: Told) -> list[str]:
    return list(dict.fromkeys(row["workload"] for row in told["loads"]))


def _group(workload: str) -> int:
    return int(workload.split("/")[1])


def _closed(told: Told, workload: str) -> list[Told]:
    rows = [row for row in told["loads"] if row["workload"] == workload and not row["open_loop_rate"] and row["median"]]
    return sorted(rows, key=lambda row: -row["median"]["deliveries_s"])


def _plot_of(workload: str) -> Path:
    return PLOTS / f"{workload.replace('/', '-')}.svg"


def _plot(rows: list[Told]) -> str:
    """Draw a bar a system, the longest for the most deliveries a second; a line over it is the spread of its runs."""
    most = max((run["deliveries_s"] for row in rows for run in row["runs"]), default=1.0)
    width, height = _LABEL + _BAR + 120, _ROW * len(rows) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" {FONT}>',
        f'<rect width="100%" height="{height}" fill="#fff"/>',
        *(part for place, row in enumerate(rows) for part in _bar(row, place * _ROW + 4, _BAR / most)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _bar(row: Told, top: int, scale: float) -> Iterator[str]:
    rates = [run["deliveries_s"] for run in row["runs"]]
    middle = row["median"]["deliveries_s"]
    colour = _OURS if row["system"] == "hutong" else _OTHERS
    base = top + 16
    yield f'<text x="{_LABEL - 8}" y="{base}" text-anchor="end" fill="#222">{escape(row["system"])}</text>'
    yield f'<rect x="{_LABEL}" y="{top + 3}" width="{middle * scale:.1f}" height="{_ROW - 8}" fill="{colour}"/>'
    low, high = _LABEL + min(rates) * scale, _LABEL + max(rates) * scale
    line = top + _ROW / 2 - 1
    yield f'<path d="M{low:.1f} {line}H{high:.1f}" stroke="#222" stroke-width="1.5"/>'
    yield f'<text x="{max(high, _LABEL + middle * scale) + 6:.1f}" y="{base}" fill="#222">{middle:,.0f}</text>'


def _curve(points: list[Told]) -> str:
    """Draw the cost of a message over size, from nothing upwards; sizes stand side by side, each ten times or more."""
    width, height, step = 640, 220, 600 / (len(points) + 1)
    most = max(point["us_message"] for point in points) * 1.2
    places = [
        (40 + step * (place + 1), 180 - 160 * point["us_message"] / most, point) for place, point in enumerate(points)
    ]
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y, _ in places)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" {FONT}>',
        f'<rect width="100%" height="{height}" fill="#fff"/>',
        f'<path d="M40 180H{width}" stroke="{_OTHERS}"/>',
        f'<path d="M{line}" fill="none" stroke="{_OURS}" stroke-width="2"/>',
        *(part for x, y, point in places for part in _mark(x, y, point)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _mark(x: float, y: float, point: Told) -> Iterator[str]:
    yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{_OURS}"/>'
    yield f'<text x="{x:.1f}" y="{y - 10:.1f}" text-anchor="middle" fill="#222">{point["us_message"]:.1f} µs</text>'
    yield f'<text x="{x:.1f}" y="200" text-anchor="middle" fill="#222">{point["size"]:,}</text>'


if __name__ == "__main__":
    write(json.loads(RESULT.read_text()))
