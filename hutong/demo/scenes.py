"""The story, act by act: November 2018 in a shop, and the same shop under today's rules.

Rules of the file:
- An act is one function; it says what it does, has it done on real links, and checks that the rules answered as they
  should. What comes otherwise than the story has it raises `Unexpected`.
- A list of who is to hear each text is made before it is said; the census compares.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final

from hutong.client import Accepted, Refused
from hutong.control import Control
from hutong.demo.cast import APP, CAFE, GROUP, GROUP_CODE, SHOP, STORE, WORKSHOP, Cast, Chat
from hutong.demo.census import Census, Refusal
from hutong.demo.till import Till

THEN: Final = "wecom-2018-11"
TODAY: Final = "wecom-2026-08"
DAY_MS: Final = 86_400_000
AT_ONCE: Final = 16  # chats that go on at the same time
BURST_MAX: Final = 60  # texts of a burst; a limit must stop it before, also where a minute ends on the way
MISSED: Final = 8  # texts for somebody who is offline
NEWCOMERS: Final = 60  # who join the group under today's rules
ORDERS: Final = 30  # customers whom the till tells of an order
ORDERS_MAX: Final = 10  # to one customer; a month's limit must stop it before


Outcome = Accepted | Refused


class Unexpected(Exception):
    """The rules answered otherwise than the story has it."""


class Story:
    """What the acts share."""

    def __init__(self, cast: Cast, census: Census, control: Control, till: Till | None, seed: int) -> None:
        self.cast = cast
        self.census = census
        self.control = control
        self.till = till
        self.dice = random.Random(seed)  # noqa: S311  # a story needs no secret dice
        self.burst: Chat | None = None
        self.unlucky = ""  # the customer for whom there was no seat
        self.regular: Chat | None = None  # the customer whose month was full

    async def say(self, act: str, chat: Chat, phrase: str, back: bool = False, timed: bool = True) -> Outcome:
        """Say something in a single chat: the member to the consumer, or back."""
        speaker, listener = (chat.consumer, chat.member) if back else (chat.member, chat.consumer)
        return await self.census.say(
            act, self.cast.people[speaker], self.cast.name(listener), chat.conversation, phrase, [listener], timed
        )

    async def tell_group(self, act: str, speaker: str, phrase: str) -> Outcome:
        """Say something in the group; everybody with a seat is to hear it."""
        conversation = self.cast.groups[GROUP]
        due = self.cast.seats[conversation] - {speaker}
        return await self.census.say(act, self.cast.people[speaker], "the group", conversation, phrase, due)

    async def join(self, act: str, handle: str) -> Outcome:
        """Have a consumer scan the group's QR code."""
        try:
            accepted = await self.cast.consumer(handle).join(GROUP_CODE)
        except Refused as refused:
            self.census.refuse(act, handle, "the group", refused)
            return refused
        self.cast.seats[accepted.conversation].add(handle)
        return accepted

    def strangers(self) -> list[str]:
        """List the store's customers who are not in the group yet, in an order of the dice."""
        inside = self.cast.seats[self.cast.groups[GROUP]]
        outside = sorted({chat.consumer for chat in self.cast.chats_of(STORE)} - inside)
        return self.dice.sample(outside, len(outside))


def expect(outcome: Outcome, reason: str = "") -> None:
    """Check an outcome: accepted, or refused for this reason."""
    got = outcome.reason if isinstance(outcome, Refused) else "accepted"
    if got != (reason or "accepted"):
        raise Unexpected(f"expected {reason or 'accepted'}, but it was {got}")


async def both_ways(story: Story) -> str:
    """Every customer of the store and the café greets their member, and is answered."""
    chats = story.cast.chats_of(STORE) + story.cast.chats_of(CAFE)
    room = asyncio.Semaphore(AT_ONCE)

    async def meet(chat: Chat) -> None:
        async with room:
            expect(await story.say("customer to member", chat, "在吗？", back=True))
            expect(await story.say("member to customer", chat, "在的，欢迎"))

    async with asyncio.TaskGroup() as group:
        for chat in chats:
            group.create_task(meet(chat))
    return f"{len(chats)} customers greeted their shop assistant, and each was answered"


