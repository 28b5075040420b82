"""What each operation does: what people, services and control ask for, and what goes wrong."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gateway import commands
from gateway.commands.app_messages import Recall, SpeakFor
from protocol import content, frames
from tests.property.simulated import CORP
from tests.simulation.devices import Device
from tests.simulation.process import OTHER

if TYPE_CHECKING:
    from tests.simulation.plan import Op
    from tests.simulation.world import World

UNANSWERED_MAX = 8
STRANGE = ("another world", "a later time", "somebody else")
LEAPS_MS = (1_000, 30_000, 61_000, 3_600_000, 86_400_000)
JUMPS_MS = (-3_600_000, -61_000, -1_000, 1_000, 61_000)


def conversations(world: "World", person: str) -> list[str]:
    """Name what this person's screen would offer to write in."""
    return sorted(name for name, people in world.truth.inside.items() if person in people) or ["cv-nowhere"]


def known(world: "World", corp: str, op: "Op") -> str:
    """Name a consumer as the enterprise does."""
    assert world.gateway is not None
    found = world.gateway.router.state.corps.get(corp)
    names = list(found.consumers) if found is not None else []
    return names[op.a % len(names)] if names else "wm-nobody"


def group(world: "World", op: "Op") -> str:
    assert world.gateway is not None
    chats = [name for corp in world.gateway.router.state.corps.values() for name in corp.chats.values()]
    return chats[op.b % len(chats)]


def texts(op: "Op") -> tuple[content.Text, ...]:
    return tuple(content.Text(f"to many {op.b} {part}") for part in range(1 + op.a % 2))


def one_of_the_last(names: list[str], op: "Op") -> str:
    return names[-1 - op.a % min(3, len(names))]


# People.


def send(world: "World", device: Device, op: "Op") -> None:
    mine = conversations(world, device.person)
    name = mine[op.a % len(mine)] if op.b % 50 else "cv-nowhere"
    text = f"{device.key} {device.number + 1}" + "x" * (op.b % 7 * 8)
    device.command(frames.Send(device.number + 1, name, content.Text(text)))


def ack(world: "World", device: Device, op: "Op") -> None:
    device.say(frames.Ack(tuple(device.cursors.items())[:256]))


def asking(make: Callable[["World", Device, "Op", int], frames.ClientCommand | None]) -> Callable[..., None]:
    def do(world: "World", device: Device, op: "Op") -> None:
        frame = make(world, device, op, device.number + 1)
        if frame is not None:
            device.command(frame)

    return do


def chat(world: "World", device: Device, op: "Op") -> str:
    singles = [name for name, pair in world.truth.pairs.items() if device.person in pair]
    return singles[op.a % len(singles)] if singles else "cv-nowhere"


def invite(world: "World", device: Device, op: "Op", number: int) -> frames.ClientCommand | None:
    corp = device.person.partition("/")[0]
    return (
        frames.Invite(number, group(world, op), consumers=(known(world, corp, op),)) if "/" in device.person else None
    )


def remove(world: "World", device: Device, op: "Op", number: int) -> frames.ClientCommand | None:
    corp = device.person.partition("/")[0]
    return (
        frames.Remove(number, group(world, op), consumers=(known(world, corp, op),)) if "/" in device.person else None
    )


def create(world: "World", device: Device, op: "Op", number: int) -> frames.ClientCommand | None:
    corp = device.person.partition("/")[0]
    few = op.b % 4 == 0 and "/" in device.person
    return frames.Create(number, "more", consumers=(known(world, corp, op),)) if few else None


def confirm(world: "World", device: Device, op: "Op", number: int) -> frames.ClientCommand | None:
    corp, _, userid = device.person.partition("/")
    tasks = [name for (of, name), made in world.truth.many.made.items() if of == corp and userid in made.parts]
    return frames.Confirm(number, one_of_the_last(tasks, op)) if tasks else None


