"""What a device stores, and that the ledger sees every broken promise."""

from typing import Any

import pytest

from hutong.memory import CURSORS_MAX, Memory, Message

OPENED: dict[str, Any] = {
    "kind": "notice",
    "affair": "relation_made",
    "conversation": "cv1",
    "opens": "single",
    "who": ["zhangsan"],
}


def message(sequence: int, at: str = "cv1", corp: str = "ww1", /, **content: Any) -> Message:
    side = "system" if "affair" in content else "member"
    return Message(corp, at, sequence, 0, side, "", content or {"kind": "text", "text": "hi"})


def take(memory: Memory, *sequences: int, live: bool = True) -> list[bool]:
    return [memory.take(message(sequence), live) for sequence in sequences]


@pytest.fixture
def memory() -> Memory:
    return Memory()


def test_records_in_order_are_clean(memory: Memory) -> None:
    assert take(memory, 1, 2, 3) == [True, True, True]
    memory.synced("t1")
    assert memory.ledger.clean
    assert (memory.ledger.received, memory.upto("cv1"), memory.token) == (3, 3, "t1")


def test_a_repeat_is_dropped_while_catching_up_and_a_defect_when_live(memory: Memory) -> None:
    take(memory, 1, 2)
    assert take(memory, 1, 2, live=False) == [False, False]
    assert memory.ledger.clean
    assert take(memory, 2) == [False]
    assert (memory.ledger.repeated, memory.ledger.duplicated) == (3, 1)


def test_a_hole_is_lost_when_the_gateway_says_synced(memory: Memory) -> None:
    take(memory, 1, 3, 6)
    assert memory.ledger.lost == 0
    assert memory.upto("cv1") == 1
    memory.synced("t1")
    assert (memory.ledger.lost, memory.upto("cv1")) == (3, 6)


def test_a_first_record_above_one_is_a_loss_but_in_a_group_one_joins(memory: Memory) -> None:
    memory.take(message(5, "cvgroup", kind="notice", affair="joined"), live=True)
    memory.synced("t1")
    assert memory.ledger.lost == 0
    take(memory, 2)
    memory.synced("t2")
    assert memory.ledger.lost == 1


def test_a_late_record_is_out_of_order(memory: Memory) -> None:
    take(memory, 1, 3, 2)
    assert (memory.ledger.out_of_order, memory.upto("cv1")) == (1, 3)
    memory.synced("t1")
    assert memory.ledger.lost == 0


def test_own_sends_fill_their_places(memory: Memory) -> None:
    memory.said("cv1", 2)
    take(memory, 1)
    memory.said("cv1", 3)
    memory.said("cv1", 3)
    take(memory, 4)
    memory.synced("t1")
    assert memory.ledger.clean
    assert memory.upto("cv1") == 4


def test_an_own_answer_may_overtake_what_others_said_before_it(memory: Memory) -> None:
    take(memory, 1)
    memory.said("cv1", 4)
    memory.synced("t1")
    assert (memory.ledger.lost, memory.upto("cv1")) == (0, 1)
    assert take(memory, 2, 3) == [True, True]
    assert (memory.ledger.clean, memory.upto("cv1")) == (True, 4)
    memory.said("cv1", 6)
    take(memory, 7)
    memory.synced("t2")
    assert (memory.ledger.lost, memory.upto("cv1")) == (1, 7)


def test_an_own_send_may_come_again_as_a_record(memory: Memory) -> None:
    take(memory, 1)
    memory.said("cv1", 2)
    assert take(memory, 2) == [False]
    assert memory.ledger.clean


def test_who_left_and_came_back_has_no_loss(memory: Memory) -> None:
    take(memory, 1)
    memory.take(message(2, kind="notice", affair="left"), live=True)
    memory.take(message(9, kind="notice", affair="joined"), live=True)
    memory.synced("t1")
    assert memory.ledger.clean
    take(memory, 10, 12)
    memory.take(message(13, kind="notice", affair="joined"), live=True)
    memory.synced("t2")
    assert memory.ledger.lost == 1


def test_cursors_name_what_grew_since_the_token_latest_first(memory: Memory) -> None:
    memory.take(message(1, "cvold"), live=True)
    memory.synced("t1")
    memory.take(message(1, "cva"), live=True)
    memory.take(message(1, "cvb"), live=True)
    memory.take(message(2, "cva"), live=True)
    memory.take(message(7, "cvhole"), live=True)
    assert memory.cursors() == [["cva", 2], ["cvb", 1]]


def test_cursors_are_bounded(memory: Memory) -> None:
    for number in range(CURSORS_MAX + 10):
        memory.take(message(1, f"cv{number}"), live=True)
    named = [name for name, _ in memory.cursors()]
    assert (len(named), named[0]) == (CURSORS_MAX, f"cv{CURSORS_MAX + 9}")


def test_conversations_are_learnt_from_notices_and_found_by_name(memory: Memory) -> None:
    memory.take(message(1, "cvown", **OPENED, text="Zhang San"), live=True)
    for name in ("cv1", "zhangsan", "ww1/zhangsan", "Zhang San"):
        assert [conversation.id for conversation in memory.named(name)] == ["cv1"]
    assert list(memory.named("lisi")) == []


def test_a_reset_enterprise_is_forgotten_and_the_rest_kept(memory: Memory) -> None:
    memory.take(message(1, "cvown", **OPENED), live=True)
    memory.take(message(1, "cv1"), live=True)
    memory.take(message(1, "cv2", "ww2"), live=True)
    memory.forget("ww1")
    assert (set(memory.shelves), memory.conversations) == ({"cv2"}, {})
    assert take(memory, 1) == [True]


def test_another_world_is_a_reload_and_keeps_the_numbering(memory: Memory) -> None:
    memory.number()
    take(memory, 1)
    memory.synced("t1")
    memory.forget_all()
    assert (memory.token, memory.number(), memory.ledger.reloads) == ("", 2, 1)
    assert take(memory, 1) == [True]


def test_ledgers_add_up(memory: Memory) -> None:
    other = Memory()
    take(memory, 1)
    take(other, 1, 1)
    total = memory.ledger
    total += other.ledger
    assert (total.received, total.duplicated, total.clean) == (2, 1, False)
