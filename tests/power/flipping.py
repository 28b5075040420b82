"""Flips bits of what a journal left on the disk, cuts its files short, and looks what is believed afterwards."""

import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from adapters.checkpoint_files import newest_checkpoint, write_checkpoint
from adapters.journal_file import FILE
from gateway.ports import CannotOpen, Damaged, Placed
from tests.power.disk import Disk, Image
from tests.power.lives import COMMITS, Machine, live

WAL = f"{FILE}-wal"


async def flip_many(count: int, seed: int) -> Counter[str]:
    """Damage a journal so many times, a new one every hundred; give how often it ended in which way."""
    outcomes: Counter[str] = Counter()
    dice = random.Random(seed)
    whole: Image = {}
    asked: list[Placed] = []
    with TemporaryDirectory() as folder:
        machine = Machine(Path(folder))
        for ordinal in range(count):
            if ordinal % 100 == 0:
                disk = Disk()
                with machine.running(disk) as journal:
                    asked = await live(journal, disk, COMMITS, dice)
                whole = {name: bytes(content) for name, content in disk.files.items()}
            name = dice.choice([FILE, WAL])
            outcomes[await _read(machine, damage(whole, name, dice), name, asked)] += 1
    return outcomes


def damage(whole: Image, name: str, dice: random.Random) -> Image:
    """Flip a bit, or now and then cut the file short."""
    content = bytearray(whole[name])
    at = dice.randrange(len(content))
    if dice.random() < 0.1:
        del content[at:]
    else:
        content[at] ^= 1 << dice.randrange(8)
    return {**whole, name: bytes(content)}


async def _read(machine: Machine, image: Image, name: str, asked: list[Placed]) -> str:
    """Read a damaged journal; what is given out is what was written, or it ends before it, or it is named."""
    try:
        kept = await machine.read(Disk.holding(image))
    except (Damaged, CannotOpen):
        return f"{name}: named"
    assert kept == asked[: len(kept)], f"{name}: a wrong record is believed"
    if len(kept) == len(asked):
        return f"{name}: nothing was hurt"
    assert name == WAL, f"{len(asked) - len(kept)} records are missing, and nobody says so"
    return f"{name}: the last commits are gone"


def flip_checkpoints(folder: Path, count: int, seed: int) -> None:
    """Flip a bit of the newer of two checkpoints, or cut it short, so many times: the older is believed then."""
    dice = random.Random(seed)
    write_checkpoint(folder, 10, b"older")
    write_checkpoint(folder, 20, dice.randbytes(3000))
    file = folder / "checkpoint-20"
    whole = file.read_bytes()
    for _ in range(count):
        file.write_bytes(damage({file.name: whole}, file.name, dice)[file.name])
        newest = newest_checkpoint(folder)
        assert newest is not None
        assert newest.state == b"older"
