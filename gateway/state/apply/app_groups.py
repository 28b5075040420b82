"""Groups of members that apps make: their conversations, found by chat_id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.events.app_groups import AppGroupPut
from gateway.state.apply.registry import applies
from gateway.state.conversations import Conversation, Group
from gateway.state.corps import AppGroup

if TYPE_CHECKING:
    from gateway.state import State


@applies(AppGroupPut)
def app_group_put(state: State, event: AppGroupPut) -> None:
    corp = state.corps[event.corpid]
    if event.chat_id not in corp.app_groups:
        group = Group(event.chat_id, event.name, event.owner, made_ms=event.time_ms)
        state.conversations[event.conversation] = Conversation(
            event.conversation, "app_group", event.corpid, group=group
        )  # fmt: skip
        corp.app_groups[event.chat_id] = AppGroup(event.agent_id, event.conversation)
        corp.made += 1
    group = state.group(event.conversation)
    group.name, group.owner = event.name, event.owner
    group.version += 1
