"""World files: who exists and who knows whom, as TOML, in and out, one the reverse of the other.

Rules of the folder:
- A file is refused whole, with the place of its first fault, before anything of it is done.
- It holds who exists and who knows whom, with their ids; ids that it leaves out are derived from its seed.
- It holds nothing of what has happened (messages, quotas, devices, the clock, jobs, uploads, who came into a group when
  and how), of what apps have made for themselves (menus, their own groups, welcomes of groups, temporary sessions), and
  no dismissed groups. A snapshot does.
- What was written of any world begins one that writes the same file, byte for byte.
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
