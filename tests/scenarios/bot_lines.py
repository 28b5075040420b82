"""The lines about bots. What a bot hears is numbered from 1, and an answer names the number of what it answers."""

import itertools
from typing import Any

from gateway import commands
from gateway.events import CallbackDue, Posted
from gateway.state.corps import App
from protocol import content, frames
from protocol.codec import decode_message
from protocol.wecom.changes import BotEntered, CardClicked, FeedbackGiven
from tests.scenarios.ledger import Ledger, Outcome, line

KINDS: dict[str, Any] = {"answers": "message", "welcomes": "enter", "updates": "card"}
SAYING = r"with (markdown|text|card|image|stream|part of|end of)(?: ([\w-]+))? TEXT"


def said(kind: str, name: str | None, text: str) -> content.AppContent:
    """Make what a bot says; a card has one button for each word of the text."""
    if kind == "card":
        keys = [{"key": key, "text": key.title()} for key in text.split()]
        card = {"card_type": "button_interaction", "task_id": name or "task", "button_list": keys}
        return content.TemplateCard("button_interaction", {**card, "feedback": {"id": "of-a-card"}})
    if kind in ("stream", "part of", "end of"):
        return content.Stream(name or "", text, kind == "end of", "f-1" if kind == "stream" else "")
    made: dict[str, content.AppContent] = {
        "markdown": content.Markdown(text), "text": content.Text(text), "image": content.Image(text),
    }  # fmt: skip
    return made[kind]


def app_of(ledger: Ledger, bot: str) -> tuple[str, App]:
    corpid = ledger.state.bots.get(bot, "nowhere")
    return corpid, ledger.state.corps[corpid].apps[bot]


def chat_of(ledger: Ledger, who: str, bot: str) -> str:
    if bot in ledger.group_ids:
        return ledger.group_ids[bot]
    return app_of(ledger, bot)[1].conversations.get(ledger.key(who), "cv-of-nobody")


@line(r"bot WORD of WORD")
def put_bot(ledger: Ledger, name: str, corp: str) -> Outcome:
    return ledger.serve(commands.PutApp(corp, name, name.title(), "secret", bot=True))


@line(r"WORD enters WORD")
def enter(ledger: Ledger, who: str, app: str) -> Outcome:
    return ledger.client(who, lambda number: frames.Enter(number, app))


@line(r"WORD → bot WORD TEXT")
def say(ledger: Ledger, who: str, bot: str, text: str) -> Outcome:
    chat = chat_of(ledger, who, bot)
    return ledger.client(who, lambda number: frames.Send(number, chat, content.Text(text)))


@line(r"WORD has heard")
def has_heard(ledger: Ledger, bot: str) -> Outcome:
    """Number what is due to a bot."""
    records = [ledger.records[position - 1] for position in app_of(ledger, bot)[1].due]
    return ", ".join(f"{number} {_heard(one)}" for number, one in enumerate(records, 1)) or "nothing"


def _heard(record: Any) -> str:
    if isinstance(record, Posted):
        spoken = decode_message(record.frame).content
        return f'"{spoken.text}"' if isinstance(spoken, content.Text) else type(spoken).__name__
    assert isinstance(record, CallbackDue)
    change = record.change
    if isinstance(change, CardClicked):
        return f"{change.key} on {change.sequence} for {change.task_id}"
    if isinstance(change, FeedbackGiven):
        return f"{change.verdict} on {change.id}"
    assert isinstance(change, BotEntered)
    return "entered"


@line(rf"WORD (answers|welcomes|updates) (\d+) {SAYING}")
def answer(ledger: Ledger, bot: str, verb: str, number: str, kind: str, name: str | None, text: str) -> Outcome:
    corpid, app = app_of(ledger, bot)
    position = app.due[int(number) - 1] if int(number) <= len(app.due) else len(ledger.records) + 1
    before = len(ledger.records)
    outcome = ledger.serve(commands.AnswerAsBot(corpid, bot, position, KINDS[verb], said(kind, name, text)))
    return "nothing new" if outcome == "accepted" and len(ledger.records) == before else outcome


@line(r"WORD answers (\d+) with a stream of (\d+) bytes")
def answer_at_length(ledger: Ledger, bot: str, number: str, size: str) -> Outcome:
    return answer(ledger, bot, "answers", number, "part of", "long", "x" * int(size))


@line(rf"WORD (?:pushes to|pushes to the (single|group)) WORD {SAYING}")
def push(ledger: Ledger, bot: str, kind: Any, to: str, what: str, name: str | None, text: str) -> Outcome:
    corpid, _ = app_of(ledger, bot)
    target = f"chat-{to}" if to in ledger.group_ids else to if to in ledger.corp_of else ledger.external(corpid, to)
    return ledger.serve(commands.PushAsBot(corpid, bot, target, said(what, name, text), kind or "any"))


@line(r"WORD presses WORD on (\d+) of WORD")
def press(ledger: Ledger, who: str, key: str, sequence: str, bot: str) -> Outcome:
    chat = chat_of(ledger, who, bot)
    return ledger.client(who, lambda number: frames.Click(number, chat, int(sequence), key))


@line(r"WORD judges (\d+) of WORD (right|wrong|neither)")
def judge(ledger: Ledger, who: str, sequence: str, bot: str, verdict: str) -> Outcome:
    chat, given = chat_of(ledger, who, bot), ["right", "wrong", "neither"].index(verdict) + 1
    return ledger.client(who, lambda number: frames.Feedback(number, chat, int(sequence), given))


@line(r"WORD (brings|takes) LIST (?:into|out of) WORD")
def seat(ledger: Ledger, who: str, verb: str, bots: str, group: str) -> Outcome:
    kind = frames.Invite if verb == "brings" else frames.Remove
    names = tuple(bots.split(", "))
    return ledger.client(who, lambda number: kind(number, ledger.group_ids[group], bots=names))


@line(r"bots in WORD")
def bots_in(ledger: Ledger, group: str) -> Outcome:
    return ", ".join(ledger.state.group(ledger.group_ids[group]).bots) or "none"


@line(r"WORD reads of WORD")
def reads(ledger: Ledger, who: str, bot: str) -> Outcome:
    """Tell what was said in a person's conversation with a bot, or in a group, by whichever side."""
    chat = chat_of(ledger, who, bot)
    posts = (one for one in ledger.records if isinstance(one, Posted) and one.conversation == chat)
    return ", ".join(itertools.chain.from_iterable(_read(one) for one in posts)) or "nothing"


def _read(post: Posted) -> list[str]:
    spoken = decode_message(post.frame).content
    if isinstance(spoken, content.Notice):
        return []
    text, updates = getattr(spoken, "text", ""), getattr(spoken, "updates", 0)
    place = f"{post.sequence} instead of {updates}" if updates else str(post.sequence)
    end = "." if isinstance(spoken, content.Stream) and spoken.finished else ""
    return [f"{place} {text or type(spoken).__name__}{end}"]
