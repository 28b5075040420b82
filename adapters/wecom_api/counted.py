"""Who counts towards the paid scale (DOC 99434): everybody with a tie to the enterprise, friend or only in a group.

Rules of the file:
- A person stands once. The temporary id is the same within one paging run, and another in the next.
- A cursor holds for 4 h of the movable clock; then it is none that was given here.
"""

from collections.abc import Iterator
from itertools import islice
from secrets import randbits
from typing import Final

from msgspec import UNSET

from adapters.wecom_api.call import Caller, Door, No, call
from adapters.wecom_api.paging import cursor, places
from gateway.state import State
from gateway.state.people import Consumer
from protocol.ids import corp_of, derive
from protocol.wecom.customers import COUNTED_MAX, Counted, CountedAsked, CountedReply

CURSOR_MS: Final = 4 * 3_600_000


@call("POST", "externalcontact/contact_list", limits=("a cursor lives 4 hours: documented",))
async def contact_list(door: Door, caller: Caller, asked: CountedAsked) -> CountedReply:
    """List who counts, in pages."""
    given_ms, run, start = places(asked.cursor, 3)
    run = run or randbits(62) + 1
    limit = min(asked.limit or COUNTED_MAX, COUNTED_MAX)

    def look(state: State, now_ms: int) -> CountedReply | No:
        if asked.cursor and now_ms - given_ms > CURSOR_MS:
            return No(50100, "older than 4 hours")
        found = list(islice(_counted(state, caller.corpid, start), limit + 1))
        rest = cursor(now_ms, run, found[-1][0]) if len(found) > limit else ""
        rows = [_row(state, caller.corpid, run, person) for _, person in found[:limit]]
        return CountedReply(info_list=rows, next_cursor=rest)

    reply: CountedReply = await door.look(look)
    return reply


def _counted(state: State, corpid: str, start: int) -> Iterator[tuple[int, Consumer]]:
    handles = islice(state.corps[corpid].consumers.values(), start, None)
    for place, handle in enumerate(handles, start):
        consumer = state.consumer(handle)
        if consumer.known[corpid].ties > 0:
            yield place, consumer


def _row(state: State, corpid: str, run: int, person: Consumer) -> Counted:
    """Tell of one person: a friend by the member who came first, anybody else by the group they came into first."""
    tmp = derive("tmp", state.seed, corpid, run, person.key)
    name = person.nickname[:1] + "*" * max(len(person.nickname) - 1, 1)
    own = (state.relation(chat) for key, chat in person.contacts.items() if corp_of(key) == corpid)
    tie = min((one for one in own if one.live), key=lambda one: not one.confirmed, default=None)
    if tie is not None:
        return Counted(
            is_customer=tie.confirmed, tmp_openid=tmp, name=name, follow_userid=state.member(tie.member).userid,
            external_userid=person.known[corpid].external_userid if tie.confirmed else UNSET,
            chat_id="", chat_name="", add_time=tie.made_ms // 1000,
        )  # fmt: skip
    chats = (state.conversations[chat] for chat in person.conversations)
    groups = (chat.group for chat in chats if chat.group is not None and chat.corpid == corpid)
    group = next(group for group in groups if person.key in group.seats)
    return Counted(
        is_customer=False, tmp_openid=tmp, name=name, follow_userid=state.member(group.owner).userid,
        chat_id=group.chat_id, chat_name=group.name,
        add_time=group.arrivals[group.seats[person.key]].time_ms // 1000,
    )  # fmt: skip
