"""Handles are found by unionid, also after the unionid has changed, and after a checkpoint."""

from gateway import commands, decide
from gateway.state import State


def put(state: State, handle: str, unionid: str) -> None:
    decided = decide.by_service(state, 1_000, 1_000, commands.PutConsumer(handle, "", unionid))
    assert isinstance(decided, list)
    for event in decided:
        state.apply(event)


def found(state: State) -> dict[str, set[str]]:
    return {unionid: set(handles) for unionid, handles in state.unionids.items() if handles}


def test_handles_are_found_by_the_unionid_they_have_now() -> None:
    state = State()
    for handle, unionid in (("amy", "u1"), ("bo", "u1"), ("cai", "u2"), ("amy", "u2"), ("cai", ""), ("amy", "u2")):
        put(state, handle, unionid)
    assert found(state) == {"u1": {"bo"}, "u2": {"amy"}}
    assert found(State.load(state.dump())) == found(state)
    state.clear()
    assert found(state) == {}
