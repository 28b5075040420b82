"""Saying no as a value: which reason, by which rule, and when to try again."""

from msgspec import Struct

from protocol.errors import Reason


class Refusal(Struct, frozen=True, gc=False):
    """Nothing was changed. `rule` names the setting or the check; `retry_at_ms` is 0 where waiting does not help.

    `used` and `limit` stand where something is counted; a limit of 0 says that nothing is.
    """

    reason: Reason
    rule: str = ""
    retry_at_ms: int = 0
    used: int = 0
    limit: int = 0