def say_to_all(world: "World", device: Device, op: "Op", number: int) -> frames.ClientCommand | None:
    return frames.SendMass(number, texts(op)) if "/" in device.person else None


PEOPLE: dict[str, Callable[["World", Device, "Op"], None]] = {
    "send": send,
    "repeat": lambda world, device, op: device.repeat(),
    "clash": lambda world, device, op: device.clash(),
    "ack": ack,
    "scan": asking(lambda world, device, op, number: frames.Scan(number, ("q-li", "q-zhang", "q-wu")[op.a % 3])),
    "join": asking(lambda world, device, op, number: frames.Join(number, ("q-tea", "q-hay")[op.a % 2])),
    "delete": asking(lambda world, device, op, number: frames.Delete(number, chat(world, device, op))),
    "block": asking(lambda world, device, op, number: frames.Block(number, chat(world, device, op), op.b % 2 == 1)),
    "mute": asking(lambda world, device, op, number: frames.Mute(number, chat(world, device, op), op.b % 2 == 1)),
    "accept": asking(lambda world, device, op, number: frames.Accept(number, chat(world, device, op))),
    "leave": asking(lambda world, device, op, number: frames.Leave(number, group(world, op))),
    "invite": asking(invite),
    "remove": asking(remove),
    "create": asking(create),
    "confirm": asking(confirm),
    "say to all": asking(say_to_all),
}


# Services and control.


