"""A device's ring of answers, and who may read what."""

import pytest

from gateway.state.people import ANSWERS_MAX, Answer, Device, Member


def answer(number: int) -> Answer:
    return Answer(number, number * 7, "cv", number, number)


def test_a_device_keeps_its_last_64_answers() -> None:
    device = Device()
    for number in range(1, 201):
        device.keep(answer(number * 3))
        kept = range(max(1, number - 63), number + 1)
        assert device.last_number == number * 3
        assert sorted(one.number for one in device.answers) == [n * 3 for n in kept]
    assert len(device.answers) == ANSWERS_MAX == 64
    assert device.find(200 * 3) == answer(600)
    assert device.find(137 * 3) == answer(411)
    assert device.find(136 * 3) is None
    assert device.find(599) is None


@pytest.mark.parametrize(
    ("ends", "readable"),
    [
        ((), {1, 2, 3, 4, 5, 6, 7, 8}),
        ((3,), {3, 4, 5, 6, 7, 8}),
        ((3, 5), {3, 4, 5}),
        ((3, 5, 7), {3, 4, 5, 7, 8}),
        ((1, 1, 8, 8), {1, 8}),
    ],
)
def test_a_membership_is_readable_with_both_its_ends(ends: tuple[int, ...], readable: set[int]) -> None:
    person = Member("silk/zhang", conversations={"cv": ends})
    assert {sequence for sequence in range(1, 9) if person.may_read("cv", sequence)} == readable
    assert not person.may_read("another", 1)
