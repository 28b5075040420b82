"""World files: who exists and who knows whom, as TOML, in and out, one the reverse of the other.

Rules of the folder:
- A file is refused whole, with the place of its first fault, before anything of it is done.
- It holds ids, and no messages, no quotas, no devices and no clock. Ids that it leaves out are derived from its seed.
- What was read from a world and written again is the same file, byte for byte.
"""

from adapters.world.asks import asks
from adapters.world.check import Names, check, names_of
from adapters.world.demo import demo
from adapters.world.export import export
from adapters.world.file import SEED, WORLD_BYTES_MAX, BrokenWorld, World, read, write

__all__ = [
    "SEED", "WORLD_BYTES_MAX", "BrokenWorld", "Names", "World", "asks", "check", "demo", "export", "names_of", "read",
    "write",
]  # fmt: skip
