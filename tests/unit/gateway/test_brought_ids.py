"""Ids that a world brought from elsewhere are never given again, whatever the counters say."""

from collections.abc import Iterator
from itertools import count

import pytest

from gateway import commands, decide
from gateway.commands import PutCode, PutConsumer, PutCorp, PutDepartment, PutGroup, PutKnown, PutMember, PutRelation
from gateway.commands.ways import PutContactWay, PutJoinWay
from gateway.refusal import Refusal
from gateway.state import State
from protocol.errors import EXISTS, MALFORMED

NOW_MS = 1_795_000_000_000


def tell(state: State, *asked: commands.Command) -> State:
    for command in asked:
        decided = decide.by_service(state, NOW_MS, NOW_MS, command)
        assert isinstance(decided, list), (command, decided)
        for event in decided:
            state.apply(event)
    return state


def corp(seed: str = "s") -> State:
    return tell(
        State(), commands.ResetWorld(seed), PutCorp("ww1", "One", "One"), PutMember("ww1", "lin", "Lin"),
        *(PutConsumer(handle) for handle in ("amy", "bob", "cy")),
    )  # fmt: skip


def ids_of(state: State) -> dict[str, str]:
    return {handle: external for external, handle in state.corps["ww1"].consumers.items()}


def derived_later(told: commands.Command, prefix: str) -> str:
    """Learn which id a command will derive, in a world of its own."""
    state = tell(corp(), PutKnown("ww1", "bob"), told)
    names: Iterator[str] = iter({**state.corps["ww1"].consumers, **state.corps["ww1"].chats, **state.codes})
    return [name for name in names if name.startswith(prefix)][-1]


def test_consumer_gets_another_id_than_one_that_was_brought() -> None:
    later = derived_later(PutKnown("ww1", "cy"), "wm")
    state = tell(corp(), PutKnown("ww1", "bob", later), PutKnown("ww1", "cy"))
    ids = ids_of(state)
    assert ids["bob"] == later != ids["cy"]
    assert ids["cy"].startswith("wm") and len(ids["cy"]) == len(later)


def test_group_gets_another_id_than_one_that_was_brought() -> None:
    later = derived_later(PutGroup("ww1", "g", "lin"), "wr")
    state = tell(corp(), PutGroup("ww1", "brought", "lin", later), PutGroup("ww1", "new", "lin"))
    assert len(state.corps["ww1"].chats) == 2
    assert state.group(state.corps["ww1"].chats[later]).name == "brought"


def test_code_gets_another_id_than_any_that_lives() -> None:
    state = tell(corp(), PutCorp("ww2", "Two", "Two"), PutMember("ww2", "wu", "Wu"))
    tell(state, PutCode("ww1", "lin"), PutCode("ww2", "wu"), PutCode("ww2", "wu", state="b"))
    tell(state, commands.ResetCorp("ww1"), PutCode("ww2", "wu", state="c"))
    assert sorted(put.state for put in state.codes.values()) == ["", "b", "c"]


def test_a_code_stays_with_the_enterprise_that_brought_it() -> None:
    state = tell(corp(), PutCorp("ww2", "Two", "Two"), PutMember("ww2", "wu", "Wu"), PutGroup("ww2", "g", "wu", "wrG"))
    tell(state, way(code="k"))
    for clash in (
        PutCode("ww2", "wu", code="k"),
        PutContactWay("ww2", 1, 2, ("wu",), code="k"),
        PutJoinWay("ww2", 2, ("wrG",), code="k"),
    ):
        assert decide.by_service(state, NOW_MS, NOW_MS, clash) == Refusal(EXISTS, "code")
    assert state.codes["k"].corpid == "ww1"


def test_a_temporary_code_that_becomes_another_does_not_lapse() -> None:
    state = tell(corp(), way(code="k"), PutCode("ww1", "lin", code="k"))
    (later,) = decide.by_service(state, NOW_MS + 120_000, NOW_MS, way())  # type: ignore[misc]
    state.apply(later)
    assert state.codes["k"].userid == "lin"


def way(code: str = "") -> PutContactWay:
    return PutContactWay("ww1", 1, 2, ("lin",), expires_s=60, code=code)


def test_one_consumer_has_one_id_and_one_id_one_consumer() -> None:
    state = tell(
        corp(), PutRelation("ww1", "lin", "amy", "wmAmy"), PutKnown("ww1", "amy"), PutKnown("ww1", "amy", "wmAmy")
    )
    for clash in (PutKnown("ww1", "bob", "wmAmy"), PutKnown("ww1", "amy", "wmOther")):
        assert decide.by_service(state, NOW_MS, NOW_MS, clash) == Refusal(EXISTS, "external_userid")
    assert ids_of(state) == {"amy": "wmAmy"}


def test_revoked_token_outlives_the_world() -> None:
    state = tell(corp(), commands.RevokeToken("t1", NOW_MS // 1000 + 60), commands.ResetWorld("s"))
    assert state.revoked == {"t1": NOW_MS // 1000 + 60}
    assert State.load(state.dump()).revoked == state.revoked


def test_nothing_is_above_the_root() -> None:
    """Or the vendor's API, which knows the root by its number, could close a ring around it."""
    state = tell(corp(), PutDepartment("ww1", 7, "d"))
    refusal = decide.by_service(state, NOW_MS, NOW_MS, PutDepartment("ww1", 1, "root", 7))
    assert isinstance(refusal, Refusal) and refusal.reason is MALFORMED


@pytest.mark.parametrize("parent", [1, 2, 3])
def test_department_is_not_above_itself(parent: int) -> None:
    made = count(1)
    state = corp()
    for above in (0, 1, 2):
        tell(state, PutDepartment("ww1", next(made), "d", above))
    refusal = decide.by_service(state, NOW_MS, NOW_MS, PutDepartment("ww1", 1, "d", parent))
    assert isinstance(refusal, Refusal) and refusal.reason is MALFORMED
