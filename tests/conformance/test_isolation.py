"""No door tells of another enterprise, whoever asks: clients, bots, services.

What a client or a bot may name is listed from the definitions of frames and commands; a name that belongs to another
enterprise is answered exactly like one that nobody has.
"""

import json
from collections import Counter
from collections.abc import Iterator
from types import UnionType
from typing import Any, Final, get_args

import msgspec
import pytest

from adapters.aibot.commands import COMMANDS
from adapters.mqtt_events import telling
from gateway.commands import SendFor
from gateway.events import CommandRefused, Origin, decode
from gateway.state import State
from protocol.content import Text
from protocol.frames import ConsumerCommand, MemberCommand
from tests.conformance.aibot import BOT, connected
from tests.conformance.test_wecom_isolation import OTHER, Other, nobodys
from tests.conformance.wecom import AGENT, AMY, STORE, ZHANG, Wecom, wecom
from tests.wire import LinkEnded, Wire

__all__ = ["wecom"]

OTHERS_BOT: Final = "aibaway"

# Links

# What each key of a frame names; one that is in neither table fails the test.
NAMES: Final = {
    "conversation": "conversation", "conversations": "conversation", "members": "member", "member": "member",
    "consumers": "customer", "bots": "bot", "tag_ids": "tag", "task": "mass", "content": "media", "contents": "media",
    "app": "app", "code": "code",
}  # fmt: skip
PLAIN: Final[dict[str, Any]] = {
    "number": 1, "name": "x", "on": True, "text": "x", "key": "k", "sequence": 1, "verdict": 1, "remark": "x",
    "selected": [], "reasons": [], "tags": [], "description": "x", "company": "x", "mobiles": [],
}  # fmt: skip
# A consumer belongs to no enterprise: whoever holds any code may scan it, and any bot may be opened.
ANYBODYS: Final = ("code", "app")
NOT_AN_ID: Final = ["", " ", "x" * 128, "../..", f"{OTHER}/mali", "cv\x00", "\u202e", "'; --", "*", "#", "%2e"]
NO_TEXT: Final[list[Any]] = ["x" * 129, 7, None, True, {}, ["x"] * 2, 1e400]


def frames_of(side: UnionType) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Give every name of every frame of a side: the frame's type, the key, what it names, and the frame with a ?."""
    for kind in get_args(side):
        keys = [one.encode_name for one in msgspec.structs.fields(kind)]
        assert set(keys) <= NAMES.keys() | PLAIN.keys(), (kind, keys)
        base = {"type": kind.__struct_config__.tag} | {key: PLAIN.get(key, _own(key)) for key in keys}
        for key in keys:
            if named := NAMES.get(key):
                yield base["type"], key, named, base | {key: _asked(key)}


def _asked(key: str) -> Any:
    image = {"kind": "image", "media_id": "?"}
    return {"content": image, "contents": [image]}.get(key, ["?"] if key.endswith("s") else "?")


def _own(key: str) -> Any:
    text = {"kind": "text", "text": "x"}
    of_one = {"content": text, "contents": [text], "conversation": "?own", "conversations": ["?own"],
              "member": ZHANG, "code": "?code", "app": str(AGENT), "task": "?task"}  # fmt: skip
    return of_one.get(key, [])


def filled(asked: Any, one: Any, own: dict[str, Any]) -> Any:
    """Put a name where the ? stands, and what is ours in its places."""
    if isinstance(asked, dict):
        return {key: filled(value, one, own) for key, value in asked.items()}
    if isinstance(asked, list):
        return [filled(value, one, own) for value in asked]
    return one if asked == "?" else own.get(asked, asked) if isinstance(asked, str) else asked


class Person:
    """Somebody's link, opened anew whenever it was closed; answers come without what differs by number."""

    def __init__(self, wecom: Wecom, person: str) -> None:
        self._wecom = wecom
        self._person = person
        self._wire: Wire | None = None

    async def ask(self, frame: dict[str, Any]) -> dict[str, Any]:
        if self._wire is None:
            gateway = self._wecom.gateway
            self._wire = await Wire.open(gateway.listener.port, gateway.tokens.link_token(self._person, "p"), "json")
            welcome = await self._wire.hello()
            self._number = welcome["last_number"]
            await self._wire.until("synced")
        self._number += 1
        self._wire.say(**{**frame, "number": self._number})
        try:
            while (told := await self._wire.receive())["type"] not in ("accepted", "refused", "fault"):
                pass
        except LinkEnded as end:
            self._wire = None
            return {"ended": end.code}
        if told["type"] == "fault":
            self._wire = None
        return {key: value for key, value in told.items() if key not in ("number", "time_ms", "sequence")}


