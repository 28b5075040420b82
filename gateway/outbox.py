"""A bounded queue for one link: gathers what a turn has for it, and writes it in one go.

Answers are never dropped: a link that does not take them is not read, so they are bounded by its inbox. Pushes need
no keeping: they stand in the journal, and a link that is too slow for them is cut over to reading it. A link that is
about to become live again holds its pushes back until what it missed before them has been written.
"""

from gateway.ports import Pipe


class Outbox:
    """What waits to be written to one link in this turn.

    Both lists are filled in place: `answers` with frames that only this link will ever get, `pushes` with frames that
    stand in the journal too.
    """

    __slots__ = ("_pipe", "answers", "held", "pushes")

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self.answers: list[bytes] = []
        self.pushes: list[bytes] = []
        self.held = False

    def clear(self) -> None:
        """Forget what was gathered: the link is closed, and nothing may follow its close."""
        self.answers.clear()
        self.pushes.clear()

    def flush(self, bytes_max: int) -> bool:
        """Write what was gathered; tell whether the link kept up. If not, the pushes were left out."""
        if self.held:
            return self._flush_answers(bytes_max)
        answers, pushes = self.answers, self.pushes
        fits = True
        if pushes:
            waiting = self._pipe.buffered()
            fits = waiting == 0 or waiting + sum(map(len, pushes)) <= bytes_max
            if fits:
                answers.extend(pushes)
            pushes.clear()
        if answers:
            self._pipe.write(b"".join(answers) if len(answers) > 1 else answers[0])
            answers.clear()
        return fits

    def _flush_answers(self, bytes_max: int) -> bool:
        if self.answers:
            self._pipe.write(b"".join(self.answers))
            self.answers.clear()
        fits = sum(map(len, self.pushes)) <= bytes_max
        if not fits:
            self.let_go()
        return fits

    def let_go(self) -> None:
        """Forget the pushes that were held back, and hold back no more: they will be read."""
        self.pushes.clear()
        self.held = False

    def release(self) -> bool:
        """Write the pushes that were held back, and hold back no more; tell whether there were any."""
        self.held = False
        pushes = b"".join(self.pushes)
        self.pushes.clear()
        if pushes:
            self._pipe.write(pushes)
        return bool(pushes)
