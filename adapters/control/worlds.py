"""Calls that bring in, write out and forget a world."""

import asyncio
from collections.abc import Iterator
from itertools import chain, islice
from typing import Annotated

from msgspec import Meta, Struct

from adapters import world as worlds
from adapters.control.endpoint import Body, Door, Toml, endpoint
from adapters.control.problems import plain, refused
from adapters.names import Corpid, CorpPath
from adapters.strict import Wrong
from adapters.world import BrokenWorld, Names, World
from gateway import profile
from gateway.commands import Command, ResetCorp, ResetWorld, SetProfile
from gateway.commands.strictness import SetStrictness
from gateway.refusal import Refusal
from gateway.state import State

BATCH = 1_000  # commands that wait in the router at a time: they share its turns and its commits


class WorldAnswer(Struct, frozen=True):
    """How much of each the file holds; all of it was taken."""

    corps: int
    members: int
    consumers: int
    relations: int
    groups: int
    codes: int


class ResetBody(Body, frozen=True):
    """Without a seed, the world's own stays, and derived ids come again."""

    seed: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class ResetAnswer(Struct, frozen=True):
    epoch: int
    seed: str


class CorpResetAnswer(Struct, frozen=True):
    corpid: Corpid


@endpoint("GET", "/world")
async def get_world(door: Door) -> Toml:
    """Write the world as a file: who exists and who knows whom, with their ids."""
    world: World = await door.look(lambda state, _now_ms: worlds.export(state))
    return Toml(await asyncio.to_thread(worlds.write, world))


@endpoint("POST", "/world")
async def put_world(door: Door, body: Toml) -> WorldAnswer:
    """Add a world file to the world; a file with a fault is refused whole, and changes nothing."""
    async with door.importing:
        seed, empty, names = await door.look(_stands)
        try:
            world = await asyncio.to_thread(_checked, body, names)
        except BrokenWorld as why:
            raise Wrong(str(why)) from why
        if not empty and world.seed not in (None, seed):
            raise plain(409, f"the file derives ids from seed {world.seed!r}, the world from {seed!r}: reset it first")
        first: list[Command] = []
        if empty and world.seed not in (None, seed):
            first.append(ResetWorld(world.seed or seed))
        if world.profile is not None:
            first.append(SetProfile(profile.read(world.profile)))
        if world.strict:
            first.append(SetStrictness(tuple(world.strict)))
        await _ask_all(door, chain(first, worlds.asks(world)))
    return _counted(world)


def _stands(state: State, _now_ms: int) -> tuple[str, bool, Names]:
    return state.seed, not state.corps and not state.people, worlds.names_of(state)


def _checked(body: bytes, names: Names) -> World:
    world = worlds.read(body)
    worlds.check(world, names)
    return world


async def _ask_all(door: Door, asks: Iterator[Command]) -> None:
    """Ask in order, many at a time; what was checked is refused only if the world has moved, or the disk is full."""
    done = 0
    while batch := list(islice(asks, BATCH)):
        answers = await asyncio.gather(*(door.router.ask(command) for command in batch))
        for answer in answers:
            if isinstance(answer, Refusal):
                raise refused(answer, f"stopped after {done} things were set: {answer.reason.text} ({answer.rule})")
            done += 1


def _counted(world: World) -> WorldAnswer:
    corps = world.corp
    return WorldAnswer(
        len(corps),
        sum(len(corp.member) for corp in corps),
        len(world.consumer),
        sum(len(corp.relation) for corp in corps),
        sum(len(corp.group) for corp in corps),
        sum(len(corp.code) for corp in corps),
    )


@endpoint("POST", "/reset")
async def reset_world(door: Door, body: ResetBody) -> ResetAnswer:
    """Forget everything but the profile and the clock; every link is closed, every resume token worthless."""
    seed = body.seed or await door.look(lambda state, _now_ms: state.seed)
    await door.ask(ResetWorld(seed))
    _forget(door)
    return ResetAnswer(*await door.look(lambda state, _now_ms: (state.epoch, state.seed)))


@endpoint("POST", "/corps/{corpid}/reset")
async def reset_corp(door: Door, path: CorpPath) -> CorpResetAnswer:
    """Forget one enterprise; its members' links are closed, its customers told to forget it."""
    await door.ask(ResetCorp(path.corpid))
    _forget(door, path.corpid)
    return CorpResetAnswer(path.corpid)


def _forget(door: Door, corpid: str = "") -> None:
    """Forget what is soft: meters and faults, and the lines of what was called, of one enterprise or of all."""
    door.gate.forget(corpid)
    door.calls.forget(lambda call: corpid in ("", call.corpid))
    door.receivers.lines.forget(lambda line: corpid in ("", line.corpid))
