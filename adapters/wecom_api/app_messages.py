"""Messages of apps: to members, taken back, counted (DOC 90236)."""

from typing import Final

from msgspec import UNSET

from adapters.wecom_api.app_content import ANSWERABLE, card_of, content_of
from adapters.wecom_api.call import Caller, Door, No, call
from gateway import windows
from gateway.commands.app_messages import Recall, SpeakFor, UpdateCard
from gateway.decide.app_messages import DAY, said_lately
from gateway.events.app_messages import AppSpoke
from gateway.queries import recipients
from gateway.queries.recipients import Recipients
from gateway.state import State
from gateway.state.app_messages import AppMessage
from protocol.content import TemplateCard
from protocol.wecom.app_messages import (
    NAMES_MAX,
    CardAsked,
    CardReply,
    MessageAsked,
    MessageReply,
    RecallAsked,
    StatisticsAsked,
    StatisticsOfApp,
    StatisticsReply,
)
from protocol.wecom.reply import Reply

EVERYBODY: Final = "@all"
INTERVAL_S_MAX: Final = 4 * 3_600


@call(
    "POST", "message/send", missing={"agentid": 40056, "msgtype": 40008}, exempt=True,
    partial="the pages of mpnews are not kept; `safe` and `enable_id_trans` do nothing",
    limits=("app_messages_per_member",),
)  # fmt: skip
async def send(door: Door, caller: Caller, asked: MessageAsked) -> MessageReply:
    """Say something to members; who cannot be reached is named, and the others have it (DOC 90236)."""
    if str(asked.agentid) != caller.agent_id:
        raise No(40056)
    content = content_of(asked)
    found = await _recipients(door, caller, asked)
    interval_s = min(max(asked.duplicate_check_interval, 1), INTERVAL_S_MAX) if asked.enable_duplicate_check else 0
    answerable = isinstance(content, TemplateCard) and content.card_type in ANSWERABLE
    command = SpeakFor(caller.corpid, caller.agent_id, found.keys, content, interval_s * 1000, answerable)
    events = await door.ask(command)
    spoke = next((event for event in events if isinstance(event, AppSpoke)), None)

    def look(state: State, now_ms: int) -> AppMessage | No:
        told = state.corps[caller.corpid].messages
        said = told.kept.get(spoke.msgid) if spoke is not None else said_lately(told, now_ms, command)
        return said or No(-1, "the enterprise was reset")

    message: AppMessage = await door.look(look)
    if spoke is None:
        caller.notes["X-Hutong-Duplicate-Of"] = message.msgid
    elif message.dropped:
        caller.notes["X-Hutong-Dropped"] = str(message.dropped)
    return _reply(found, message.msgid, message.code)


def _reply(found: Recipients, msgid: str, code: str) -> MessageReply:
    return MessageReply(
        invaliduser="|".join(found.invalid_users).lower(), invalidparty="|".join(found.invalid_parties),
        invalidtag="|".join(found.invalid_tags), msgid=msgid, response_code=code or UNSET,
    )  # fmt: skip


async def _recipients(door: Door, caller: Caller, asked: MessageAsked) -> Recipients:
    """Find those who are meant; 82001 if nobody is named, 81013 if nobody is there."""
    users, parties, tags = (_names(asked, field) for field in NAMES_MAX)
    if not users and not parties and not tags:
        raise No(82001)

    def look(state: State, _now_ms: int) -> Recipients | No:
        corp = state.corps[caller.corpid]
        rights = corp.apps[caller.agent_id].rights if "app_range" in state.strict else recipients.ALL
        if users == [EVERYBODY]:
            found = recipients.everybody(state, corp, rights)
        else:
            found = recipients.named(state, corp, users, parties, tags, rights)
        return found if found.keys else No(81013)

    found: Recipients = await door.look(look)
    return found


def _names(asked: MessageAsked, field: str) -> list[str]:
    """Read names with bars between them."""
    text = str(getattr(asked, field)).encode(errors="replace").decode()
    names = list(dict.fromkeys(filter(None, map(str.strip, text.split("|")))))
    if len(names) > NAMES_MAX[field]:
        raise No(40058, f"{field} names at most {NAMES_MAX[field]}")
    return names


@call("POST", "message/recall", limits=("24 hours: documented",))
async def recall(door: Door, caller: Caller, asked: RecallAsked) -> Reply:
    """Take a message back within a day; once is enough (DOC 90236)."""
    await door.ask(Recall(caller.corpid, caller.agent_id, asked.msgid))
    return Reply()


@call("POST", "message/update_template_card", missing={"agentid": 40056})
async def update_card(door: Door, caller: Caller, asked: CardAsked) -> CardReply:
    """Show something else on a card, once for each response_code and within 72 hours (DOC 90236)."""
    if str(asked.agentid) != caller.agent_id:
        raise No(40056)
    card = card_of(asked)
    if not (asked.atall or asked.userids or asked.partyids or asked.tagids):
        raise No(82001)

    def look(state: State, _now_ms: int) -> Recipients | No:
        corp = state.corps[caller.corpid]
        if asked.atall:
            return Recipients(())
        found = recipients.named(state, corp, asked.userids, map(str, asked.partyids), map(str, asked.tagids))
        return found if found.keys else No(81013)

    found: Recipients = await door.look(look)
    await door.ask(UpdateCard(caller.corpid, caller.agent_id, asked.response_code, found.keys, card), "app")
    return CardReply(
        invaliduser=list(found.invalid_users), invalidparty=list(map(int, found.invalid_parties)),
        invalidtag=list(map(int, found.invalid_tags)),
    )  # fmt: skip


@call("POST", "message/get_statistics")
async def get_statistics(door: Door, caller: Caller, asked: StatisticsAsked) -> StatisticsReply:
    """Count what each app has sent today, or yesterday, in person-times."""

    def look(state: State, now_ms: int) -> StatisticsReply:
        corp, day = state.corps[caller.corpid], windows.indexes(now_ms)[DAY]
        rows = []
        for app in (app for app in corp.apps.values() if app.agent_id.isdecimal()):
            sent = corp.messages.sent_by(app.agent_id, day)
            count = sent.yesterday if asked.time_type else sent.today
            rows.append(StatisticsOfApp(int(app.agent_id), app.name, count))
        return StatisticsReply(statistics=rows)

    reply: StatisticsReply = await door.look(look)
    return reply