def of_other(state: State, kinds: tuple[str, ...]) -> Iterator[str]:
    """Give one conversation of each kind of the other enterprise."""
    for kind in kinds:
        yield next(chat.id for chat in state.conversations.values() if (chat.corpid, chat.kind) == (OTHER, kind))


def theirs(state: State) -> str:
    """Tell all that is known of the other enterprise, so that it can be compared."""
    chats = sorted(chat.id for chat in state.conversations.values() if chat.corpid == OTHER)
    people = [msgspec.to_builtins(person) for key, person in state.people.items() if key.startswith(f"{OTHER}/")]
    heads = [(name, state.conversations[name].head) for name in chats]
    return repr((heads, people, sorted(state.corps[OTHER].media.kept)))


def alike(told: dict[str, Any], one: Any) -> str:
    return json.dumps(told, sort_keys=True).replace(json.dumps(one).strip('"'), "?")


async def away(wecom: Wecom) -> dict[str, Any]:
    """Make one of each kind that clients and bots name, in the other enterprise; no link of ours is told of it."""
    token = await wecom.token(OTHER, f"secret-of-{OTHER}")
    have = await Other(wecom, token).have()
    await wecom.control("PUT", f"/corps/{OTHER}/apps/{OTHERS_BOT}", {"name": "b", "secret": "bs", "bot": True})
    await wecom.act(f"{OTHER}/mali", type="enter", app=str(AGENT))
    state = wecom.gateway.router.state
    code = next(code for code, put in state.codes.items() if put.corpid == OTHER)
    return have | {"bot": OTHERS_BOT, "app": "7000001", "code": code}


@pytest.mark.parametrize("role", ["member", "consumer"])
async def test_frames_that_name_what_is_anothers_are_answered_as_those_that_name_nothing(
    wecom: Wecom, role: str
) -> None:
    have, state = await away(wecom), wecom.gateway.router.state
    person = f"{STORE}/{ZHANG}" if role == "member" else "an.qian"
    speaking = Person(wecom, person)
    own_chat = next(chat.id for chat in state.conversations.values() if chat.relation and person in chat.people)
    own = {"?own": own_chat, "?code": next(code for code, put in state.codes.items() if put.corpid == STORE),
           "?task": "msgnone"}  # fmt: skip
    kinds = tuple(sorted({chat.kind for chat in state.conversations.values() if chat.corpid == OTHER}))
    assert len(kinds) >= 3, kinds
    before, answers = theirs(state), Counter[str]()
    for type_, key, named, asked in frames_of(MemberCommand if role == "member" else ConsumerCommand):
        if role == "consumer" and named in ANYBODYS:
            continue
        foreign = list(of_other(state, kinds)) if named == "conversation" else [have[named]]
        for one in foreign:
            absent = nobodys(one)
            told = await speaking.ask(filled(asked, one, own))
            nothing = await speaking.ask(filled(asked, absent, own))
            assert alike(told, one) == alike(nothing, absent), (type_, key, one)
            assert told["type"] == "refused" or named == "media", (
                type_,
                key,
                told,
            )  # who reads it looks for it at home
            answers[str(told.get("reason"))] += 1
        for malformed in NOT_AN_ID:
            told = await speaking.ask(filled(asked, malformed, own))
            assert told.get("type") != "accepted" or named == "media", (type_, key, malformed, told)
        for malformed in NO_TEXT:
            told = await speaking.ask(filled(asked, malformed, own) | {key: malformed})
            assert told.get("type") != "accepted", (type_, key, malformed, told)
    assert (await speaking.ask({"type": "send", "conversation": own_chat, "content": _own("content")}))["type"] == (
        "accepted"
    )
    assert len(answers) >= (5 if role == "member" else 2), answers
    assert theirs(state) == before


