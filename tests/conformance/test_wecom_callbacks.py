"""Callbacks over real sockets: to receivers that take them, and to all the others.

A receiver here opens everything with wechatpy's crypto; time-outs and spacings are small numbers of the configuration.
"""

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from protocol.wecom.changes import ChatUpdated, ContactAdded
from tests.conformance.changes import FAST, Change, attempts, happens, ids
from tests.conformance.receiver import Call, Receiver, receiving
from tests.conformance.wecom import AGENT, STORE, Wecom, running

pytestmark = pytest.mark.usefixtures("changes_happen")

CAFE = "wwsongyin"
PATIENT: dict[str, Any] = {"callback_check_ms": 20_000}  # this machine may be busy
NEVER: dict[str, Any] = {"callback_spacing_ms": 3_600_000, "callback_drain_ms": 0}


async def test_a_change_is_told_in_an_envelope_that_an_sdk_opens(receiver: Receiver) -> None:
    async with running() as wecom:
        await wecom.control("POST", "/clock", {"rate": 0, "advance_ms": 86_400_000})
        await receiver.settle(wecom)
        now_ms = (await wecom.control("GET", "/clock"))["now_ms"]
        await wecom.gateway.router.ask(Change(STORE, (ContactAdded("zhangsan", "wmamy", "shop", "CODE"),)))
        (call,) = await receiver.came(1)
        assert set(call.query) == {"msg_signature", "timestamp", "nonce"}
        assert set(call.outer) == {"ToUserName", "Encrypt"}
        assert call.outer["ToUserName"] == STORE
        assert (call.message.change_type, call.message.welcome_code) == ("add_external_contact", "CODE")
        assert call.message.time == int(call.query["timestamp"]) == now_ms // 1000
        (line,) = await attempts(wecom, 1)
        assert (line["corpid"], line["agent_id"], line["event"]) == (STORE, str(AGENT), "add_external_contact")
        assert (line["attempt"], line["outcome"], line["status"]) == (1, "delivered", 200)
        assert (line["answer"], line["message"], line["time_ms"]) == ("success", call.xml, now_ms)
        assert "error" not in line


async def test_a_change_has_nobody_to_answer(receiver: Receiver) -> None:
    receiver.answers = ["<xml><Encrypt>x</Encrypt></xml>"]
    async with running() as wecom:
        await receiver.settle(wecom)
        await happens(wecom, "et1")
        (line,) = await attempts(wecom, 1)
        assert line["outcome"] == "delivered"
        assert "reply" not in line


async def test_changes_are_told_in_their_order_to_every_app_that_is_called_back(receiver: Receiver) -> None:
    names = [f"et{number}" for number in range(30)]
    async with receiving() as other, running() as wecom:
        await receiver.settle(wecom)
        await other.settle(wecom, 1000003, secret="another")
        await happens(wecom, *names[:20])
        await happens(wecom, *names[20:])
        assert ids(await receiver.came(30)) == ids(await other.came(30)) == names


async def test_an_app_is_not_told_what_came_before_it_was_called_back(receiver: Receiver) -> None:
    async with running() as wecom:
        await happens(wecom, "early")
        await receiver.settle(wecom)
        await happens(wecom, "late")
        assert ids(await receiver.came(1)) == ["late"]


async def test_a_repeat_is_the_same_message_in_a_fresh_envelope(receiver: Receiver) -> None:
    receiver.answers = [500, 404, "success"]
    async with running(**FAST) as wecom:
        await receiver.settle(wecom)
        await happens(wecom, "et1")
        calls = await receiver.came(3)
        assert len({call.xml for call in calls}) == 1
        assert len({call.outer["Encrypt"] for call in calls}) == len({call.query["nonce"] for call in calls}) == 3
        lines = await attempts(wecom, 3)
        assert [(line["attempt"], line["outcome"], line.get("error", "")) for line in lines] == [
            (1, "failed", "status 500"), (2, "failed", "status 404"), (3, "delivered", "")
        ]  # fmt: skip
        assert len({line["position"] for line in lines}) == 1


async def test_what_fails_four_times_is_given_up_and_later_ones_are_told(receiver: Receiver) -> None:
    receiver.behave = lambda call: 500 if call.message.tag_id == "bad" else "success"
    async with running(**FAST) as wecom:
        await receiver.settle(wecom)
        await happens(wecom, "bad", "good")
        (last,) = await attempts(wecom, 1, outcome="given_up")
        assert (last["attempt"], last["error"]) == (4, "status 500")
        assert sorted(ids(await receiver.came(5))) == ["bad"] * 4 + ["good"]


