"""Records that an older gateway wrote mean what they meant."""

import msgspec

from gateway import commands, decide, events
from gateway.state import State

NOW_MS = 1_786_323_540_000


def related(state: State, status: str, time_ms: int, upto: str = "time_ms") -> None:
    """Apply a relation's record as it was written when its fields ended there."""
    put = events.RelationPut(
        "silk", "silk/zhang", "amy", "cv-1", status, 1, "", "", (), False, False, time_ms  # type: ignore[arg-type]
    )  # fmt: skip
    fields = msgspec.msgpack.decode(events.encode(put))[: 2 + events.RelationPut.__struct_fields__.index(upto)]
    state.apply(events.decode(msgspec.msgpack.encode(fields)))


def test_a_relation_of_before_the_vendors_api_is_a_customer_since_it_was_made() -> None:
    state = State()
    for command in (
        commands.PutCorp("silk", "Silk Ltd", "Silk"), commands.PutMember("silk", "zhang", "Zhang"),
        commands.PutConsumer("amy"), commands.PutKnown("silk", "amy", "wmAmy"),
    ):  # fmt: skip
        decided = decide.by_service(state, NOW_MS, NOW_MS, command)
        assert isinstance(decided, list)
        for event in decided:
            state.apply(event)
    related(state, "pending", NOW_MS)
    assert not state.relation("cv-1").confirmed
    related(state, "mutual", NOW_MS + 5)
    assert (state.relation("cv-1").confirmed, state.relation("cv-1").made_ms) == (True, NOW_MS)


def test_a_restore_of_before_it_named_the_real_time_leaves_the_clock_as_the_snapshot_had_it() -> None:
    state = State()
    state.apply(events.ClockSet(NOW_MS, NOW_MS + 5, 2.0))
    clock = msgspec.structs.replace(state.clock)
    state.apply(events.decode(msgspec.msgpack.encode([160, 7, {"jti": 9}])))
    assert (state.epoch, state.revoked, state.clock) == (7, {"jti": 9}, clock)