async def test_each_side_has_frames_of_its_own(wecom: Wecom) -> None:
    """A member's token asks for nothing that only consumers may, and the reverse."""
    both = {role: set(get_args(side)) for role, side in (("member", MemberCommand), ("consumer", ConsumerCommand))}
    for role, person in (("member", f"{STORE}/{ZHANG}"), ("consumer", AMY)):
        speaking = Person(wecom, person)
        (other,) = both.keys() - {role}
        kinds = {kind.__struct_config__.tag for kind in both[other] - both[role]}
        frames = {asked["type"]: asked for _, _, _, asked in frames_of(MemberCommand | ConsumerCommand)}
        for tag in sorted(kinds):
            told = await speaking.ask(filled(frames[tag], "x", {"?own": "x", "?code": "x", "?task": "x"}))
            assert (told["type"], told["reason"]) == ("refused", "wrong_side"), (role, tag, told)
        assert len(kinds) >= 3


# Bots

OF_BOTS: Final = {"chatid": "chat", "upload_id": "upload", "req_id": "callback", "media_id": "media"}
PLAIN_OF_BOTS: Final = {"chat_type", "msgtype", "response_type", "template_card", "chunk_index", "base64_data", "type",
                        "filename", "total_size", "total_chunks", "md5"}  # fmt: skip
UPLOAD: Final[dict[str, Any]] = {"type": "file", "filename": "a", "total_size": 8, "total_chunks": 1}
CARD: Final = {"response_type": "update_template_card", "template_card": {"card_type": "text_notice", "task_id": "t"}}
TEXT: Final[dict[str, Any]] = {"msgtype": "markdown", "markdown": {"content": "x"}}


