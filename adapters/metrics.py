"""How the gateway does: `/livez`, `/readyz`, and `/metrics` from plain integers, collected when somebody scrapes.

Labels are bounded by tables of ours: a reason, a phase, a side, a known path. Never a person, never an enterprise.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from aiohttp import web

from adapters.aibot import Aibots
from adapters.callback_lines import CallbackLines, Outcome
from adapters.data_folder import RESERVE_BYTES
from adapters.http import Listener, check_host
from adapters.link import Links
from adapters.wecom_api.calls import Calls
from gateway.ports import Clock
from gateway.router import Router
from gateway.session import Phase
from gateway.state.people import Consumer

PREFIX: Final = "hutong_"
WHY: Final = {  # a check says no
    "started": "the gateway is starting or ending",
    "loop": "the loop has ended",
    "disk": f"less than {RESERVE_BYTES >> 20} MiB, the reserve, is free: commands are refused until there is room",
}
WHAT: Final[dict[Outcome, str]] = {
    "delivered": "taken",
    "failed": "to be tried again",
    "given_up": "the last one, and in vain",
}

Sample = tuple[str, str, str, dict[str, float]]  # name, help, label (or none), value of each label's value


class Watched(NamedTuple):
    """What is looked at."""

    router: Router
    links: Links
    listener: Listener
    clock: Clock
    calls: Calls
    callbacks: CallbackLines
    alive: Callable[[], bool]
    ready: Callable[[], bool]
    bots: Aibots


def counters(watched: Watched) -> Iterator[Sample]:
    """Tell what has happened since the start."""
    statistics = watched.router.statistics
    for name in statistics.__struct_fields__:
        value = getattr(statistics, name)
        if isinstance(value, int):
            yield name, f"{name.replace('_', ' ')} since the start".capitalize(), "", {"": value}
    yield "refused", "Refused commands by reason", "reason", dict(statistics.refused)
    for outcome, by_event in watched.callbacks.counts.items():
        yield f"callbacks_{outcome}", f"Attempts to call an app back: {WHAT[outcome]}", "event", dict(by_event)
    calls = watched.calls
    yield "calls", "Calls of the vendor's API", "", {"": calls.newest}
    yield "calls_unknown", "Calls of paths that nobody knows", "", {"": calls.unknown}
    yield "calls_unsimulated", "Calls of known paths that are not simulated", "path", dict(calls.unsimulated)


def gauges(watched: Watched) -> Iterator[Sample]:
    """Tell how things stand."""
    router, state = watched.router, watched.router.state
    phases = dict.fromkeys((phase.value for phase in Phase), 0)
    for session in router.sessions:
        phases[session.phase.value] += 1
    yield "bots_subscribed", "Bots that have a connection", "", {"": watched.bots.subscribed}
    consumers = sum(isinstance(person, Consumer) for person in state.people.values())
    yield "links", "Links by phase", "phase", dict(phases)
    yield "connections", "Connections that are no link", "", {"": watched.listener.connections}
    yield "people", "People by side", "side", {"member": len(state.people) - consumers, "consumer": consumers}
    yield "corps", "Enterprises", "", {"": len(state.corps)}
    yield "conversations", "Conversations", "", {"": len(state.conversations)}
    yield "jobs", "Long actions under way", "", {"": len(state.jobs)}
    yield "journal_position", "Place of the newest durable record", "", {"": router.durable_position}
    yield "journal_room", "Whether the disk reserve is untouched", "", {"": router.journal.room()}
    real_ms = watched.clock.real_ms()
    yield "clock_ahead_seconds", "Movable clock less real clock", "", {"": (router.now_ms() - real_ms) / 1000}
    yield "clock_rate", "How fast the movable clock runs", "", {"": state.clock.rate}


class Health:
    """The three addresses that operators ask."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/livez", self.livez)
        app.router.add_get("/readyz", self.readyz)
        app.router.add_get("/metrics", self.metrics)

    async def livez(self, _request: web.Request) -> web.Response:
        """Tell whether the loop turns."""
        return _verdict({"loop": self._watched.alive()}, verbose=False)

    async def readyz(self, request: web.Request) -> web.Response:
        """Tell whether links and sends are taken; `?verbose` names each check."""
        checks = {
            "started": self._watched.ready(),
            "loop": self._watched.alive(),
            "disk": self._watched.router.journal.room(),
        }
        return _verdict(checks, "verbose" in request.query)

    async def metrics(self, request: web.Request) -> web.Response:
        """Give the numbers in the exposition format."""
        check_host(request)
        from prometheus_client import CONTENT_TYPE_LATEST

        return web.Response(body=exposition(self._watched), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _verdict(checks: dict[str, bool], verbose: bool) -> web.Response:
    good = all(checks.values())
    lines = [f"[+] {name}" if ok else f"[-] {name}: {WHY[name]}" for name, ok in checks.items()] if verbose else []
    text = "\n".join([*lines, "ok" if good else "not ok"])
    return web.Response(text=f"{text}\n", status=200 if good else 503)


def exposition(watched: Watched) -> bytes:
    """Write every number; prometheus-client is loaded by the first scrape, not by the start."""
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector

    class Numbers(Collector):
        def collect(self) -> Iterator[Metric]:
            for family, samples in ((CounterMetricFamily, counters), (GaugeMetricFamily, gauges)):
                for name, text, label, values in samples(watched):
                    metric = family(PREFIX + name, text, labels=[label] if label else [])
                    for value, number in values.items():
                        metric.add_metric([value] if label else [], number)
                    yield metric

    registry = CollectorRegistry()
    registry.register(Numbers())
    ProcessCollector(registry=registry)
    return generate_latest(registry)