def sell(world: "World", op: "Op", *, again: bool = False) -> None:
    target = {"consumer": known(world, CORP, op)}
    sender = {"app": "till"} if op.b % 2 else {"member": ("zhang", "li")[op.b // 2 % 2]}
    world.broker.publish(CORP, sender, target, f"sale {op.b}", again)


def speak(world: "World", op: "Op") -> None:
    world.ask(SpeakFor(CORP, "till", ("silk/zhang", "silk/li")[: 1 + op.a % 2], content.Text(f"hear {op.b}")))


def look(world: "World", op: "Op") -> None:
    world.loop.create_task(world.query())


def recall(world: "World", op: "Op") -> None:
    if world.truth.spoken:
        world.ask(Recall(CORP, "till", one_of_the_last(world.truth.spoken, op)))


def mass(world: "World", op: "Op") -> None:
    to_groups = op.b % 4 == 0
    world.ask(commands.MakeMass(CORP, "group" if to_groups else "single", texts(op), "zhang" if to_groups else ""))


def call_off(world: "World", op: "Op") -> None:
    tasks = [name for (_, name), made in world.truth.many.made.items() if not made.creator]
    if tasks and op.b % 3 == 0:
        world.ask(commands.CancelMass(CORP, one_of_the_last(tasks, op)))


def certify(world: "World", op: "Op") -> None:
    corp = (CORP, OTHER)[op.a % 2]
    level: Any = ("unverified", "verified", "certified", "certified")[op.b % 4]
    world.ask(commands.PutCorp(corp, corp, corp, level))


def expire(world: "World", op: "Op") -> None:
    assert world.gateway is not None
    until_ms = world.gateway.router.now_ms() + LEAPS_MS[op.b % 3]
    world.ask(commands.PutCorp(CORP, CORP, CORP, "certified", until_ms))


def leap(world: "World", op: "Op") -> None:
    """Move the clock, now and then to just before a minute ends: there quotas begin anew."""
    assert world.gateway is not None
    edge_ms = 59_500 - world.gateway.router.now_ms() % 60_000
    world.ask(commands.SetClock(edge_ms if op.b % 2 and edge_ms > 0 else LEAPS_MS[op.a % 5]))


def revoke(world: "World", op: "Op") -> None:
    device = world.everybody[op.who]
    if device.life.token_id:
        world.ask(commands.RevokeToken(device.life.token_id, 1 << 40))


def depart(world: "World", op: "Op") -> None:
    away = "silk/li" not in world.truth.departed
    world.ask(commands.PutMember(CORP, "li", "li", (7,), departed=away))


def reset(world: "World", op: "Op") -> None:
    """Let the other enterprise end, and begin anew: at once, a while later, or when everything is mended."""
    world.ask(commands.ResetCorp(OTHER))
    if op.b % 2:
        world.found_anew()


SERVED: dict[str, Callable[["World", "Op"], None]] = {
    "sell": sell,
    "again": lambda world, op: sell(world, op, again=True),
    "store": lambda world, op: world.broker.publish(CORP, {"app": "till"}, {"store": 7}, f"all {op.b}"),
    "post": lambda world, op: world.broker.publish(CORP, {"member": "li"}, {"group": "chat-tea"}, f"post {op.b}"),
    "look": look,
    "speak": speak,
    "recall": recall,
    "mass": mass,
    "call off": call_off,
    "badge": certify,
    "expire": expire,
    "clock": leap,
    "revoke": revoke,
    "depart": depart,
    "reset": reset,
    "found anew": lambda world, op: world.found_anew(),
}


# What goes wrong.


def full(world: "World", op: "Op") -> None:
    world.disk.full = not world.disk.full


def slow(world: "World", op: "Op") -> None:
    world.disk.slowest_s = (0.0005, 0.004, 0.05, 0.5)[op.a % 4]


def fail(world: "World", op: "Op") -> None:
    world.disk.failing = ("before", "after")[op.a % 2]


def jump(world: "World", op: "Op") -> None:
    world.wall_ms += JUMPS_MS[op.a % 5]


def away(world: "World", op: "Op") -> None:
    world.broker.away = not world.broker.away
    world.broker.shuffles = op.a % 2 == 1
    world.broker.leave()


def mood(world: "World", op: "Op") -> None:
    world.target.mood = ("well", "hangs", "fails", "garbles")[op.a % 4]


def defect(world: "World", op: "Op") -> None:
    world.spoiled = 1


def clog(world: "World", op: "Op") -> None:
    world.delay_s = (0.001, 0.01, 0.1, 1.0)[op.a % 4]


FAULTS: dict[str, Callable[["World", "Op"], None]] = {
    "crash": lambda world, op: world.crash(finish=op.a % 2 == 1),
    "power": lambda world, op: world.crash(),
    "slow": slow,
    "full": full,
    "fail": fail,
    "jump": jump,
    "broker away": away,
    "broker repeats": lambda world, op: world.broker.repeat(),
    "broker forgets": lambda world, op: world.broker.leave(forget=True),
    "target": mood,
    "defect": defect,
    "clog": clog,
}
OF_LINKS = ("cut", "vanish", "stick", "free")


# Coming and going.


def rude(world: "World", device: Device, op: "Op") -> None:
    """Open a link and ask for something before the hello: it is closed, and nothing is done."""
    device.connect(True, 256, rude=True)


COMINGS: dict[str, Callable[["World", Device, "Op"], None]] = {
    "connect": lambda world, device, op: device.connect(True, (256, 256, 0, 1, 2)[op.a % 5]),
    "afresh": lambda world, device, op: device.connect(False, 0),
    "strange": lambda world, device, op: device.connect(True, 256, STRANGE[op.a % 3]),
    "rude": rude,
}


def do(world: "World", op: "Op") -> None:
    """Have an operation happen, if it can just now."""
    verb, device = op.verb, world.everybody[op.who]
    if verb in COMINGS:
        COMINGS[verb](world, device, op)
    elif verb in OF_LINKS:
        if device.wire is not None:
            world.faults += 1
            getattr(device.wire, verb)()
    elif verb in FAULTS:
        world.faults += 1
        FAULTS[verb](world, op)
    elif world.gateway is None:
        world.idle += 1
    elif verb in SERVED:
        SERVED[verb](world, op)
    elif device.linked and len(device.unanswered) < UNANSWERED_MAX:
        PEOPLE[verb](world, device, op)
    elif not device.linked:
        device.connect(True, 256)
