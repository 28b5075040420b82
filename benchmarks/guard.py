"""Keep what was won: a message may not cost much more instructions than when it was last recorded.

`python -m benchmarks.guard` counts under callgrind, which no noise moves, in yards: the instructions of a yardstick in
the same process, so that another Python does not look like a loss. Ends 1 on a loss of more than `LOSS_MAX`;
`--record` keeps the present value instead.
"""

import json
import sys
from pathlib import Path
from typing import Final

from benchmarks import instructions

LOSS_MAX: Final = 0.15
RECORD: Final = Path(__file__).with_name("recorded.json")


def _main(arguments: list[str]) -> int:
    counts = instructions.count(instructions.SMALL)
    yards = counts.message / counts.yard
    if arguments == ["--record"]:
        RECORD.write_text(json.dumps({"message_yards": round(yards, 3), "message": round(counts.message)}) + "\n")
    recorded = json.loads(RECORD.read_text())["message_yards"]
    change = yards / recorded - 1
    print(f"a message: {counts.message:,.0f} instructions, {yards:.3f} yards; recorded {recorded} ({change:+.1%})")
    if change > LOSS_MAX:
        print(f"more than {LOSS_MAX:.0%} lost: find it, or record it with a reason", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
