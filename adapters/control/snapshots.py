"""Calls that save the whole world under a name, history and quotas included, and bring it back."""

from typing import Annotated

from msgspec import Meta, Struct

from adapters.control.endpoint import Door, File, Stream, endpoint
from adapters.snapshots import Snapshot

SnapshotName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?![\s\S])")]


class SnapshotPath(Struct, frozen=True):
    name: SnapshotName


class SnapshotsAnswer(Struct, frozen=True):
    """Where they lie, and `epoch`, which names the life that this world is in."""

    epoch: int
    snapshots: list[Snapshot]


class RestoredAnswer(Struct, frozen=True):
    """The gateway begins again now; it is back when `GET /snapshots` tells this epoch."""

    name: str
    epoch: int


class RemovedAnswer(Struct, frozen=True):
    name: str


@endpoint("GET", "/snapshots")
async def list_snapshots(door: Door) -> SnapshotsAnswer:
    """List the snapshots."""
    epoch = await door.look(lambda state, _now_ms: state.epoch)
    return SnapshotsAnswer(epoch, await door.snapshots.all())


@endpoint("POST", "/snapshots/{name}")
async def save_snapshot(door: Door, path: SnapshotPath) -> Snapshot:
    """Save the world as it stands now; an older snapshot of the same name is replaced."""
    return await door.snapshots.save(path.name)


@endpoint("GET", "/snapshots/{name}")
async def get_snapshot(door: Door, path: SnapshotPath) -> File:
    """Give a snapshot's file."""
    return File(door.snapshots.find(path.name))


@endpoint("PUT", "/snapshots/{name}")
async def put_snapshot(door: Door, path: SnapshotPath, body: Stream) -> Snapshot:
    """Take in a snapshot's file; it is checked before it is kept."""
    return await door.snapshots.put(path.name, body.pieces, body.length)


@endpoint("DELETE", "/snapshots/{name}")
async def remove_snapshot(door: Door, path: SnapshotPath) -> RemovedAnswer:
    """Remove a snapshot."""
    await door.snapshots.remove(path.name)
    return RemovedAnswer(path.name)


@endpoint("POST", "/snapshots/{name}/restore")
async def restore_snapshot(door: Door, path: SnapshotPath) -> RestoredAnswer:
    """Begin again from a snapshot: links are closed as at a restart, and what was not saved is gone."""
    chosen = await door.snapshots.restore(path.name)
    return RestoredAnswer(path.name, chosen.restored.epoch)