async def test_what_waits_aside_holds_up_nothing(receiver: Receiver) -> None:
    receiver.answers = [500]
    async with running(**NEVER) as wecom:
        await receiver.settle(wecom)
        await happens(wecom, "bad", "good", "better")
        assert ids(await receiver.came(3)) == ["bad", "good", "better"]


async def test_so_many_wait_aside_and_no_more_until_one_is_over(receiver: Receiver) -> None:
    gates = {name: asyncio.Event() for name in ("et1", "et2")}

    async def slow(call: Call) -> int:
        if receiver.calls.count(call) and ids(receiver.calls).count(call.message.tag_id) > 1:
            await gates[call.message.tag_id].wait()
        return 500 if call.message.tag_id in gates else 200

    receiver.behave = slow
    async with running(callback_spacing_ms=0, callback_retries=1, callback_aside_max=2, callback_drain_ms=0) as wecom:
        await receiver.settle(wecom)
        await happens(wecom, "et1", "et2", "et3")
        await receiver.came(3)  # both fail once; the retry of the first is answered later
        assert "et3" not in ids(receiver.calls)
        gates["et1"].set()
        (over,) = await attempts(wecom, 1, outcome="given_up")
        await attempts(wecom, 1, outcome="delivered")
        assert ids(receiver.calls).index("et3") >= 3
        assert over["attempt"] == 2


@pytest.mark.parametrize("status", [204, 403])
async def test_anything_but_200_is_tried_again(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    async with running(**FAST) as wecom:
        await receiver.settle(wecom)
        await happens(wecom, "et1")
        first, second = await attempts(wecom, 2)
        assert (first["outcome"], first["status"], first["error"]) == ("failed", status, f"status {status}")
        assert second["outcome"] == "delivered"
        assert len(receiver.calls) == 2


async def test_any_answer_counts_where_that_is_switched_on(receiver: Receiver) -> None:
    receiver.answers = [500]
    async with running(callback_any_status=True) as wecom:
        await receiver.settle(wecom)
        await happens(wecom, "et1")
        (line,) = await attempts(wecom, 1)
        assert (line["outcome"], line["status"]) == ("delivered", 500)


async def test_who_does_not_answer_in_time_is_asked_again(receiver: Receiver) -> None:
    async def hang(_call: Call) -> str:
        await asyncio.Event().wait()
        return ""

    receiver.behave = hang
    async with running(callback_ms=30, callback_retries=1, **FAST) as wecom:
        await receiver.settle(wecom)
        await happens(wecom, "et1")
        lines = await attempts(wecom, 2)
        assert [line["error"] for line in lines] == ["no answer within 0.03 s"] * 2
        assert [line["outcome"] for line in lines] == ["failed", "given_up"]
        assert "status" not in lines[0]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"callback_url": "http://127.0.0.1:1/"}, "no connection: "),
        ({"callback_url": "http://receiver.invalid/"}, "no connection: "),
        ({"callback_url": "ftp://127.0.0.1/"}, "the address is none of http or https"),
        ({"callback_url": "http:///"}, "the address is none of http or https"),
        ({"callback_url": "http://[/"}, "no connection: "),
        ({"callback_url": "http://127.0.0.1:99999/"}, "no connection: "),
        ({"callback_token": ""}, "the app has no callback_token"),
        ({"callback_aes_key": ""}, "the app has no callback_aes_key"),
    ],
)
async def test_who_cannot_be_called_is_given_up_with_a_reason(
    receiver: Receiver, changed: dict[str, Any], error: str
) -> None:
    async with running(**FAST) as wecom:
        await receiver.settle(wecom, **changed)
        await happens(wecom, "et1")
        (line,) = await attempts(wecom, 1, outcome="given_up")
        assert line["error"].startswith(error)
        assert line["attempt"] == 4


async def test_an_endless_answer_is_cut_off(receiver: Receiver) -> None:
    receiver.answers = [b"x" * 70_000, b"x" * 60_000]
    async with running(**FAST) as wecom:
        await receiver.settle(wecom)
        await happens(wecom, "et1", "et2")
        long, short = await attempts(wecom, 2)
        assert (long["outcome"], long["status"]) == ("delivered", 200)
        assert long["error"] == "an answer of more than 65536 bytes"
        assert "answer" not in long
        assert short["answer"] == "x" * 200


