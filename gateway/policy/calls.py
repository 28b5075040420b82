"""How often may the vendor's API be called? Each limit counts in aligned windows, per enterprise, app or address.

Rules of the file:
- Meters are soft: what they know is never journaled, and a restart or a reset forgets it.
- A path is counted by itself (DOC 90312); a call that is refused is not counted.
- Whoever calls past a limit is shut out for as long as its window is (DOC 90313, 45009): 60 s, 60 min, the rest of the
  day, 30 days.
"""

from typing import Final

from gateway.profile import CallLimit, Profile
from gateway.refusal import Refusal
from gateway.windows import DAY_MS, HOUR_MS, MINUTE_MS, WindowName, resets_at_ms
from protocol.errors import ADDRESS_CALLS, APP_CALLS, CORP_CALLS, WRONG_SECRETS, Reason

SUBJECTS_MAX: Final = 100_000  # of one limit in one window; whoever comes then is not counted
PLACES: Final = ("corp", "app", "address")
REASONS: Final[tuple[Reason, ...]] = (CORP_CALLS, APP_CALLS, ADDRESS_CALLS)
SHUT_OUT_MS: Final[dict[WindowName, int]] = {"minute": MINUTE_MS, "hour": HOUR_MS, "month": 30 * DAY_MS}

Subject = tuple[str, str]  # a path, and who is counted
Cell = list[int]
Caller = tuple[str, str, str, str]  # a path, an enterprise, an app, an address


class Meter:
    """One limit: its counters of the present window, which are thrown away whole at its end, and who is shut out."""

    def __init__(self, limit: CallLimit, reason: Reason) -> None:
        self.limit = limit
        self.reason = reason
        self.ends_ms = 0
        self._used: dict[Subject, Cell] = {}
        self._until_ms: dict[Subject, int] = {}

    def cell(self, subject: Subject, now_ms: int) -> Cell:
        """Give the counter of a subject in the window that holds `now_ms`."""
        if now_ms >= self.ends_ms:
            self.ends_ms, self._used = resets_at_ms(self.limit.window, now_ms), {}
            self._until_ms = {key: until for key, until in self._until_ms.items() if until > now_ms}
        used = self._used.get(subject)
        if used is None:
            used = [0]
            if len(self._used) < SUBJECTS_MAX:
                self._used[subject] = used
        return used

    def refusing(self, subject: Subject, cell: Cell, now_ms: int) -> Refusal | None:
        """Tell whether a subject is shut out, or is so from this call on."""
        until_ms = self._until_ms.get(subject, 0) if self._until_ms else 0
        if until_ms <= now_ms:
            if cell[0] < self.limit.limit:
                return None
            shut_out_ms = SHUT_OUT_MS.get(self.limit.window)
            until_ms = now_ms + shut_out_ms if shut_out_ms is not None else self.ends_ms
            self._until_ms[subject] = until_ms
        rule = f"calls/{self.limit.path or 'any'}/{self.limit.per}/{self.limit.window}"
        return Refusal(self.reason, rule, until_ms, max(cell[0], self.limit.limit), self.limit.limit)

    def forget(self, corpid: str) -> None:
        """Drop what an enterprise and its apps have used."""
        for table in (self._used, self._until_ms):
            for subject in [one for one in table if one[1] == corpid or one[1].startswith(f"{corpid}/")]:
                del table[subject]


class CallMeters:
    """Every limit of a profile, and the one on wrong secrets."""

    def __init__(self, profile: Profile) -> None:
        self._all = tuple((Meter(limit, REASONS[PLACES.index(limit.per)]), limit) for limit in profile.calls)
        self._of: dict[str, tuple[tuple[Meter, int], ...]] = {}
        self._held: dict[Caller, list[tuple[Cell, int]]] = {}
        self._held_until_ms = 0
        secrets = CallLimit("address", "hour", profile.wrong_secrets_max, "a wrong secret")
        self._secrets = Meter(secrets, WRONG_SECRETS)

    def take(self, path: str, corpid: str, agent_id: str, address: str, now_ms: int) -> Refusal | None:
        """Count a call, or say why it may not be made; an empty name is not counted.

        Whoever calls often holds its cells until the first of their windows ends.
        """
        caller = path, corpid, agent_id, address
        held = self._held.get(caller) if now_ms < self._held_until_ms else None
        if held is None:
            return self._look_up(caller, now_ms)
        for cell, most in held:
            if cell[0] >= most:
                return self._look_up(caller, now_ms)
        for cell, _ in held:
            cell[0] += 1
        return None

    def _look_up(self, caller: Caller, now_ms: int) -> Refusal | None:
        path, corpid, agent_id, address = caller
        meters = self._of.get(path)
        if meters is None:
            meters = self._meters_of(path)
        subjects = (path, corpid), (path, agent_id and f"{corpid}/{agent_id}"), (path, address)
        cells: list[tuple[Cell, int]] = []
        ends_ms = now_ms + MINUTE_MS
        for meter, place in meters:
            subject = subjects[place]
            if subject[1]:
                cell = meter.cell(subject, now_ms)
                refusal = meter.refusing(subject, cell, now_ms)
                if refusal is not None:
                    return refusal
                cells.append((cell, meter.limit.limit))
                ends_ms = min(ends_ms, meter.ends_ms)
        for cell, _ in cells:
            cell[0] += 1
        if now_ms >= self._held_until_ms or len(self._held) >= SUBJECTS_MAX:
            self._held, self._held_until_ms = {}, ends_ms
        self._held_until_ms = min(self._held_until_ms, ends_ms)
        self._held[caller] = cells
        return None

    def _meters_of(self, path: str) -> tuple[tuple[Meter, int], ...]:
        """Bind a path to its meters, the longest windows first: trying again before those end is in vain.

        Asked with paths that exist only, so that the table stays small.
        """
        found = [(meter, PLACES.index(limit.per)) for meter, limit in self._all if limit.path in ("", path)]
        found.sort(key=lambda one: -SHUT_OUT_MS.get(one[0].limit.window, DAY_MS))
        return self._of.setdefault(path, tuple(found))

    def secrets(self, address: str, now_ms: int, *, wrong: bool = False, path: str = "") -> Refusal | None:
        """Say whether an address has tried too many wrong secrets; `wrong` counts one more.

        Another way in than gettoken names its `path`, and counts by itself.
        """
        if not self._secrets.limit.limit:
            return None
        subject = path, address
        cell = self._secrets.cell(subject, now_ms)
        cell[0] += wrong
        return None if wrong else self._secrets.refusing(subject, cell, now_ms)

    def forget(self, corpid: str) -> None:
        """Drop what an enterprise has used: it begins anew."""
        self._held.clear()
        for meter, _ in self._all:
            meter.forget(corpid)


__all__ = ["CallMeters"]
