"""What other services are told: commands of MQTT, events, callbacks."""

from contextlib import ExitStack
from typing import Any

from adapters.callbacks import Callbacks, _Lanes
from adapters.mqtt import MqttDoor
from adapters.mqtt_opening import Asked
from gateway.commands import Repeated
from tests.simulation.bugs import PlantedDefect, planted, put


@planted
def command_acknowledged_first(stack: ExitStack) -> None:
    """A command is acknowledged to the broker when it comes."""
    real = MqttDoor._begin

    def begin(self: MqttDoor, message: Any) -> Any:
        assert self.link is not None
        self.link.acknowledge(message)
        return real(self, message)

    put(stack, MqttDoor, "_begin", begin)


@planted
def mark_before_telling(stack: ExitStack) -> None:
    """How far events are told is stored before they are."""
    real = MqttDoor._tell_records

    async def tell_records(self: MqttDoor, link: Any, placed: Any, epoch: int) -> tuple[int, int]:
        await self._cursor.store(self._mark._replace(epoch=epoch, position=placed[-1].position))
        self._mark = self._cursor.load()
        return await real(self, link, placed, epoch)

    put(stack, MqttDoor, "_tell_records", tell_records)


@planted
def callback_given_up_at_once(stack: ExitStack) -> None:
    """A callback that has failed is not tried again."""
    real = Callbacks._note
    put(stack, Callbacks, "_note", lambda self, lanes, position, attempt, _: real(self, lanes, position, attempt, True))


@planted
def callback_marked_first(stack: ExitStack) -> None:
    """A callback is marked as done before it is."""
    real = Callbacks._attempt

    async def attempt(self: Callbacks, lanes: _Lanes, position: int, number: int) -> bool:
        lanes.progress.upto = max(lanes.progress.upto, position)
        self._marks.changed()
        return await real(self, lanes, position, number)

    put(stack, Callbacks, "_attempt", attempt)


@planted
def callback_before_commit(stack: ExitStack) -> None:
    """An app is called back about what is not durable yet."""

    def next_(self: Callbacks, lanes: _Lanes) -> int | None:
        app = self._receivers.app_of(lanes.who)
        return lanes.progress.next_of(app.due, 1 << 60) if app is not None else None

    put(stack, Callbacks, "_next", next_)


@planted
def defect_behind_a_commit(stack: ExitStack) -> None:
    """A defect that a command meets behind its commit is taken for no room, and hidden by the broker's repeat."""
    real = Asked.ask

    async def ask(self: Asked, command: Any) -> object:
        answer = await real(self, command)
        if isinstance(answer, Repeated):
            return answer
        raise PlantedDefect

    put(stack, Asked, "ask", ask)