async def unverified(story: Story) -> str:
    """A member of an unverified enterprise with several customers may write to none of them in 2018."""
    (busy, *_), quiet = _workshop(story)
    expect(await story.say("unverified enterprise", busy, "新品到了"), "badge_too_low")
    expect(await story.say("unverified enterprise", quiet, "新品到了"))
    return "a member of the unverified workshop was refused; one whose only contact is their own WeChat was not"


def _workshop(story: Story) -> tuple[list[Chat], Chat]:
    """Find the chats of the member with many customers, and the one of the member with one."""
    by_member: dict[str, list[Chat]] = {}
    for chat in story.cast.chats_of(WORKSHOP):
        by_member.setdefault(chat.member, []).append(chat)
    few, many = sorted(by_member.values(), key=len)
    return many, few[0]


async def group_of_ten(story: Story) -> str:
    """The group fills at 10, both sides counted; the next who scans the code is refused."""
    act = "group of 2018"
    seats = story.cast.seats[story.cast.groups[GROUP]]
    for handle in story.strangers():
        outcome = await story.join(act, handle)
        if isinstance(outcome, Refused):
            expect(outcome, "group_full")
            story.unlucky = handle
            break
    owner = f"{STORE}/zhangsan"
    for speaker in (owner, *sorted(handle for handle in seats if "/" not in handle)):
        expect(await story.tell_group(act, speaker, "双十一八折"))
    if len(seats) != 10:
        raise Unexpected(f"expected a group of 10, but {len(seats)} have a seat")
    return f"the group filled at {len(seats)}, and {story.cast.name(story.unlucky)} found it full"


async def orders(story: Story) -> str:
    """The till tells customers of their orders, a shop of the opening, and one customer too often for a month."""
    if story.till is None:
        return "no broker in this run, so the till stayed closed"
    act = "till over MQTT"
    *chats, story.regular = story.dice.sample(story.cast.chats_of(STORE), ORDERS + 1)
    asked = [await _order(story, act, chat) for chat in chats]
    for command_id in asked:
        await story.till.outcome(command_id)
    staff = [key for key in story.cast.staff[STORE] if SHOP in story.cast.departments[key]]
    text = story.census.text("开店啦")
    opening = story.census.begin(act, text, staff)
    outcomes = await story.till.outcome(await story.till.tell({"store": SHOP}, text), len(staff))
    opening.accepted = len(outcomes.accepted) == len(staff)
    for count in range(ORDERS_MAX):
        if not await _order_is_taken(story, act, story.regular):
            told = f"the till told {len(chats)} customers of their order and {len(staff)} staff of the opening"
            return f"{told}; the month had room for {count} to one customer"
    raise Unexpected("the month's limit stopped nothing")


async def _order(story: Story, act: str, chat: Chat) -> str:
    assert story.till is not None
    text = story.census.text("您的订单已付款")
    story.census.begin(act, text, [chat.consumer]).accepted = True
    return await story.till.tell({"consumer": chat.external_userid}, text)


async def _order_is_taken(story: Story, act: str, chat: Chat) -> bool:
    """Tell one customer of an order, and note the refusal if it is refused."""
    assert story.till is not None
    text = story.census.text("您的订单已付款")
    spoken = story.census.begin(act, text, [chat.consumer])
    outcomes = await story.till.outcome(await story.till.tell({"consumer": chat.external_userid}, text))
    spoken.accepted = bool(outcomes.accepted)
    for refused in outcomes.refused:
        story.census.refusals.append(_refusal(act, story.cast.name(chat.consumer), refused))
    return spoken.accepted


def _refusal(act: str, whom: str, told: dict[str, Any]) -> Refusal:
    return Refusal(
        act, f"the till ({STORE}/#{APP})", whom, told.get("rule", ""), told["text"], told["advice"],
        told.get("retry_at_ms", 0),
    )  # fmt: skip