async def test_a_slow_receiver_delays_nobody_else(receiver: Receiver) -> None:
    hold = asyncio.Event()

    async def hang(_call: Call) -> str:
        await hold.wait()
        return "success"

    receiver.behave = hang
    async with receiving() as sister, receiving(CAFE) as other, running(callback_ms=60_000, **FAST) as wecom:
        await receiver.settle(wecom)
        await sister.settle(wecom, 1000003, secret="another")
        await other.settle(wecom)
        for number in range(20):
            await happens(wecom, f"et{number}")
            await happens(wecom, f"et{number}", corpid=CAFE)
        assert len(await sister.came(20)) == len(await other.came(20)) == 20
        assert len(receiver.calls) == 1
        hold.set()
        assert len(await receiver.came(20)) == 20


async def test_names_that_nobody_answers_for_delay_nobody_else(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up, stuck = socket.getaddrinfo, threading.Event()

    def slow(host: str, *arguments: Any) -> Any:
        if host.endswith(".invalid"):
            stuck.wait(20)
            raise socket.gaierror("no such name")
        return look_up(host, *arguments)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    async with running(callback_ms=60_000, **FAST) as wecom:
        for number in range(70):  # more than any pool of threads has
            url = f"http://receiver{number}.invalid/"
            await receiver.settle(wecom, 2000 + number, secret=f"s{number}", callback_url=url)
        named = receiver.url.replace("127.0.0.1", "localhost")
        await receiver.settle(wecom, 3000, secret="named", callback_url=named)  # the last one to be set to work
        await happens(wecom, "et1")
        assert ids(await receiver.came(1)) == ["et1"]
        stuck.set()


async def test_callbacks_use_a_connection_again(receiver: Receiver) -> None:
    peers: set[Any] = set()
    respond = receiver.respond

    async def note(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return await respond(request)

    receiver.respond = note  # type: ignore[method-assign]
    async with AsyncExitStack() as stack:
        wecom = await stack.enter_async_context(running())
        app = web.Application()
        app.router.add_post("/callback", note)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        await receiver.settle(wecom, callback_url=f"{site.name}/callback")
        await happens(wecom, *(f"et{number}" for number in range(10)))
        await receiver.came(10)
        assert len(peers) == 1


# Restarts


async def test_what_was_due_is_told_after_a_restart_and_nothing_twice(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as wecom:
        await receiver.settle(wecom)
        await happens(wecom, "et1")
        await attempts(wecom, 1)
        monkeypatch.setattr(wecom.gateway.receivers, "app_of", lambda _who: None)  # nothing goes out any more
        await happens(wecom, "et2", "et3")
    async with running(tmp_path) as wecom:
        assert ids(await receiver.came(3)) == ["et1", "et2", "et3"]
        await happens(wecom, "et4")
        assert ids(await receiver.came(4)) == ["et1", "et2", "et3", "et4"]


async def test_retries_go_on_after_a_restart_where_they_were(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answers = [500]
    async with running(tmp_path, **NEVER) as wecom:
        await receiver.settle(wecom)
        await happens(wecom, "bad", "good")
        await attempts(wecom, 1, outcome="delivered")
    receiver.behave = lambda _call: 500
    async with running(tmp_path, **FAST) as wecom:
        lines = await attempts(wecom, 3)
        assert [line["attempt"] for line in lines] == [2, 3, 4]
        assert ids(receiver.calls) == ["bad", "good", "bad", "bad", "bad"]


async def test_what_is_under_way_at_a_stop_may_end(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold, loop = asyncio.Event(), asyncio.get_running_loop()

    async def slow(_call: Call) -> str:
        await hold.wait()
        return "success"

    receiver.behave = slow
    async with running(tmp_path, callback_drain_ms=20_000) as wecom:
        await receiver.settle(wecom)
        await happens(wecom, "et1", "et2")
        await receiver.came(1)
        listener = wecom.gateway.listener
        monkeypatch.setattr(listener, "stop_accepting", lambda: loop.call_later(0.05, hold.set))  # while it stops
    async with running(tmp_path) as wecom:
        assert ids(await receiver.came(2)) == ["et1", "et2"]


async def test_a_reset_enterprise_is_told_nothing_of_what_was(receiver: Receiver) -> None:
    receiver.answers = [500]
    async with running(**NEVER) as wecom:
        await receiver.settle(wecom)
        await happens(wecom, "old")
        (line,) = await attempts(wecom, 1)
        await wecom.control("POST", f"/corps/{STORE}/reset")
        await wecom.control("PUT", f"/corps/{STORE}", {"name": "蓝河"})
        await receiver.settle(wecom)
        await happens(wecom, "new")
        assert ids(await receiver.came(2)) == ["old", "new"]
        await refused(wecom, "replay", 404, position=line["position"])


# Looking back, and once more


async def refused(
    wecom: Wecom, call: str, status: int, corpid: str = STORE, agent_id: object = AGENT, **body: object
) -> str:
    path = f"{wecom.url}/_hutong/corps/{corpid}/apps/{agent_id}/callback/{call}"
    async with wecom.session.post(path, json=body) as answer:
        assert answer.status == status
        return str((await answer.json())["detail"])


async def test_a_record_is_told_once_more_on_request(receiver: Receiver) -> None:
    async with running() as wecom:
        await receiver.settle(wecom)
        await happens(wecom, "et1", "et2")
        first, _ = await attempts(wecom, 2)
        replay = f"/corps/{STORE}/apps/{AGENT}/callback/replay"
        line = await wecom.control("POST", replay, {"position": first["position"]})
        assert (line["replayed"], line["outcome"], line["event"]) == (True, "delivered", "create")
        assert line["message"] == first["message"]
        assert ids(await receiver.came(3)) == ["et1", "et2", "et1"]
        receiver.answers = [500]
        line = await wecom.control("POST", replay, {"position": first["position"]})
        assert (line["outcome"], line["error"]) == ("given_up", "status 500")


async def test_only_what_an_app_was_told_of_is_told_once_more(receiver: Receiver) -> None:
    async with receiving(CAFE) as other, running() as wecom:
        await receiver.settle(wecom)
        await other.settle(wecom)
        await happens(wecom, "et1")
        (line,) = await attempts(wecom, 1)
        position = line["position"]
        for place in (1, position - 1, position + 1000, 2**53):
            assert "nothing that this app" in await refused(wecom, "replay", 404, position=place)
        assert "nothing that this app" in await refused(wecom, "replay", 404, CAFE, position=position)
        other.corpid = STORE
        await other.settle(wecom, 1000003, secret="another")
        assert "nothing that this app" in await refused(wecom, "replay", 404, agent_id=1000003, position=position)
        assert "no app" in await refused(wecom, "replay", 404, agent_id="1", position=position)
        assert "no app" in await refused(wecom, "replay", 404, "wwnone", position=position)
        await refused(wecom, "replay", 422, position=0)
        assert not other.calls


async def test_attempts_are_filtered_and_waited_for(receiver: Receiver) -> None:
    async with running() as wecom:
        await receiver.settle(wecom)
        waiting = asyncio.create_task(wecom.control("GET", "/callbacks?event=update&wait_s=20"))
        await happens(wecom, "et1")
        await attempts(wecom, 1, event="create", corpid=STORE, agent_id=AGENT, outcome="delivered")
        assert not waiting.done()
        await wecom.gateway.router.ask(Change(STORE, (ChatUpdated("wr1", "change_name"),)))
        (line,) = (await waiting)["callbacks"]
        assert line["event"] == "update"
        assert (await wecom.control("GET", f"/callbacks?corpid={CAFE}"))["callbacks"] == []
        assert (await wecom.control("GET", "/callbacks?agent_id=1"))["callbacks"] == []
        assert (await wecom.control("GET", f"/callbacks?position={line['position']}"))["callbacks"] == [line]


async def test_attempts_are_kept_up_to_a_bound_and_counted_beyond(receiver: Receiver) -> None:
    receiver.behave = lambda call: 500 if call.message.tag_id == "et9" else "success"
    async with running(callback_lines_max=3, **FAST) as wecom:
        await receiver.settle(wecom)
        await happens(wecom, *(f"et{number}" for number in range(10)))
        await attempts(wecom, 1, outcome="given_up")
        assert len((await wecom.control("GET", "/callbacks"))["callbacks"]) == 3
        async with wecom.session.get(f"{wecom.url}/metrics") as answer:
            text = await answer.text()
        assert 'hutong_callbacks_delivered_total{event="create"} 9.0' in text
        assert 'hutong_callbacks_failed_total{event="create"} 3.0' in text
        assert 'hutong_callbacks_given_up_total{event="create"} 1.0' in text


async def test_a_defect_in_one_record_stops_no_other(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as wecom:
        await receiver.settle(wecom)
        tell = wecom.gateway.receivers._told

        def broken(who: Any, event: Any) -> Any:
            if getattr(event.change, "id", "") == "et1":
                raise KeyError("no row")
            return tell(who, event)

        monkeypatch.setattr(wecom.gateway.receivers, "_told", broken)
        await happens(wecom, "et1", "et2")
        assert ids(await receiver.came(1)) == ["et2"]
        assert wecom.gateway.router.statistics.defects == 1


# The check of an address


async def verify(wecom: Wecom) -> dict[str, Any]:
    told: dict[str, Any] = await wecom.control("POST", f"/corps/{STORE}/apps/{AGENT}/callback/verify")
    assert wecom.gateway.router.state.corps[STORE].apps[str(AGENT)].callback_verified == told["verified"]
    return told


async def test_a_receiver_that_decrypts_is_verified_until_it_moves(receiver: Receiver) -> None:
    async with running(**PATIENT) as wecom:
        await receiver.settle(wecom)
        told = await verify(wecom)
        assert (told["verified"], told["problem"], told["status"]) == (True, "", 200)
        assert set(receiver.checks[0]) == {"msg_signature", "timestamp", "nonce", "echostr"}
        await receiver.settle(wecom, name="renamed")
        app = wecom.gateway.router.state.corps[STORE].apps[str(AGENT)]
        assert (app.name, app.callback_verified) == ("renamed", True)
        await receiver.settle(wecom, callback_token="another")
        assert not wecom.gateway.router.state.corps[STORE].apps[str(AGENT)].callback_verified


async def test_only_a_verified_receiver_is_told_where_that_is_asked_for(receiver: Receiver) -> None:
    async with running(**PATIENT) as wecom:
        await receiver.settle(wecom)
        await wecom.control("PUT", "/strictness", {"switches": ["verified_callback"]})
        await happens(wecom, "unheard")
        await wecom.control("PUT", "/strictness", {"switches": []})
        await happens(wecom, "lenient")
        await wecom.control("PUT", "/strictness", {"switches": ["verified_callback"]})
        await happens(wecom, "unheard")
        await verify(wecom)
        await happens(wecom, "verified")
        await attempts(wecom, 2)
        assert ids(receiver.calls) == ["lenient", "verified"]


AROUND = "the answer has the right text, and something around it: no quotes, byte order mark or line break"
Answering = Callable[[str], Any]


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        (lambda echo: f'"{echo}"', AROUND),
        (lambda echo: f"{echo}\n", AROUND),
        (lambda echo: "\ufeff" + echo, AROUND),
        (lambda _: "success", "the answer is not the decrypted echostr"),
        (lambda _: "", "the answer is not the decrypted echostr"),
        (lambda _: 500, "status 500"),
        (lambda _: web.Response(status=302, headers={"Location": "/"}), "status 302"),
        (lambda _: b"x" * 100_000, "an answer of more than 65536 bytes"),
        (lambda _: asyncio.Event().wait(), "no answer within 0.05 s"),
    ],
    ids=["quotes", "line break", "mark", "another", "nothing", "500", "302", "endless", "slow"],
)
async def test_a_wrong_answer_to_the_check_is_named(receiver: Receiver, check: Answering, problem: str) -> None:
    receiver.check = check
    async with running(**({"callback_check_ms": 50} if "within" in problem else PATIENT)) as wecom:
        await receiver.settle(wecom)
        assert (await verify(wecom))["problem"] == problem


async def test_an_echostr_that_comes_back_as_it_went_is_named(receiver: Receiver) -> None:
    receiver.check = lambda _echo: receiver.checks[-1]["echostr"]
    async with running(**PATIENT) as wecom:
        await receiver.settle(wecom)
        assert (await verify(wecom))["problem"] == "the answer is the echostr as it came: decrypt it"


async def test_what_cannot_be_checked_says_what_is_missing(receiver: Receiver) -> None:
    async with running(**PATIENT) as wecom:
        await receiver.settle(wecom, callback_url="")
        assert (await verify(wecom))["problem"] == "the app has no callback_url"
        await receiver.settle(wecom, callback_aes_key="")
        assert (await verify(wecom))["problem"].startswith("the app has no callback_aes_key")
        await refused(wecom, "verify", 404, agent_id="1")


async def test_a_receiver_that_moved_during_the_check_is_not_verified(receiver: Receiver) -> None:
    async with running(**PATIENT) as wecom:

        async def move(echo: str) -> str:
            await receiver.settle(wecom, callback_token="another")
            return echo

        receiver.check = move
        await receiver.settle(wecom)
        told = await verify(wecom)
        assert (told["verified"], told["problem"]) == (False, "no such app in this enterprise (callback)")
