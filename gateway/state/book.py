"""An enterprise's address book, beyond its members and departments: tags, whose phone and mail is whose, logins.

Everything names members by key. What stands here has an entry only where there is something to remember, so that a
world of many plain members does not grow.
"""

from typing import Final

from msgspec import Struct, field

from protocol.ids import derive
from protocol.wecom.members import MemberDetails

TAGS_MAX: Final = 3_000  # SDK wechatpy, to DOC 90210
TAGGED_MAX: Final = 30_000  # members and departments of one tag: SDK wechatpy, to DOC 90214
GRANTS_MAX: Final = 10_000  # codes, and tickets, of one enterprise that wait for their use; setting
UNIQUE: Final = ("mobile", "email", "biz_mail")  # what no two members of an enterprise share (DOC 90195)


class BookTag(Struct, array_like=True):
    """A tag of members and departments. It belongs to the app that made it; to every app where `agent_id` is empty."""

    id: int
    name: str
    agent_id: str = ""
    members: dict[str, None] = field(default_factory=dict)
    departments: dict[int, None] = field(default_factory=dict)


class Grant(Struct, array_like=True, frozen=True):
    """A code, or a ticket, by which an app learns who somebody is; `private` opens the details too."""

    agent_id: str
    person: str
    private: bool
    ends_ms: int


class Book(Struct, array_like=True):
    """`taken` maps a mobile or mail to the key of whose it is; `openids` has those that were asked for."""

    tags: dict[int, BookTag] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    openids: dict[str, str] = field(default_factory=dict)  # openid → key
    codes: dict[str, Grant] = field(default_factory=dict)
    tickets: dict[str, Grant] = field(default_factory=dict)
    granted: int = 0


def unique_of(details: MemberDetails | None) -> dict[str, str]:
    """Give what of a member's details may be nobody else's: the name of the detail → its entry in `taken`."""
    if details is None:
        return {}
    told = {name: str(getattr(details, name)) for name in UNIQUE}
    return {name: f"{name} {value.casefold()}" for name, value in told.items() if value}


def openid_of(seed: str, corpid: str, key: str) -> str:
    """Give the openid of a person as one enterprise sees it: the same person has another one elsewhere."""
    return derive("o", seed, corpid, key)
