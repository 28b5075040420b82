"""Plain integers, added to in the hot path and collected when somebody scrapes."""

from collections import Counter

from msgspec import Struct, field


class Statistics(Struct):
    """What has happened since the start of the process."""

    turns: int = 0
    commits: int = 0
    records: int = 0
    accepted: int = 0
    repeated: int = 0
    deliveries: int = 0
    cut_over: int = 0
    caught_up: int = 0
    links_opened: int = 0
    links_closed: int = 0
    defects: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # by reason: bounded by the table of reasons
