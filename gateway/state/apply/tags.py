"""How tags come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.events.tags import TagsDeleted, TagsPut
from gateway.state.apply.registry import applies
from gateway.state.tags import GONE_MAX, Gone, TagGroup, TagLibrary

if TYPE_CHECKING:
    from gateway.state import State


@applies(TagsPut)
def tags_put(state: State, event: TagsPut) -> None:
    library = state.corps[event.corpid].tags
    group = library.groups.get(event.group.id)
    if group is None:
        group = library.groups[event.group.id] = TagGroup(event.group)
        library.made += 1
    group.said = event.group
    for tag in event.tags:
        library.made += tag.id not in group.tags
        group.tags[tag.id] = tag
        library.group_of[tag.id] = event.group.id
        library.gone.pop(tag.id, None)  # a world has brought it back


@applies(TagsDeleted)
def tags_deleted(state: State, event: TagsDeleted) -> None:
    library = state.corps[event.corpid].tags
    for id_ in event.ids:
        _delete(library, id_)
    for id_ in list(library.gone)[: max(len(library.gone) - GONE_MAX, 0)]:
        del library.gone[id_]


def _delete(library: TagLibrary, id_: str) -> None:
    group = library.groups[library.group_of.pop(id_)]
    library.gone[id_] = Gone(group.tags.pop(id_), group.said)
    if not group.tags:
        del library.groups[group.said.id]
