"""Whatever is asked: what is decided can be written, applied, replayed and dumped; nearly every event comes up.

Commands and frames are drawn from their types, their names from what the world has just then, each as likely twice.
"""

import random
from typing import Any, Final, get_args

import msgspec
from msgspec import inspect

from gateway import commands, decide, events, profile
from gateway.commands.app_groups import ChangeAppGroup, SayInAppGroup
from gateway.decide import CLIENT_HANDLERS, SERVICE_HANDLERS
from gateway.events.bots import Shown
from gateway.state import State
from gateway.state.bots import Bot
from protocol import frames
from protocol.content import Markdown, Stream, TemplateCard, Text
from tests.property.lives import CONSUMERS, CORPS, PROFILES, Life

ASKED: Final = (
    *(kind for kind in SERVICE_HANDLERS if kind not in (commands.SliceJob, commands.Lapse, commands.SetProfile)),
    *CLIENT_HANDLERS,
)
SELDOM: Final = (commands.ResetWorld, commands.ResetCorp)
ELSEWHERE: Final = {  # what test_replay.py and test_forks.py live through
    events.ClockSet, events.Delivered, events.Dismissed, events.JobStarted, events.Left, events.TokenRevoked,
    events.WorldRestored,
}  # fmt: skip
URL: Final = "http://127.0.0.1:1/callback"


