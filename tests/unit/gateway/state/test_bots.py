"""What a bot remembers is bounded, and the oldest gives way."""

from gateway import commands, decide
from gateway.events import AppOpened, AppPut, CallbackDue, CorpPut, MemberPut
from gateway.events.bots import Shown
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.bots import ASKED_MAX, SHOWN_MAX, Bot
from protocol.content import Text
from protocol.wecom.changes import BotEntered


def entered(times: int) -> State:
    state = State()
    state.apply(CorpPut("ww", "w", "w", "certified", 0, 1))
    state.apply(AppPut("ww", "aib", "Bot", "s", bot=True))
    state.apply(MemberPut("ww", "lin", "Lin", (), True, True, own="cv1"))
    state.apply(AppOpened("ww", "aib", "ww/lin", "cv2"))
    for _ in range(times):
        state.apply(CallbackDue("ww", ("aib",), BotEntered("lin", "cv2"), 1))
    return state


def bot_of(state: State) -> Bot:
    bot = state.corps["ww"].apps["aib"].bot
    assert bot is not None
    return bot


def test_the_oldest_question_gives_way_as_what_is_due_does() -> None:
    state = entered(ASKED_MAX + 3)
    assert list(bot_of(state).asked) == state.corps["ww"].apps["aib"].due == list(range(8, 8 + ASKED_MAX))
    gone, kept = (commands.AnswerAsBot("ww", "aib", position, "enter", Text("hi")) for position in (7, 8))
    refused = decide.by_service(state, 2, 2, gone)
    assert isinstance(refused, Refusal) and refused.reason.name == "unknown_question"
    assert isinstance(decide.by_service(state, 2, 2, kept), list)


def test_the_oldest_card_gives_way() -> None:
    bot = Bot()
    for sequence in range(SHOWN_MAX + 2):
        bot.show("cv", sequence, Shown("a card"))
    assert len(bot.shown) == SHOWN_MAX and min(bot.shown) == ("cv", 2)


def test_a_bot_hears_of_no_changes_of_its_enterprise() -> None:
    assert entered(0).listeners("ww") == ()
