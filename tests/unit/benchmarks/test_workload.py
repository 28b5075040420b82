"""Workloads, the worlds they happen in and the links they open."""

import tomllib
from collections import Counter

import pytest

from benchmarks.peers.mosquitto import mosquitto_clients
from benchmarks.workload import ONE_TO_ONE, TENS, WORKLOADS, Workload, people_of
from benchmarks.worlds import world_file


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_everybody_is_in_one_group_and_the_senders_are_as_many_as_named(workload: Workload) -> None:
    people = people_of(workload)
    assert len({person.key for person in people}) == workload.clients
    assert set(Counter(person.group for person in people).values()) == {workload.group}
    assert set(Counter(person.group for person in people if person.sends).values()) == {workload.senders}


def test_members_and_consumers_both_send() -> None:
    for workload in WORKLOADS:
        sides = Counter("/" in person.key for person in people_of(workload) if person.sends)
        assert 0.4 < sides[True] / sides.total() < 0.6, workload.name


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_the_world_holds_everybody_in_the_group_they_load(workload: Workload) -> None:
    world = tomllib.loads(world_file(workload))
    told = {each["id"] for each in world["consumer"]}
    for corp in world["corp"]:
        told |= {f"{corp['corpid']}/{member['userid']}" for member in corp.get("member", [])}
        bonds = corp.get("relation", []) + corp.get("group", [])
        assert all(bond.get("state", "mutual") == "mutual" for bond in bonds)
    assert told == {person.key for person in people_of(workload)}
    groups = [group for corp in world["corp"] for group in corp.get("group", corp.get("relation", []))]
    assert len(groups) == workload.groups


def test_a_topic_is_read_by_the_whole_group_but_by_one_in_a_single_chat() -> None:
    assert [client.reads for client in mosquitto_clients(ONE_TO_ONE)[:2]] == [False, True]
    assert all(client.reads for client in mosquitto_clients(TENS))