class World(Life):
    """A life whose apps are called back, and where anything may be asked."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        super().__init__()

    def found(self, corp: str) -> None:
        super().found(corp)
        self.serve(commands.PutApp(corp, "till", "Till", "secret", URL, "token", "k" * 43))
        self.serve(commands.PutApp(corp, f"bot-{corp}", "Bot", "secret", bot=True))
        for name in ("ann", "bea", "cid"):
            self.member(f"{corp}/{name}")

    def pools(self) -> dict[str, list[Any]]:
        """Give what each field of a name may say: things there are, and one that is not."""
        state = self.state
        corps = list(state.corps.values())
        messages = [one for corp in corps for one in corp.messages.kept.values()]
        tags = [id_ for corp in corps for id_ in (*corp.tags.groups, *corp.tags.group_of, *corp.tags.gone)]
        things = [name for corp in corps for name in (*corp.mass.messages, *corp.ways.templates, *tags)]
        pools: dict[str, list[Any]] = {
            "corpid": [*CORPS, *CORPS, "nowhere"],
            "agent_id": ["till", "till", "cash", ""],
            "app bots": ["till", *state.bots],
            "userid new_userid users userids members member sender owner direct_leader target": [
                *(userid for corp in corps for userid in corp.members), "ghost", "newcomer",
            ],
            "departments parties department parent parentid main_department": [1, 1, 7, 8, 9],
            "external_userid external_userids": [name for corp in corps for name in corp.consumers],
            "consumer handle": list(CONSUMERS),
            "person": [*state.people, "nobody"],
            "recipients": [key for corp in corps for key in corp.members.values()],
            "chat_id chat_ids": [name for corp in corps for name in (*corp.chats, *corp.app_groups)],
            "conversation conversations": list(state.conversations),
            "code": [
                *state.codes, *(one.code for one in messages), *(name for corp in corps for name in corp.ways.welcomes),
                *(name for corp in corps for name in corp.book.codes),
            ],
            "msgid": [one.msgid for one in messages],
            "task": [name for corp in corps for name in corp.mass.messages],
            "tag_ids tag_groups add remove": [name for corp in corps for name in corp.tags.group_of],
            "group_id group_ids": [name for corp in corps for name in corp.tags.groups],
            "id": [*things, 1, 7, 8, 9],
            "media_id picture": [name for corp in corps for name in (*corp.media.kept, *corp.media.pictures)],
            "seed": ["seed"],
        }  # fmt: skip
        return {name: pool or ["none"] for names, pool in pools.items() for name in names.split()}

    def draw(self, kind: type) -> Any:
        pools = self.pools()
        if kind in (ChangeAppGroup, SayInAppGroup):
            mine = [name for corp in self.state.corps.values() for name in corp.app_groups]
            pools |= {"add": pools["members"], "remove": pools["members"], "chat_id": mine or ["none"]}
        elif kind in (commands.CancelMass, commands.RemindMass):
            pools["id"] = pools["task"]
        elif kind in (commands.AnswerAsBot, commands.PushAsBot):
            pools |= self._heard()
        elif kind in (frames.Click, frames.Feedback):
            pools |= self._seen()
        elif not issubclass(kind, commands.Command):
            pools["consumers"] = pools["external_userid"]
        asked = self._struct(inspect.type_info(kind), pools)  # type: ignore[arg-type]
        if isinstance(asked, commands.AnswerAsBot | commands.PushAsBot):
            said = self.dice.choice((Stream, Markdown, TemplateCard, Text))
            asked = msgspec.structs.replace(asked, content=self._struct(inspect.type_info(said), pools))  # type: ignore[arg-type]
        return asked

    def _bots(self) -> list[tuple[str, str, Bot]]:
        apps = [(corp.corpid, app) for corp in self.state.corps.values() for app in corp.apps.values()]
        return [(corpid, app.agent_id, app.bot) for corpid, app in apps if app.bot is not None]

    def _heard(self) -> dict[str, list[Any]]:
        """Give something that a bot was asked, or those to whom it may write."""
        corpid, agent_id, bot = self.dice.choice(self._bots())
        corp = self.state.corps[corpid]
        position = self.dice.choice(list(bot.asked)[-20:] or [1])
        kind = bot.asked[position].kind if position in bot.asked else "none"
        named = [kind, *corp.chats, *corp.members, *corp.consumers]
        return {"corpid": [corpid], "agent_id": [agent_id], "position": [position], "to": named}

    def _seen(self) -> dict[str, list[Any]]:
        """Give something of a bot that can be acted on."""
        places = [(*place, shown) for _, _, bot in self._bots() for place, shown in bot.shown.items()]
        conversation, sequence, shown = self.dice.choice(places) if places else ("none", 1, Shown())
        return {"conversation": [conversation], "sequence": [sequence], "key": [*shown.keys, "none"]}

    def _struct(self, kind: inspect.StructType, pools: dict[str, list[Any]]) -> Any:
        said = {
            one.name: self._value(one.type, one.name, pools)
            for one in kind.fields
            if one.required or self.dice.random() < 0.4
        }
        return kind.cls(**said)

    def _value(self, kind: inspect.Type, name: str, pools: dict[str, list[Any]]) -> Any:  # noqa: C901 - one case a kind of type
        dice = self.dice
        match kind:
            case inspect.StrType():
                pool = pools.get(name) or ["", "a", "b", name]
                texts = [one for one in pool if isinstance(one, str) and len(one) <= (kind.max_length or len(one))]
                return dice.choice(texts) if texts else ""
            case inspect.IntType():
                least, most = kind.ge if kind.ge is not None else 0, kind.le if kind.le is not None else 2**40
                numbers = [one for one in pools.get(name, ()) if isinstance(one, int)] or [0, 1, 2, 7, 60, 86_400]
                return min(max(dice.choice(numbers), least), most)
            case inspect.BoolType():
                return dice.random() < 0.5
            case inspect.BytesType():
                return b"{}"
            case inspect.FloatType():
                return 1.0
            case inspect.LiteralType():
                return dice.choice([one for one in pools.get(name, ()) if one in kind.values] or kind.values)
            case inspect.VarTupleType() | inspect.ListType():
                drawn = [
                    self._value(kind.item_type, name, pools)
                    for _ in range(min(dice.randrange(4), kind.max_length or 4))
                ]
                drawn = drawn or [self._value(kind.item_type, name, pools)][: kind.min_length or 0]
                return tuple(drawn) if isinstance(kind, inspect.VarTupleType) else drawn
            case inspect.TupleType():
                return tuple(self._value(one, name, pools) for one in kind.item_types)
            case inspect.DictType():
                return {"button_list": [{"key": "ok"}], "feedback": {"id": "f"}} if name == "card" else {}
            case inspect.UnionType():
                known = [one for one in kind.types if not isinstance(one, inspect.CustomType)]
                return self._value(dice.choice(known), name, pools)
            case inspect.StructType():
                return self._struct(kind, pools)
            case _:
                return None

    def ask(self, kind: type) -> None:
        asked = self.draw(kind)
        if isinstance(asked, SELDOM):
            self.serve(asked)
            for corp in CORPS:
                self.found(corp)
            for name in CONSUMERS:
                self.serve(commands.PutConsumer(name))
            return
        if isinstance(asked, commands.Command):
            self.serve(asked)
            return
        side = "member" if kind in decide.COMMANDS_OF["member"] and self.dice.random() < 0.6 else "consumer"
        if kind not in decide.COMMANDS_OF[side]:
            side = "member" if side == "consumer" else "consumer"
        keys = [key for key, person in self.state.people.items() if person.side == side]
        key = self.dice.choice(keys)
        self.client(key, msgspec.structs.replace(asked, number=self.number(key)))


def live(seed: int, commands_: int) -> set[type]:
    """Live a world at random, and have it replayed; give the kinds of event that came up."""
    world = World(seed)
    for number in range(commands_):
        kind = world.dice.choice(ASKED)
        if kind not in SELDOM or world.dice.random() < 0.05:
            world.ask(kind)
        if world.dice.random() < 0.3:
            world.work()
        if number % 500 == 0:
            world.serve(commands.SetProfile(profile.read(world.dice.choice(PROFILES))))
    replayed, happened = State(), [events.decode(record) for record in world.records]
    for event in happened:
        replayed.apply(event)
    assert replayed.digest() == world.state.digest()
    loaded = State.load(world.state.dump())
    assert loaded.digest() == world.state.digest()
    assert loaded.corps == world.state.corps, "the names in it are made again, and no digest sees those"
    return {type(event) for event in happened}


def test_whatever_is_decided_can_be_lived() -> None:
    missing = set(get_args(events.AnyEvent)).difference(*(live(seed, 3_000) for seed in range(6)))
    assert missing <= ELSEWHERE, missing - ELSEWHERE
