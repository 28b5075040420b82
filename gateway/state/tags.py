"""The tags of an enterprise, which its members mark their customers with.

Rules of the file:
- There is no empty group; names are distinct among groups, and inside one.
- An id is never given twice, so a customer's mark of a tag that is gone means nothing for ever: readers pass it over,
  and the next change of the relation drops it. Taking it off everybody at once would be an event for each of up to all
  relations of the enterprise, for no more than this.
- What is gone is remembered for a while, since the vendor still answers for it by id (DOC 92117: `deleted`).
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct, field

from gateway.events.tags import Tag

GONE_MAX: Final = 10_000  # as many as there may be alive; the oldest are forgotten


class TagGroup(Struct, array_like=True):
    said: Tag
    tags: dict[str, Tag] = field(default_factory=dict)


class Gone(Struct, array_like=True, frozen=True, gc=False):
    """A tag that was deleted, and the group it was in."""

    tag: Tag
    group: Tag


class TagLibrary(Struct, array_like=True):
    """`group_of` maps a tag to its group; `made` numbers what was ever made here."""

    groups: dict[str, TagGroup] = field(default_factory=dict)
    group_of: dict[str, str] = field(default_factory=dict)
    gone: dict[str, Gone] = field(default_factory=dict)
    made: int = 0

    def __contains__(self, id_: object) -> bool:
        """Tell whether an id is taken, also by what is gone."""
        return id_ in self.group_of or id_ in self.groups or id_ in self.gone

    def find(self, id_: str) -> tuple[TagGroup, Tag | None] | None:
        """Give a tag's group and the tag; of a group's id, the group alone."""
        group = self.groups.get(self.group_of.get(id_, id_))
        return (group, group.tags.get(id_)) if group is not None else None

    def named(self, name: str) -> TagGroup | None:
        """Find a group by name."""
        return next((group for group in self.groups.values() if group.said.name == name), None)

    def alive(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Give those of the tags that are still there."""
        return tuple(id_ for id_ in ids if id_ in self.group_of)