def asked_of_bots() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Give every name of every command: what it names, the command, its req_id and its body, with a ? where it goes."""
    body: dict[str, dict[str, Any]] = {
        "aibot_respond_update_msg": dict(CARD), "aibot_upload_media_init": dict(UPLOAD),
        "aibot_upload_media_chunk": {"upload_id": "?", "chunk_index": 0, "base64_data": "aGVsbG8h"},
        "aibot_upload_media_finish": {"upload_id": "?"},
    }  # fmt: skip
    for cmd, command in COMMANDS.items():
        keys = {one.encode_name for one in msgspec.structs.fields(command.asked)}
        said = keys - OF_BOTS.keys() - PLAIN_OF_BOTS
        assert all(key in ("text", "stream", "markdown", "image", "voice", "video", "file") for key in said), said
        asked = body.get(cmd, dict(TEXT))
        if "upload_id" in keys:
            yield "upload", cmd, "", asked
        if "chatid" in keys:
            yield "chat", cmd, "", asked | {"chatid": "?"}
            yield "media", cmd, "", {"chatid": ZHANG, "msgtype": "image", "image": {"media_id": "?"}}
        if cmd.startswith("aibot_respond"):
            yield "callback", cmd, "?", asked


async def test_bots_that_name_what_is_anothers_are_answered_as_those_that_name_nothing(wecom: Wecom) -> None:
    have, gateway = await away(wecom), wecom.gateway
    state = gateway.router.state
    await wecom.act(f"{STORE}/{ZHANG}", type="enter", app=BOT)
    entered = await wecom.act(f"{OTHER}/mali", type="enter", app=OTHERS_BOT)
    await wecom.act(f"{STORE}/{ZHANG}", type="send", conversation=_chat_of(state, f"{STORE}/{ZHANG}"),
                    content=_own("content"))  # fmt: skip
    async with connected(wecom) as far, connected(wecom) as near:
        await far.subscribe(OTHERS_BOT, "bs")
        told = await far.told()
        upload = (await far.ask("aibot_upload_media_init", **UPLOAD))["body"]["upload_id"]
        assert (await near.subscribe())["errcode"] == 0
        before, numbers = theirs(state), Counter[int]()
        foreign = {
            "chat": ["mali", have["customer"], have["group"], have["app group"], entered["conversation"]],
            "upload": [upload], "callback": [told["headers"]["req_id"]], "media": [have["media"]],
        }  # fmt: skip
        for named, cmd, req_id, asked in asked_of_bots():
            for one in foreign[named]:
                absent = nobodys(one)
                answers = [
                    await near.ask(cmd, name if req_id else "", **filled(asked, name, {})) for name in (one, absent)
                ]
                assert _alike(answers[0], one) == _alike(answers[1], absent), (cmd, named, one)
                assert answers[0]["errcode"], (cmd, named, one)
                numbers[answers[0]["errcode"]] += 1
            for malformed in NOT_AN_ID:
                answer = await near.ask(cmd, (malformed or "x") if req_id else "", **filled(asked, malformed, {}))
                assert answer["errcode"], (cmd, named, malformed)
        assert (await near.ask("aibot_send_msg", chatid=ZHANG, **TEXT))["errcode"] == 0
        assert (await far.ask("aibot_upload_media_chunk", upload_id=upload, chunk_index=0, base64_data="aGVsbG8hISE="))[
            "errcode"
        ] == 0
        assert len(numbers) >= 4, numbers
        assert theirs(state) == before


def _chat_of(state: State, person: str) -> str:
    return next(chat.id for chat in state.conversations.values() if chat.app and chat.app.agent_id == BOT)


def _alike(answer: dict[str, Any], one: str) -> str:
    return json.dumps({"errcode": answer["errcode"], "errmsg": answer["errmsg"].partition("hint")[0]}).replace(one, "?")


# Services over MQTT

SENDERS: Final = {"member": "member", "app": "agent"}
TARGETS: Final = {"consumer": "customer", "member": "member", "store": "department", "group": "group"}


async def test_commands_of_services_that_name_what_is_anothers_end_as_those_that_name_nothing(wecom: Wecom) -> None:
    have, router = await away(wecom), wecom.gateway.router
    own = {"member": ZHANG, "app": str(AGENT), "consumer": router.state.consumer(AMY).known[STORE].external_userid}
    before, ends, number = theirs(router.state), Counter[str](), 0

    async def end_of(sender: tuple[str, str], to: tuple[str, str]) -> str:
        nonlocal number
        number += 1
        command = SendFor(STORE, Origin("till", str(number)), *sender, *to, Text("x"))  # type: ignore[arg-type]
        answer = await router.ask(command)
        assert isinstance(answer, list)
        last = answer[-1]
        return f"{last.code} {last.rule}" if isinstance(last, CommandRefused) else type(last).__name__

    for kind, named in SENDERS.items():
        names = have[named], nobodys(have[named])
        told = [await end_of((kind, str(name)), ("consumer", own["consumer"])) for name in names]
        assert told[0] == told[1] and told[0] != "Posted", (kind, told)
        ends[told[0]] += 1
    for kind, named in TARGETS.items():
        told = [await end_of(("member", ZHANG), (kind, str(name))) for name in (have[named], nobodys(have[named]))]
        assert told[0] == told[1] and told[0] != "Posted", (kind, told)
        ends[told[0]] += 1
    assert await end_of(("member", ZHANG), ("consumer", own["consumer"])) == "Posted"
    assert theirs(router.state) == before


async def test_events_are_told_under_their_own_enterprise_and_name_nobody_elses(wecom: Wecom) -> None:
    await away(wecom)
    await wecom.control("PUT", f"/corps/{STORE}/relations/lisi/{AMY}", {"remark": "r"})
    router = wecom.gateway.router
    chats = router.state.conversations.values()
    told: dict[str, list[str]] = {STORE: [], OTHER: []}
    for position, record in wecom.gateway.journal.replay(0):
        one = telling(f"1-{position}", decode(record), router.state)
        corp = one.publication.topic.split("/")[2] if one is not None else ""
        if one is not None and corp in told:
            told[corp].append(one.publication.payload.decode())
    for corp, other in ((STORE, OTHER), (OTHER, STORE)):
        known = [at.external_userid for key in router.state.people if "/" not in key
                 for name, at in router.state.consumer(key).known.items() if name == other]  # fmt: skip
        secret = [other, *known, *(chat.id for chat in chats if chat.corpid == other), AMY]
        assert len(told[corp]) >= 5 and len(secret) > 20
        assert [name for name in secret for text in told[corp] if name in text] == [], corp