async def heard_back(story: Story) -> str:
    """The gateway has told the till what became of everything, also that it was delivered."""
    if story.till is None:
        return "the till heard nothing, since it stayed closed"
    accepted = refused = delivered = 0
    for command_id, outcomes in story.till.outcomes.items():
        await story.till.outcome(command_id, outcomes.decided, delivered=True)
        accepted, refused = accepted + len(outcomes.accepted), refused + len(outcomes.refused)
        delivered += len(outcomes.delivered)
    if delivered != accepted:
        raise Unexpected(f"expected {accepted} deliveries to be told to the till, but {delivered} were")
    return f"the till was told of {accepted} accepted, {delivered} delivered and {refused} refused"


async def burst(story: Story) -> str:
    """A member writes to one customer as fast as the link takes it, until the minute's limit."""
    story.burst = story.dice.choice([chat for chat in story.cast.chats_of(STORE) if chat.member == f"{STORE}/lisi"])
    for count in range(BURST_MAX):
        outcome = await story.say("burst", story.burst, "限时秒杀")
        if isinstance(outcome, Refused):
            expect(outcome, "conversation_frequency")
            return f"{story.cast.name(story.burst.member)} was stopped after {count} texts to one customer in a minute"
    raise Unexpected("the minute's limit stopped nothing")


async def blocked(story: Story) -> str:
    """A consumer blocks a member, who is refused from then on."""
    chat = story.dice.choice([chat for chat in story.cast.chats_of(STORE) if chat.member == f"{STORE}/wangwu"])
    await story.cast.consumer(chat.consumer).block(chat.conversation)
    expect(await story.say("a consumer who blocks", chat, "再看看？"), "blocked")
    return f"{story.cast.name(chat.consumer)} blocked {story.cast.name(chat.member)}"


async def offline(story: Story) -> str:
    """A consumer goes offline, is written to, and comes back to exactly what was missed."""
    chat = story.dice.choice([chat for chat in story.cast.chats_of(STORE) if chat.member == f"{STORE}/zhaoliu"])
    phone = story.cast.consumer(chat.consumer)
    await phone.disconnect()
    before = phone.ledger.received
    for _ in range(MISSED):
        expect(await story.say("while offline", chat, "给您留言", timed=False))
    await phone.connect()
    missed = phone.ledger.received - before
    if missed != MISSED:
        raise Unexpected(f"expected {MISSED} missed texts, but {missed} came")
    return f"{story.cast.name(chat.consumer)} was offline for {MISSED} texts, and got {missed} on coming back"


async def today(story: Story) -> str:
    """Under today's numbers the same group takes more, and what was refused is taken."""
    await story.control.set_profile(TODAY)
    expect(await story.join("group of today", story.unlucky))
    for handle in story.strangers()[:NEWCOMERS]:
        expect(await story.join("group of today", handle))
    for member in (f"{STORE}/zhangsan", f"{STORE}/wangwu"):
        expect(await story.tell_group("group of today", member, "新人福利"))
    (busy, *_), _ = _workshop(story)
    expect(await story.say("unverified enterprise, today", busy, "新品到了"))
    if story.regular is not None and not await _order_is_taken(story, "till over MQTT, today", story.regular):
        raise Unexpected("today's limit of a month refused an order")
    return f"under {TODAY} the same group has {len(story.cast.seats[story.cast.groups[GROUP]])} people"


async def next_day(story: Story) -> str:
    """A day passes in a moment: the minute's limit is open again."""
    assert story.burst is not None
    before = (await story.control.clock())["now_ms"]
    now = (await story.control.set_clock(advance_ms=DAY_MS))["now_ms"]
    if now - before < DAY_MS:
        raise Unexpected("the clock did not move by a day")
    expect(await story.say("the day after", story.burst, "早上好"))
    return f"a day passed, and {story.cast.name(story.burst.member)} may write again"


ACTS: Final[tuple[Callable[[Story], Awaitable[str]], ...]] = (
    both_ways,
    unverified,
    group_of_ten,
    orders,
    burst,
    blocked,
    offline,
    today,
    heard_back,
    next_day,
)
