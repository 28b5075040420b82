"""A town whose people all talk on several devices, and the comparison of what these know at the end."""

import random
from collections import Counter
from pathlib import Path

from adapters.compose import run
from gateway.commands import SetClock
from tests.end_to_end.server import control_of, prepare, tokens_of
from tests.ledger import Crew, Device, judge
from tests.town import CORP, Town, done

MEMBERS = ["lin", "wu", "he"]
CONSUMERS = ["amy", "bo", "cai", "dan"]
READ_S = 300.0  # the long forms have said more than a hundred thousand things


async def still_town(folder: Path) -> Town:
    """Build a town where time stands still, so that no window of a quota begins anew."""
    built = await prepare(folder, MEMBERS, CONSUMERS, ["tea"])
    async with run(folder) as gateway:
        await done(gateway.router, SetClock(rate=0.0))
    return built


def conversations_of(town: Town, person: str) -> tuple[str, ...]:
    single = [name for (userid, handle), name in town.singles.items() if person in {f"{CORP}/{userid}", handle}]
    return (*single, *town.groups.values(), *town.groups.values())


def device(folder: Path, town: Town, person: str, name: str, dice: random.Random) -> Device:
    token = tokens_of(folder).link_token(person, name)
    kind = dice.choice(["msgpack", "json"])
    return Device(person, name, token, kind, conversations_of(town, person), random.Random(dice.random()))


def crew_of(folder: Path, town: Town, dice: random.Random) -> Crew:
    """Give everybody a phone, and every second person a tablet too."""
    people = [*(f"{CORP}/{userid}" for userid in town.members), *town.consumers]
    phones = [device(folder, town, person, "phone", dice) for person in people]
    return Crew([*phones, *(device(folder, town, person, "tablet", dice) for person in people[::2])])


async def talk(crew: Crew, count: int) -> None:
    """Wait until so many messages more are acknowledged."""
    goal = crew.acknowledged + count
    await crew.until(lambda: crew.acknowledged >= goal)


async def audit(folder: Path, port: int, town: Town, crew: Crew, dice: random.Random) -> dict[str, Device]:
    """Read everything anew, once for each person, on devices without memory."""
    auditors = {}
    for person in dict.fromkeys(device.person for device in crew.devices):
        auditors[person] = auditor = device(folder, town, person, "auditor", dice)
        auditor.talking = False
    reading = Crew([*auditors.values()])
    reading.board(port, talking=False)
    await reading.until(lambda: all(auditor.resume for auditor in auditors.values()), READ_S)
    return auditors


async def settle(folder: Path, port: int, town: Town, crew: Crew, dice: random.Random) -> int:
    """Have everything unanswered answered and everything missed read, then compare the books."""
    crew.board(port, talking=False)
    await crew.until(lambda: not any(each.unanswered for each in crew.devices))
    auditors = await audit(folder, port, town, crew, dice)
    heads = {who: {name: max(book) for name, book in auditor.books.items()} for who, auditor in auditors.items()}

    def read() -> bool:
        return all(
            each.cursors().get(name, 0) >= head for each in crew.devices for name, head in heads[each.person].items()
        )

    await crew.until(read, READ_S)
    await judge_quotas(port, town, crew)
    return judge(crew, auditors)


async def judge_quotas(port: int, town: Town, crew: Crew) -> None:
    """Every message has been charged to its sender, once."""
    said: Counter[str] = Counter()
    for each in crew.devices:
        said[each.person] += len(each.answered)
    async with control_of(port) as control:
        for person, count in said.items():
            told = await control.explain(person, conversations_of(town, person)[0])
            used = {line["rule"]: line.get("used") for line in told["lines"]}
            side = "member" if person.startswith(CORP) else "consumer"
            assert used[f"frequency/{side}/sender/minute"] == count, person
