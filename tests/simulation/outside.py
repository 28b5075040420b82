"""The other services: a broker that repeats, reorders and forgets, and receivers that hang, fail or talk nonsense."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from types import SimpleNamespace
from typing import Any, Self

import aiomqtt
import orjson

from adapters.callback_lines import CallbackLine
from adapters.callback_post import Answer
from adapters.callback_receivers import Called, Receivers
from protocol.topics import Publication
from tests.simulation.broken import demand
from tests.simulation.loop import Loop
from tests.simulation.truth import Truth

SOURCE = "//till"


class Broker:
    """Keeps commands until they are acknowledged, and what it was told."""

    def __init__(self, loop: Loop, truth: Truth, dice: Random) -> None:
        self.loop = loop
        self.truth = truth
        self.dice = dice
        self.slowest_s = 0.01
        self.away = False
        self.shuffles = False
        self.link: BrokerLink | None = None
        self.kept: dict[int, tuple[str, bytes, str]] = {}
        self.told: dict[str, str] = {}  # command id → type of its outcome
        self.events: dict[str, bytes] = {}
        self.made = 0

    def publish(self, corp: str, sender: dict[str, str], to: dict[str, Any], text: str, again: bool = False) -> None:
        """Take a command of a service; `again` repeats the one before under its old id."""
        if not again or not self.made:
            self.made += 1
        ident = f"c{self.made}"
        data = {"from": sender, "to": to, "content": {"kind": "text", "text": text}}
        body = {"specversion": "1.0", "id": ident, "source": SOURCE, "type": "hutong.message.send.v1", "data": data}
        mid = max(self.kept, default=0) + 1
        self.kept[mid] = f"hutong/v1/{corp}/cmd/message/send", orjson.dumps(body), ident
        self._hand_over(mid)

    def _hand_over(self, mid: int) -> None:
        if self.link is not None:
            self.loop.call_later(self.dice.random() * self.slowest_s, self.link.take, mid)

    def come(self, link: "BrokerLink") -> None:
        """Go on with a session: everything that was not acknowledged comes again."""
        self.link = link
        mids = list(self.kept)
        if self.shuffles:
            self.dice.shuffle(mids)
        for mid in mids:
            self._hand_over(mid)

    def leave(self, *, forget: bool = False) -> None:
        """Lose the connection, and the session with it if it is to be forgotten."""
        if forget:
            self.kept.clear()
        link, self.link = self.link, None
        if link is not None:
            link.end()

    def repeat(self) -> None:
        """Deliver again what is still being committed, as brokers do that wait too short."""
        for mid in list(self.kept):
            self._hand_over(mid)

    def acknowledged(self, mid: int) -> None:
        if (kept := self.kept.pop(mid, None)) is not None:
            done = (SOURCE, kept[2]) in self.truth.heard or kept[2] in self.told
            demand(done, "J1", f"command {kept[2]} is acknowledged to the broker, and not on disk")

    def hear(self, publication: Publication) -> None:
        """Take an event in; a repeat of it says the same."""
        event = orjson.loads(publication.payload)
        before = self.events.setdefault(event["id"], publication.payload)
        demand(before == publication.payload, "D3", f"event {event['id']} is told in another way")
        _, _, position = event["id"].partition("-")
        if position.isdecimal():
            demand(int(position) <= self.truth.position, "J3", f"event {event['id']} is told before it is durable")
        if "commandid" in event:
            self.told.setdefault(event["commandid"], event["type"])


class BrokerLink:
    """The gateway's connection to the broker, as adapters/mqtt_link.py has it."""

    broker: Broker  # of the run that is under way
    is_v5 = True

    def __init__(self, *_: Any) -> None:
        self._messages: asyncio.Queue[Any] = asyncio.Queue()
        self._ended = asyncio.Event()

    async def __aenter__(self) -> Self:
        await asyncio.sleep(self.broker.dice.random() * self.broker.slowest_s)
        if self.broker.away:
            raise aiomqtt.MqttError("the broker is away")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.broker.link is self:
            self.broker.link = None

    def end(self) -> None:
        self._ended.set()
        self._messages.put_nowait(None)

    async def subscribe(self, *_: object, qos: int) -> list[int]:
        self.broker.come(self)
        return [qos]

    def take(self, mid: int) -> None:
        kept = self.broker.kept.get(mid)
        if kept is not None and self.broker.link is self:
            topic = SimpleNamespace(value=kept[0])
            self._messages.put_nowait(
                SimpleNamespace(topic=topic, payload=kept[1], properties=None, retain=False, qos=1, mid=mid)
            )

    @property
    async def messages(self) -> AsyncIterator[Any]:
        while (message := await self._messages.get()) is not None:
            yield message
        raise aiomqtt.MqttError("the broker has gone")

    def acknowledge(self, message: Any) -> None:
        if self.broker.link is self:
            self.broker.acknowledged(message.mid)

    async def tell(self, publication: Publication, *, retain: bool = False) -> None:
        """Return when the broker has taken it; one that is lost on the way may have been taken, too."""
        await asyncio.sleep(self.broker.dice.random() * self.broker.slowest_s)
        if self._ended.is_set() or self.broker.link is not self:
            raise aiomqtt.MqttError("the broker has gone")
        if not retain:
            self.broker.hear(publication)

    async def copy(self, topic: str, payload: bytes, correlation: bytes) -> None:
        pass


class Target:
    """Apps' receivers: how they answer now, and what they were told."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self.slowest_s = 0.05
        self.mood = "well"
        self.told: dict[str, list[tuple[int, int, str]]] = {}  # app → position, attempt, outcome

    async def ask(self, _url: str, _query: dict[str, str], _body: bytes | None, seconds: float) -> Answer:
        mood = self.mood
        await asyncio.sleep(seconds if mood == "hangs" else self.dice.random() * self.slowest_s)
        if mood == "hangs":
            return Answer(0, b"", f"no answer within {seconds:g} s", 0)
        if mood == "fails":
            return Answer(500, b"", "status 500", 0)
        return Answer(200, b"<xml>nonsense" if mood == "garbles" else b"", "", 0)


class SimulatedReceivers(Receivers):
    """Asks the target instead of a socket, and holds each attempt against the truth."""

    def __init__(self, target: Target, truth: Truth, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._poster: Any = target
        self._target = target
        self._truth = truth

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        yield

    async def call(self, who: Called, position: int, attempt: int, *, replayed: bool = False) -> CallbackLine | None:
        demand(position <= self._truth.position, "J3", f"{who.key} is called back about {position}, not durable")
        demand(position in self._truth.due.get(who.key, ()), "D1", f"{who.key} is called back about {position}")
        line = await super().call(who, position, attempt)
        outcome = line.outcome if line is not None else "nothing"
        self._target.told.setdefault(who.key, []).append((position, attempt, outcome))
        return line
