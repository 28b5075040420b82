"""The audience: whoever is live and in, and nobody else."""

from gateway.audience import Audience
from gateway.session import Session
from gateway.state.conversations import AppChat, Conversation, Group, Relation
from gateway.state.people import Consumer, Member
from protocol.codec import MSGPACK
from tests.unit.gateway.test_outbox import Pipe

ZHANG, AMY = Member("silk/zhang"), Consumer("amy")
SINGLE = Conversation("c1", "single", "silk", relation=Relation("silk/zhang", "amy", "mutual"))
TEA = Conversation("c2", "group", "silk", group=Group("chat-tea", "tea", "silk/zhang"))
APP = Conversation("c3", "app", "silk", app=AppChat("till", "amy"))
OWN = Conversation("c4", "own", "silk", person="amy")


def link(person: str) -> Session:
    return Session(Pipe(), MSGPACK, "consumer", frozenset(), person, "phone", "jti")


def test_both_sides_of_a_single_chat_listen_with_every_device() -> None:
    audience, zhang, phone, desk = Audience(), link("silk/zhang"), link("amy"), link("amy")
    assert not audience.of(SINGLE)
    audience.add(phone, AMY, [])
    assert set(audience.of(SINGLE)) == {phone}
    audience.add(desk, AMY, [])
    audience.add(zhang, ZHANG, [])
    assert set(audience.of(SINGLE)) == {zhang, phone, desk}
    assert set(audience.of(APP)) == set(audience.of(OWN)) == {phone, desk}
    audience.drop(phone, [])
    assert set(audience.of(SINGLE)) == {zhang, desk}
    assert set(audience.of(OWN)) == {desk}


def test_a_group_is_heard_by_those_who_sit_in_it() -> None:
    audience, zhang, amy = Audience(), link("silk/zhang"), link("amy")
    audience.add(zhang, ZHANG, [TEA.id])
    audience.add(amy, AMY, [])
    assert set(audience.of(TEA)) == {zhang}
    audience.seat(TEA.id, "amy")
    assert set(audience.of(TEA)) == {zhang, amy}
    audience.unseat(TEA.id, "silk/zhang")
    assert set(audience.of(TEA)) == {amy}
    audience.drop(amy, [TEA.id])
    assert not audience.of(TEA)


def test_dropping_twice_is_nothing_and_a_forgotten_group_has_no_ears() -> None:
    audience, zhang, amy = Audience(), link("silk/zhang"), link("amy")
    audience.add(zhang, ZHANG, [TEA.id])
    audience.drop(amy, [TEA.id])
    assert set(audience.of(TEA)) == {zhang}
    audience.forget([TEA.id, "c9"])
    assert not audience.of(TEA)
    audience.drop(zhang, [TEA.id])
    audience.drop(zhang, [TEA.id])
    assert not audience.of(SINGLE)
