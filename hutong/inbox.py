"""What a client keeps for its script to look at: bounded, the oldest dropped first and counted."""

import asyncio
from collections import deque
from collections.abc import Callable

from hutong.memory import Message

Wanted = Callable[[Message], bool]


def _is_said(message: Message) -> bool:
    return message.side != "system"


class Inbox:
    """The latest records of a device, those of them that are unread, and whoever waits for one."""

    def __init__(self, keep: int) -> None:
        self.messages: deque[Message] = deque(maxlen=keep)
        self.dropped = 0
        self.unread: deque[Message] = deque(maxlen=keep)
        self._watchers: list[tuple[Wanted, asyncio.Future[Message]]] = []
        self._ended: Exception | None = None

    def put(self, message: Message) -> None:
        """Keep a new record, and give it to whoever waits for one like it."""
        self.messages.append(message)
        if _is_said(message):
            self.dropped += len(self.unread) == self.unread.maxlen
            self.unread.append(message)
        if self._watchers:
            for wanted, found in self._watchers:
                if not found.done() and wanted(message):
                    found.set_result(message)
            self._watchers = [watcher for watcher in self._watchers if not watcher[1].done()]

    def open(self) -> None:
        self._ended = None

    def end(self, why: Exception) -> None:
        """Tell everybody who waits that nothing more will come."""
        self._ended = why
        for _, found in self._watchers:
            if not found.done():
                found.set_exception(why)
                found.exception()
        self._watchers.clear()

    async def next(self, timeout_s: float | None, wanted: Wanted = _is_said) -> Message:
        """Give the next unread message of a person or an app that is like this; the others stay unread."""
        async with asyncio.timeout(timeout_s):
            while (found := next(filter(wanted, self.unread), None)) is None:
                await self._watch(_is_said, None)
        self.unread.remove(found)
        return found

    async def wait_for(self, wanted: Wanted, timeout_s: float | None) -> Message:
        """Give the first record like this: one of those kept, or the next that arrives."""
        for message in self.messages:
            if wanted(message):
                return message
        return await self._watch(wanted, timeout_s)

    async def _watch(self, wanted: Wanted, timeout_s: float | None) -> Message:
        if self._ended is not None:
            raise self._ended
        found: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._watchers.append((wanted, found))
        try:
            async with asyncio.timeout(timeout_s):
                return await found
        finally:
            self._watchers = [watcher for watcher in self._watchers if watcher[1] is not found]
