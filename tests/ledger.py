"""Devices that keep their own books: what they sent, what was acknowledged, what they have read and stored.

What a device holds here is what a phone would have on its disk: it is written down before anything is acknowledged,
and survives every end of a link. The judgement at the end compares these books with each other, never the server's
word with itself.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from tests.wire import LinkEnded, Wire

IN_FLIGHT_MAX: Final = 8
ACK_EVERY: Final = 16


class Heard(NamedTuple):
    """What stands at one place of a conversation, as a device was told."""

    sender: str
    text: str


class Sent(NamedTuple):
    """What a device asked to be said."""

    conversation: str
    text: str


@dataclass
class Device:
    """One device of one person, and its books."""

    person: str
    name: str
    token: str
    kind: str
    conversations: tuple[str, ...]  # where it may speak
    dice: random.Random
    resume: str = ""
    books: dict[str, dict[int, Heard]] = field(default_factory=dict)
    last_number: int = 0
    unanswered: dict[int, Sent] = field(default_factory=dict)
    answered: dict[int, tuple[str, int, str]] = field(default_factory=dict)  # number → conversation, sequence, text
    own: dict[str, set[int]] = field(default_factory=dict)  # where its own words stand
    repeats: int = 0
    ended: list[int] = field(default_factory=list)  # close codes
    talking: bool = True
    in_flight_max: int = IN_FLIGHT_MAX
    _upto: dict[str, int] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.person}:{self.name}"

    def cursors(self) -> dict[str, int]:
        """Say up to where each conversation is known without a hole, its own words included.

        Where a conversation begins is only known once everything was read for the first time.
        """
        if not self.resume:
            return {}
        known = {}
        for conversation in self.books.keys() | self.own.keys():
            book, own = self.books.get(conversation, {}), self.own.get(conversation, set())
            upto = self._upto.get(conversation) or min(book.keys() | own)
            while upto + 1 in book or upto + 1 in own:
                upto += 1
            known[conversation] = self._upto[conversation] = upto
        return known

    def write_down(self, conversation: str, sequence: int, heard: Heard) -> None:
        """Store a message; the same place must say the same thing for ever."""
        book = self.books.setdefault(conversation, {})
        before = book.setdefault(sequence, heard)
        if before is not heard:
            assert before == heard, f"{self.key}: {conversation} {sequence} was {before} and is {heard}"
            self.repeats += 1

    async def live(self, port: int, progress: Callable[[], None]) -> None:
        """Hold a link until it ends: resume, say again what was not answered, go on talking."""
        try:
            wire = await Wire.open(port, self.token, self.kind)
            # Now and then the newest token or the cursors had not reached the disk.
            token = self.resume if self.dice.random() < 0.9 else ""
            welcome = await wire.hello(token, self.cursors() if self.dice.random() < 0.7 else {})
            assert welcome["last_number"] <= self.last_number
            for number, sent in self.unanswered.items():
                wire.send(number, sent.conversation, sent.text)
            frames = 0
            while True:
                self._talk(wire)
                await self._hear(await wire.receive())
                frames += 1
                if frames % ACK_EVERY == 0:
                    wire.ack(self.cursors())
                progress()
        except LinkEnded as end:
            self.ended.append(end.code)
            progress()

    def _talk(self, wire: Wire) -> None:
        while self.talking and len(self.unanswered) < self.in_flight_max:
            self.last_number += 1
            sent = Sent(self.dice.choice(self.conversations), f"{self.key} {self.last_number} {'.' * 50}")
            self.unanswered[self.last_number] = sent
            wire.send(self.last_number, sent.conversation, sent.text)

    async def _hear(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "accepted":
                sent = self.unanswered.pop(frame["number"], None)
                if sent is not None:
                    assert frame["conversation"] == sent.conversation
                    self.answered[frame["number"]] = (sent.conversation, frame["sequence"], sent.text)
                    self.own.setdefault(sent.conversation, set()).add(frame["sequence"])
                else:
                    place = self.answered[frame["number"]][:2]
                    assert place == (frame["conversation"], frame["sequence"]), f"{self.key}: {frame} was at {place}"
            case "message":
                content = frame["content"]
                heard = Heard(frame["sender"], content.get("text", content["kind"]))
                self.write_down(frame["conversation"], frame["sequence"], heard)
            case "synced":
                self.resume = frame["token"]
            case "fault":
                assert frame["code"] == 1012, frame
            case other:
                raise AssertionError(f"{self.key}: {other}: {frame}")


class Crew:
    """All devices, and how much they have got done."""

    def __init__(self, devices: list[Device]) -> None:
        self.devices = devices
        self._links: list[asyncio.Task[None]] = []
        self._stirred = asyncio.Event()

    @property
    def acknowledged(self) -> int:
        return sum(len(device.answered) for device in self.devices)

    def board(self, port: int, *, talking: bool = True) -> None:
        """Have every device open its link."""
        loop = asyncio.get_running_loop()
        for device in self.devices:
            device.talking = talking
        self._links = [loop.create_task(device.live(port, self._stirred.set)) for device in self.devices]

    def hush(self) -> None:
        """Have nobody say anything new."""
        for device in self.devices:
            device.talking = False

    async def until(self, reached: Callable[[], bool], within_s: float = 30.0) -> None:
        """Wait until the devices have got somewhere; what went wrong with one of them is raised."""
        async with asyncio.timeout(within_s):
            while not reached():
                self._stirred.clear()
                self._raise_faults()
                await self._stirred.wait()
        self._raise_faults()

    def _raise_faults(self) -> None:
        for link in self._links:
            if link.done() and not link.cancelled():
                link.result()

    def is_ashore(self) -> bool:
        """Tell whether every link has ended."""
        return all(link.done() for link in self._links)

    async def talk(self, count: int) -> None:
        """Wait until so many messages more are acknowledged."""
        goal = self.acknowledged + count
        await self.until(lambda: self.acknowledged >= goal)

    async def ashore(self) -> None:
        """Wait until every link has ended."""
        async with asyncio.timeout(30.0):
            await asyncio.gather(*self._links)


def judge(crew: Crew, auditors: dict[str, Device]) -> int:
    """Compare the books; `auditors` has, for each person, a device that has just read everything anew.

    Gives the number of messages that were acknowledged.
    """
    for device in crew.devices:
        assert not device.unanswered, f"{device.key} was never answered: {list(device.unanswered)[:3]}"
        truth = auditors[device.person].books
        assert device.answered.keys() == set(range(1, device.last_number + 1)), device.key
        _judge_sent(device, truth)
        _judge_read(device, truth)
    for auditor in auditors.values():
        for conversation, book in auditor.books.items():
            assert sorted(book) == list(range(min(book), max(book) + 1)), f"{conversation} has holes"
    _judge_each_said_once(crew, auditors)
    return crew.acknowledged


def _judge_sent(device: Device, truth: dict[str, dict[int, Heard]]) -> None:
    """Every acknowledged message stands where its acknowledgement says; a device's numbers keep their order."""
    last: dict[str, int] = {}
    for _, (conversation, sequence, text) in sorted(device.answered.items()):
        assert truth[conversation][sequence].text == text, f"lost: {device.key} {conversation} {sequence}"
        assert sequence > last.get(conversation, 0), f"out of order: {device.key} {conversation} {sequence}"
        last[conversation] = sequence


def _judge_read(device: Device, truth: dict[str, dict[int, Heard]]) -> None:
    """A device has read everything that its person may read; of its own words the acknowledgement is enough."""
    own = {(conversation, sequence) for conversation, sequence, _ in device.answered.values()}
    for conversation, book in truth.items():
        read = device.books.get(conversation, {})
        for sequence, heard in book.items():
            if (conversation, sequence) not in own:
                assert read.get(sequence) == heard, f"{device.key} never read {conversation} {sequence}"
            else:
                assert read.get(sequence, heard) == heard
        assert read.keys() <= book.keys()


def _judge_each_said_once(crew: Crew, auditors: dict[str, Device]) -> None:
    """Everything that was said stands once, and nothing stands that nobody said."""
    said = [text for device in crew.devices for _, _, text in device.answered.values()]
    assert len(said) == len(set(said))
    places: dict[str, set[tuple[str, int]]] = {}
    for auditor in auditors.values():
        for conversation, book in auditor.books.items():
            for sequence, heard in book.items():
                if heard.text.endswith("."):
                    places.setdefault(heard.text, set()).add((conversation, sequence))
    assert places.keys() == set(said)
    twice = {text: at for text, at in places.items() if len(at) != 1}
    assert not twice, f"said twice: {twice}"
