"""Reset of one enterprise: nothing of it is left, and nothing else has changed, down to the last byte."""

import tomllib
from typing import Any

from adapters.callback_lines import CallbackLine
from gateway.state import State
from tests.conformance.wecom import AGENT, AMY, SECRET, STORE, ZHANG, Wecom, wecom

__all__ = ["wecom"]

OTHER = "wwsongyin"
OTHERS_SECRET = f"secret-of-{OTHER}"


def rest_of(state: State) -> bytes:
    """Give all that is remembered but what is the enterprise's: by copying, and taking out what names it.

    What a consumer's own devices have said stays theirs, and is compared too.
    """
    rest = State.load(state.dump())
    ours = {name for name, conversation in rest.conversations.items() if conversation.corpid == STORE}
    members = {key for key in rest.people if key.startswith(f"{STORE}/")}
    rest.position = rest.clock.latest_ms = 0
    rest.corps.pop(STORE, None)
    rest.people = {key: person for key, person in rest.people.items() if key not in members}
    for person in map(rest.consumer, [key for key in rest.people if "/" not in key]):
        person.known.pop(STORE, None)
        person.forgotten.pop(STORE, None)
        person.conversations = {name: ends for name, ends in person.conversations.items() if name not in ours}
        person.contacts = {key: name for key, name in person.contacts.items() if key not in members}
    rest.conversations = {name: one for name, one in rest.conversations.items() if name not in ours}
    rest.codes = {code: put for code, put in rest.codes.items() if put.corpid != STORE}
    rest.quotas.forget(STORE, ours)
    return rest.dump()


async def told_of_the_rest(wecom: Wecom) -> dict[str, Any]:
    """Ask control for everything that is not the enterprise's."""
    async with wecom.session.get(f"{wecom.url}/_hutong/world") as answer:
        world = tomllib.loads(await answer.text())
    world["corp"] = [corp for corp in world["corp"] if corp["corpid"] != STORE]
    for consumer in world["consumer"]:
        consumer["muted"] = [corpid for corpid in consumer.get("muted", []) if corpid != STORE]
    looks = {name: await wecom.control("GET", f"/{name}?limit=1000") for name in ("messages", "decisions", "calls")}
    looks["callbacks"] = await wecom.control("GET", "/callbacks")
    ours = {one["conversation"] for one in looks["messages"]["messages"] if one["corpid"] == STORE}
    told = {
        name: [line for line in looks[name][name] if line.get("corpid") != STORE]
        for name in ("calls", "messages", "callbacks")
    }
    told["decisions"] = [
        line
        for line in looks["decisions"]["decisions"]
        if not line.get("person", "").startswith(f"{STORE}/") and line.get("conversation") not in ours
        and line["what"] != "ResetCorp"
    ]  # fmt: skip
    return {"world": world, **told}


async def live(wecom: Wecom, corpid: str) -> None:
    """Let something happen in an enterprise, through every door."""
    token = await wecom.token(corpid, f"secret-of-{corpid}")
    await wecom.get("getcallbackip", access_token=token)
    people = (await wecom.control("GET", f"/people?kind=member&corpid={corpid}"))["people"]
    userid = people[0]["person"].partition("/")[2]
    apps = wecom.gateway.router.state.corps[corpid].apps
    agentid = next(name for name, app in apps.items() if app.bot is None)
    for bot in (name for name, app in apps.items() if app.bot is not None):
        chat = (await wecom.act(AMY, type="enter", app=bot))["conversation"]
        await wecom.act(AMY, type="send", conversation=chat, content={"kind": "text", "text": corpid})
    for path, body in (
        ("externalcontact/add_contact_way", {"type": 1, "scene": 2, "user": [userid], "state": "here"}),
        ("externalcontact/add_msg_template", {"sender": userid, "text": {"content": "hello"}}),
        ("externalcontact/add_corp_tag", {"group_name": "level", "tag": [{"name": "gold"}]}),
        ("department/create", {"name": "new", "parentid": 1}),
        ("tag/create", {"tagname": "new"}),
        ("message/send", {"touser": userid, "msgtype": "text", "agentid": agentid, "text": {"content": "hello"}}),
    ):
        assert (await wecom.post(path, body, access_token=token))["errcode"] == 0
    for row in (await wecom.control("GET", f"/people/{AMY}/conversations"))["conversations"]:
        if row["corpid"] == corpid and "member" in row:
            await wecom.act(
                AMY, type="send", conversation=row["conversation"], content={"kind": "text", "text": corpid}
            )
    line = CallbackLine(corpid, agentid, 1, "add_external_contact", 1, False, "failed", 0, 0, 0)
    wecom.gateway.receivers.lines.add(line)


async def test_nothing_is_left_of_it_and_nothing_else_has_changed(wecom: Wecom) -> None:
    await wecom.control("POST", "/clock", {"rate": 0})
    for corpid in (STORE, OTHER):
        await live(wecom, corpid)
    state = wecom.gateway.router.state
    before, told_before = rest_of(state), await told_of_the_rest(wecom)
    assert {call.get("corpid") for call in told_before["calls"]} == {OTHER} and told_before["messages"]
    await wecom.control("POST", f"/corps/{STORE}/reset")
    assert rest_of(state) == before
    assert await told_of_the_rest(wecom) == told_before
    left = State.load(state.dump())
    for person in left.people.values():
        getattr(person, "forgotten", {}).pop(STORE, None)  # the one trace: whom consumers are to forget
    assert STORE.encode() not in left.dump()
    for look in ("calls", "messages", "decisions", "callbacks"):
        assert f"'{STORE}" not in str(await wecom.control("GET", f"/{look}?limit=1000")).replace("ResetCorp", "")


async def test_an_access_token_ends_with_the_enterprise_although_the_same_app_comes_again(wecom: Wecom) -> None:
    async with wecom.session.get(f"{wecom.url}/_hutong/world") as answer:
        world = tomllib.loads(await answer.text())
    secrets = [app["secret"] for corp in world["corp"] if corp["corpid"] == STORE for app in corp["app"]]
    assert SECRET in secrets
    token, others = await wecom.token(), await wecom.token(OTHER, OTHERS_SECRET)
    await wecom.control("POST", f"/corps/{STORE}/reset")
    assert (await wecom.get("getcallbackip", access_token=token))["errcode"] == 40014
    await wecom.control("PUT", f"/corps/{STORE}", {"name": "again"})
    await wecom.control("PUT", f"/corps/{STORE}/apps/{AGENT}", {"name": "again", "secret": SECRET})
    assert (await wecom.get("getcallbackip", access_token=token))["errcode"] == 40014
    assert await wecom.token() != token
    assert (await wecom.get("getcallbackip", access_token=others))["errcode"] == 0


async def test_an_app_is_named_in_the_decisions_on_what_it_asked_for(wecom: Wecom) -> None:
    token = await wecom.token()
    way = {"type": 1, "scene": 2, "user": [ZHANG]}
    assert (await wecom.post("externalcontact/add_contact_way", way, access_token=token))["errcode"] == 0
    nobody = {"type": 1, "scene": 2, "user": ["nobody"]}
    assert (await wecom.post("externalcontact/add_contact_way", nobody, access_token=token))["errcode"] != 0
    lines = (await wecom.control("GET", f"/decisions?person={STORE}/%23{AGENT}"))["decisions"]
    assert [(line["what"], line["accepted"]) for line in lines] == [("PutContactWay", True), ("PutContactWay", False)]
    assert lines[1]["reason"]
