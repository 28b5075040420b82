"""How codes are made, scanned and dropped, and what becomes of welcome codes and templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway import events
from gateway.state.apply.registry import applies
from gateway.state.ways import Template, Ways, Welcome
from gateway.windows import WINDOWS

if TYPE_CHECKING:
    from gateway.state import State

_DAY: Final = WINDOWS.index("day")


@applies(events.CodePut)
def code_put(state: State, event: events.CodePut) -> None:
    ways = state.corps[event.corpid].ways
    is_new = event.code not in state.codes
    state.codes[event.code] = event
    if is_new:
        ways.made += 1
    way = event.way if isinstance(event.way, events.ContactWay) else None
    expires_s = way.expires_s if way is not None else 0
    if way is None or expires_s:
        ways.contact.pop(event.code, None)  # a world may say that it is something else now
    if not expires_s:
        ways.temporary.pop(event.code, None)
        if way is not None:
            ways.contact[event.code] = event.made_ms
        return
    ways.temporary[event.code] = event.made_ms + expires_s * 1000
    if is_new:
        day = state.indexes(event.made_ms)[_DAY]
        if day != ways.temporary_day:
            ways.temporary_day, ways.temporary_made = day, 0
        ways.temporary_made += 1
        _forget_lapsed(state, ways, event.made_ms)


def _forget_lapsed(state: State, ways: Ways, now_ms: int) -> None:
    """Drop the oldest temporary codes that are past their time, up to the first that is not."""
    while ways.temporary:
        oldest = next(iter(ways.temporary))
        if ways.temporary[oldest] > now_ms:
            return
        del ways.temporary[oldest], state.codes[oldest]
        ways.scans.pop(oldest, None)


@applies(events.CodeDropped)
def code_dropped(state: State, event: events.CodeDropped) -> None:
    ways = state.corps[event.corpid].ways
    del state.codes[event.code]
    ways.contact.pop(event.code, None)
    ways.temporary.pop(event.code, None)
    ways.scans.pop(event.code, None)


@applies(events.CodeScanned)
def code_scanned(state: State, event: events.CodeScanned) -> None:
    state.corps[event.corpid].ways.scans[event.code] = event.scans


@applies(events.WelcomeGiven)
def welcome_given(state: State, event: events.WelcomeGiven) -> None:
    state.corps[event.corpid].ways.keep(event.code, Welcome(event.conversation, event.time_ms))


@applies(events.WelcomeSpent)
def welcome_spent(state: State, event: events.WelcomeSpent) -> None:
    state.corps[event.corpid].ways.welcomes[event.code].spent = True


@applies(events.TemplatePut)
def template_put(state: State, event: events.TemplatePut) -> None:
    ways = state.corps[event.corpid].ways
    ways.written += event.id not in ways.templates
    ways.templates[event.id] = Template(event.agent_id, event.body)


@applies(events.TemplateDropped)
def template_dropped(state: State, event: events.TemplateDropped) -> None:
    del state.corps[event.corpid].ways.templates[event.id]
