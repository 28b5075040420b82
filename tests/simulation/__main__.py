"""`make simulate`: lives through seeds, one after the other, for so many operations or so many minutes."""

import argparse
import subprocess
import sys
from time import monotonic

from tests.simulation.broken import Broken
from tests.simulation.plan import drawn
from tests.simulation.run import Lived, live, shrunk

OPS_A_SEED = 500


def main() -> int:
    """Read what is asked for, and do it."""
    asked = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    asked.add_argument("--seed", type=int, default=0, help="the first seed")
    asked.add_argument("--ops", type=int, default=100_000, help="operations of all seeds together")
    asked.add_argument("--minutes", type=float, default=0.0, help="go on for so long instead")
    asked.add_argument("--planted", default="", help="all, or the names of planted bugs, with commas between")
    asked.add_argument("--hash", action="store_true", help="print the hash of every run")
    given = asked.parse_args()
    if given.planted:
        from tests.simulation.planted import report

        return report(given.planted, given.seed)
    return explore(given.seed, given.ops, given.minutes, given.hash)


def explore(seed: int, ops: int, minutes: float, show_hash: bool) -> int:
    """Live through seeds; the first that breaks a promise is made small and shown."""
    began, lived, looked_at = monotonic(), list[Lived](), commit()
    first, left = seed, ops
    while monotonic() - began < minutes * 60 if minutes else left > 0:
        plan = drawn(seed, OPS_A_SEED if minutes else min(OPS_A_SEED, left))
        try:
            lived.append(live(plan))
        except Broken as why:
            print(failure(seed, len(plan.ops), why))
            return 1
        if show_hash:
            print(seed, lived[-1].hash)
        seed, left = seed + 1, left - OPS_A_SEED
    done, faults, records = (sum(getattr(one, name) for one in lived) for name in ("ops", "faults", "records"))
    took_s = monotonic() - began
    print(
        f"seeds {first} to {seed - 1} at {looked_at}: {done:,} operations, {faults:,} faults, {records:,} records, "
        f"nothing broken; {took_s:.0f} s, {done / took_s:,.0f} operations a second"
    )
    return 0


def failure(seed: int, ops: int, why: Broken) -> str:
    """Say what broke, how to see it again, and with how little it breaks."""
    small = shrunk(drawn(seed, ops), why)
    steps = "\n".join(f"  {op}" for op in small.ops)
    return (
        f"{why}\nseed {seed}, {ops} operations, at {commit()}: make simulate SEED={seed} OPS={ops}\n"
        f"{len(small.ops)} operations are enough, with profile {small.profile} and {small.config}:\n{steps}"
    )


def commit() -> str:
    """Name the commit that is looked at."""
    told = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)  # noqa: S607
    return told.stdout.strip() or "no commit"


if __name__ == "__main__":
    sys.exit(main())
