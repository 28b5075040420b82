"""The way back through a conversation, with the newest rows kept at hand.

A row read from disk costs some 30 µs, most of it its hash. When many devices come back at once, nearly all of them
miss messages of the same few rows.
"""

from bisect import bisect_right, insort
from typing import Final

import apsw

from adapters.journal_rows import Opened, row_holding
from gateway.events import previous_of
from gateway.ports import Placed

ROWS_KEPT: Final = 256  # 4 MiB of records


class History:
    """Reads single records on one connection, for one thread."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._newest: list[Opened] = []  # by position

    def walk(self, position: int, count: int, after: int) -> list[Placed]:
        """Follow a chain of `Posted` records back, as the port says."""
        found: list[Placed] = []
        row = None
        while position > after and len(found) < count:
            if row is None or position < row.first:
                row = self._row(position)
            record = row.records[position - row.first]
            found.append(Placed(position, record))
            position = previous_of(record)
        found.reverse()
        return found

    def _row(self, position: int) -> Opened:
        index = bisect_right(self._newest, (position + 1,)) - 1
        if index >= 0 and position <= self._newest[index].last:
            return self._newest[index]
        row = row_holding(self._connection, position)
        if len(row.records) > 1:  # a row of one record is either cheap to read again or too large to keep
            insort(self._newest, row)
            del self._newest[:-ROWS_KEPT]
        return row
