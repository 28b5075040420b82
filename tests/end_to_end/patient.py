"""The command line with patience: `python -m tests.end_to_end.patient serve …` lets no link go that stands still.

One that takes nothing for 30 s is let go, which tests/conformance/test_link_slow.py looks at with a clock set forward.
On cores that are shared, those that are to be tried may have to stand still for longer.
"""

import sys

from adapters import link
from hutong.__main__ import main

if __name__ == "__main__":
    link.STALLED_S = link.PONG_WITHIN_S = 3600.0  # type: ignore[misc]
    main(sys.argv[1:])
