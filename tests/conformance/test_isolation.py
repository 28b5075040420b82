"""Who may do what, at every door: each credential opens its own door, and no door tells of another enterprise.

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
from aiohttp import WSServerHandshakeError

from adapters.aibot.commands import COMMANDS
from adapters.control.endpoint import ENDPOINTS
from adapters.mqtt_events import telling
from adapters.wecom_api.call import CALLS
from gateway.commands import SendFor
from gateway.events import CommandRefused, Origin, decode
from gateway.state import State
from protocol.content import Text
from protocol.frames import ConsumerCommand, MemberCommand
from tests.conformance.aibot import BOT, connected
from tests.conformance.aibot import SECRET as BOT_SECRET
from tests.conformance.test_wecom_isolation import OTHER, Other, nobodys
from tests.conformance.wecom import AGENT, AMY, SECRET, STORE, ZHANG, Wecom, wecom
from tests.wire import HandshakeRefused, LinkEnded, Wire

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


# Credentials


class Doors:
    """Every door that takes a credential: each tells whether it opens to one."""

    def __init__(self, wecom: Wecom, access: str) -> None:
        self._wecom = wecom
        self._access = access

    async def link(self, token: str) -> bool:
        try:
            wire = await Wire.open(self._wecom.gateway.listener.port, token)
        except HandshakeRefused:
            return False
        wire.drop()
        return True

    async def link_by_ticket(self, ticket: str) -> bool:
        url = f"{self._wecom.url}/ws"
        try:
            link = await self._wecom.session.ws_connect(url, params={"ticket": ticket}, protocols=["hutong.v1.json"])
        except WSServerHandshakeError:
            return False
        await link.close()
        return True

    async def media(self, token: str) -> bool:
        url, headers = f"{self._wecom.url}/media/none", {"Authorization": f"Bearer {token}"}
        async with self._wecom.session.get(url, headers=headers) as answer:
            assert answer.status in (401, 404)
            return answer.status == 404

    async def resume(self, token: str) -> bool:
        return self._wecom.gateway.tokens.read_resume_token(token) is not None

    async def control(self, token: str) -> bool:
        url, data = f"{self._wecom.url}/_hutong/tickets", json.dumps({"token": token})
        async with self._wecom.session.post(url, data=data) as answer:
            assert answer.status in (200, 422)
            return answer.status == 200

    async def api(self, token: str) -> bool:
        told = await self._wecom.get("getcallbackip", access_token=token)
        assert told["errcode"] in (0, 40014)
        return bool(told["errcode"] == 0)

    async def gettoken(self, secret: str) -> bool:
        return bool((await self._wecom.get("gettoken", corpid=STORE, corpsecret=secret))["errcode"] == 0)

    async def bot(self, secret: str) -> bool:
        async with connected(self._wecom) as raw:
            return bool((await raw.subscribe(secret=secret))["errcode"] == 0)

    async def login(self, code: str) -> bool:
        told = await self._wecom.get("auth/getuserinfo", access_token=self._access, code=code)
        return bool(told["errcode"] == 0)


LINKS: Final = {"link", "media", "control"}
OPENED_BY: Final = {
    "member's token": LINKS, "consumer's token": LINKS, "ticket": {"link_by_ticket"}, "resume token": {"resume"},
    "access token": {"api"}, "app's secret": {"gettoken"}, "bot's secret": {"bot"}, "code": {"login"},
    "page's ticket": set[str](), "callback token": set[str](), "key id": set[str](), "nothing": set[str](),
}  # fmt: skip


async def test_each_credential_opens_its_own_doors_and_no_other(wecom: Wecom) -> None:
    access, gateway = await wecom.token(), wecom.gateway
    person = f"{STORE}/{ZHANG}"
    member = gateway.tokens.link_token(person, "p")
    wire = await Wire.open(gateway.listener.port, member)
    await wire.hello()
    synced = await wire.until("synced")
    wire.drop()
    login = {"corpid": STORE, "agent_id": str(AGENT)}
    credentials = {
        "member's token": member, "consumer's token": gateway.tokens.link_token(AMY, "p"),
        "ticket": (await wecom.control("POST", "/tickets", {"token": member}))["ticket"],
        "resume token": synced["token"], "access token": access, "app's secret": SECRET, "bot's secret": BOT_SECRET,
        "code": (await wecom.control("POST", f"/people/{person}/oauth-codes", login))["code"],
        "page's ticket": (await wecom.get("get_jsapi_ticket", access_token=access))["ticket"],
        "callback token": gateway.router.state.corps[STORE].apps[str(AGENT)].callback_token,
        "key id": gateway.id, "nothing": "x",
    }  # fmt: skip
    assert credentials.keys() == OPENED_BY.keys()
    doors = Doors(wecom, access)
    for name in {name for name in vars(Doors) if not name.startswith("_")}:
        opened = set()
        for what, credential in sorted(credentials.items(), key=lambda one: name in OPENED_BY[one[0]]):
            await wecom.control("PUT", "/profile", {"name": "bench"})  # wrong secrets are not counted on
            if await getattr(doors, name)(credential):
                opened.add(what)
        assert opened == {what for what, doors in OPENED_BY.items() if name in doors}, name


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


# Pages of others

FOREIGN: Final = [
    {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example"},
    {"Host": "qyapi.weixin.qq.com"}, {"Host": "evil.example", "Origin": "http://evil.example"},
    {"Host": "localhost.evil.example:80"}, {"Host": "user@127.0.0.1.evil.example"},
]  # fmt: skip


async def test_every_call_of_control_refuses_pages_and_names_of_others(wecom: Wecom) -> None:
    before, calls = wecom.gateway.router.state.digest(), 0
    for endpoint in ENDPOINTS:
        for headers in FOREIGN:
            url = f"{wecom.url}/_hutong{endpoint.route}"
            async with wecom.session.request(endpoint.method, url, data=b"{}", headers=headers) as answer:
                assert (answer.status, answer.content_type) == (403, "application/problem+json"), (
                    endpoint.route,
                    headers,
                )
            calls += 1
    assert calls > 400 and wecom.gateway.router.state.digest() == before


@pytest.mark.parametrize("path", ["/connect/oauth2/authorize?appid=wwlanhe", "/metrics"])
async def test_what_asks_for_no_credential_is_not_told_to_names_of_others(wecom: Wecom, path: str) -> None:
    for host, status in (("evil.example", 403), ("127.0.0.1.evil.example", 403), ("localhost:1", 0)):
        async with wecom.session.get(f"{wecom.url}{path}", headers={"Host": host}) as answer:
            assert answer.status == status or (not status and answer.status != 403), (host, await answer.text())


async def test_every_call_of_the_api_asks_for_a_token_or_a_secret(wecom: Wecom) -> None:
    assert {path for path, call in CALLS.items() if call.open} == {"gettoken"}
    wrong: list[dict[str, object]] = [{}, {"access_token": ""}, {"access_token": "x"}, {"access_token": "a" * 600}]
    for path, call in CALLS.items():
        for query in wrong if not call.open else ():
            told = await wecom._call(call.method, path, b"{}" if call.method == "POST" else None, query)
            assert told["errcode"] == (40014 if query.get("access_token") else 41001), (path, told)


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
