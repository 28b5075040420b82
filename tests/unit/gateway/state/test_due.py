"""What apps are to be called back about: the newest records, up to a bound, and only of apps that are called back."""

from gateway.events import AppPut, CallbackDue, CorpPut
from gateway.state import State
from gateway.state.apply.callbacks import DUE_MAX
from protocol.wecom.changes import ChatCreated


def test_the_oldest_fall_out_and_an_app_without_an_address_has_none() -> None:
    state = State()
    state.apply(CorpPut("ww", "c", "c", "certified", 0, 1))
    state.apply(AppPut("ww", "1", "a", "s", "http://receiver"))
    state.apply(AppPut("ww", "2", "b", "t"))
    assert state.newest_due == 0
    for _ in range(DUE_MAX + 5):
        state.apply(CallbackDue("ww", ("1", "2"), ChatCreated("wr"), 1))
    due = state.corps["ww"].apps["1"].due
    assert (len(due), due[0], due[-1]) == (DUE_MAX, 3 + 6, state.position)
    assert state.newest_due == state.position
    assert state.corps["ww"].apps["2"].due == []
