"""The command line with another disk reserve, often looked at: `python -m tests.end_to_end.reserve BYTES serve …`."""

import sys

from adapters import journal_sqlite
from adapters.journal_sqlite import SqliteJournal
from hutong.__main__ import main

if __name__ == "__main__":
    reserve_bytes, *arguments = sys.argv[1:]
    journal_sqlite.ROOM_CHECK_S = 0.05  # type: ignore[misc]  # so that a cycle takes less than a second
    SqliteJournal.__init__.__defaults__ = (int(reserve_bytes),)
    main(arguments)
