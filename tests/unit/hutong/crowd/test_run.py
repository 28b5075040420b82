"""A run that somebody watches: what ending it early means, before people act, while they do, and after."""

import asyncio

from hutong.crowd.file import Crowd, Persona
from hutong.crowd.run import Run

PEOPLE = tuple(Persona(name=side, side=side, count=1) for side in ("member", "consumer"))


async def test_people_can_be_stopped_once_and_only_while_they_act() -> None:
    run = Run(Crowd(version=1, persona=PEOPLE), print)
    assert not run.end()
    acting = asyncio.create_task(run._time())
    await asyncio.sleep(0)
    assert run.end()
    await acting
    assert not run.end()


async def test_people_who_were_cut_short_cannot_be_stopped() -> None:
    run = Run(Crowd(version=1, persona=PEOPLE), print)
    acting = asyncio.create_task(run._time())
    await asyncio.sleep(0)
    acting.cancel()
    await asyncio.wait([acting])
    assert not run.end()


async def test_people_whose_time_is_over_cannot_be_stopped() -> None:
    run = Run(Crowd(version=1, seconds=1e-9, persona=PEOPLE), print)
    await run._time()
    assert not run.end()
