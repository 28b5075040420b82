"""What a test may say with the plugin's fixtures, said in this suite: people, groups, an SDK, callbacks, the clock."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
from websockets.asyncio.client import connect
from wechatpy.work import WeChatClient

from hutong.client import Refused
from hutong.testing import Consumer, Enterprise, Hutong, Member, people
from tests.conformance.aibot import Raw
from tests.conformance.receiver import receiving


@pytest.fixture
async def zhang(enterprise: Enterprise) -> Member:
    return await enterprise.member("zhangsan", name="Zhang San")


@pytest.fixture
async def amy(enterprise: Enterprise, zhang: Member) -> Consumer:
    amy = await enterprise.consumer("amy")
    await amy.adds(zhang)
    return amy


@pytest.fixture
def sdk(enterprise: Enterprise) -> Iterator[WeChatClient]:
    """Point wechatpy at the enterprise."""

    class Client(WeChatClient):  # type: ignore[misc]
        API_BASE_URL = f"{enterprise.hutong.url}/cgi-bin/"

        def fetch_access_token(self):  # type: ignore[no-untyped-def]
            return self._fetch_access_token(
                self.API_BASE_URL + "gettoken", {"corpid": self.corp_id, "corpsecret": self.secret}
            )

    client = Client(enterprise.corpid, enterprise.secret)
    client._http = requests.Session()
    yield client
    client._http.close()


async def test_both_sides_write_and_each_message_is_heard_once(zhang: Member, amy: Consumer) -> None:
    await amy.says("one").to(zhang)
    await amy.says("two").to(zhang)
    assert (await zhang.hears(lambda message: "w" in message.text)).text == "two"
    assert (await zhang.hears()).text == "one"
    with pytest.raises(AssertionError, match=r"did not hear anything within 0.05 s[^~]*: two  \(heard before\)"):
        await zhang.hears(within_s=0.05)
    link = {"kind": "link", "title": "New", "url": "https://shop.example/new"}
    await zhang.says(link).to(amy)
    assert (await amy.hears(lambda message: message.content["kind"] == "link")).badge == {
        "name": "Zhang San", "company": zhang.enterprise.corpid, "certification": "certified"
    }  # fmt: skip


async def test_who_blocks_or_deletes_is_not_reached(zhang: Member, amy: Consumer) -> None:
    await amy.blocks(zhang)
    with pytest.raises(Refused, match="consent/blocked"):
        await zhang.says("hi").to(amy)
    await amy.unblocks(zhang)
    await zhang.says("hi again").to(amy)
    await amy.deletes(zhang)
    with pytest.raises(Refused, match="not_related"):
        await zhang.says("still there?").to(amy)
    await amy.adds(zhang)
    await zhang.says("welcome back").to(amy)
    await amy.hears("welcome back")


async def test_a_group_has_both_sides(enterprise: Enterprise, zhang: Member, amy: Consumer) -> None:
    bob = await enterprise.consumer("bob")
    lisi = await enterprise.member("lisi")
    with pytest.raises(LookupError, match="nobody here knows bob-"):
        await zhang.creates("Regulars", bob)
    group = await zhang.creates("Regulars", amy, lisi)
    await amy.says("hello all").to(group)
    for one in (zhang, lisi):
        assert (await one.hears("hello all")).conversation == group.conversation
    await bob.joins(group)
    await bob.says("me too").to(group)
    await amy.hears("me too")
    await amy.leaves(group)
    with pytest.raises(Refused, match="not_in_group"):
        await amy.says("one more thing").to(group)
    await zhang.removes(group, lisi, bob)  # bob scanned the group's code, and is nobody's customer
    with pytest.raises(Refused, match="not_in_group"):
        await bob.says("am I still here?").to(group)
    await zhang.invites(group, amy)
    await zhang.says("welcome back").to(group)
    await amy.hears("welcome back")


async def test_a_mass_message_of_an_sdk_waits_for_the_members_yes(
    enterprise: Enterprise, zhang: Member, amy: Consumer, sdk: WeChatClient
) -> None:
    (customer,) = sdk.external_contact.list("zhangsan")["external_userid"]
    assert customer == (await zhang.chat_with(amy))["external_userid"]
    sdk.external_contact.add_msg_template({"external_userid": [customer], "text": {"content": "20 % off"}})
    assert (await enterprise.sees("call", path="externalcontact/add_msg_template"))["errcode"] == 0
    await zhang.confirms("20 % off")
    await amy.hears("20 % off")
    with pytest.raises(AssertionError, match=r"no call like {'path': 'user/create'} within 0.05 s"):
        await enterprise.sees("call", within_s=0.05, path="user/create")


async def test_what_is_seen_has_a_kind(enterprise: Enterprise) -> None:
    with pytest.raises(ValueError, match="'calls' is nothing that is seen: there are message, decision"):
        await enterprise.sees("calls")  # type: ignore[arg-type]


async def test_an_app_is_called_back_and_hears_a_member(enterprise: Enterprise, zhang: Member) -> None:
    async with receiving(enterprise.corpid) as receiver:
        receiver.crypto = type(receiver.crypto)(enterprise.token, enterprise.aes_key, enterprise.corpid)
        await enterprise.calls_back(receiver.url)
        await (await enterprise.consumer("bob")).adds(zhang)
        assert (await enterprise.sees("callback", event="add_external_contact"))["outcome"] == "delivered"
        assert [call.message.change_type for call in receiver.calls] == ["add_external_contact"]
        await zhang.enter(enterprise.agent_id)
        await zhang.says("any orders?").to(enterprise.agent_id)
        assert (await enterprise.sees("callback", event="text"))["outcome"] == "delivered"
        assert [call.message.content for call in receiver.calls if call.message.type == "text"] == ["any orders?"]


async def test_a_bot_is_written_to_and_answers(hutong: Hutong, enterprise: Enterprise, amy: Consumer) -> None:
    bot = await enterprise.bot()
    async with connect(hutong.bots_url, proxy=None) as socket:
        raw = Raw(socket)
        assert (await raw.subscribe(bot.id, bot.secret))["errcode"] == 0
        await amy.says("any orders?").to(bot)
        assert (await raw.told())["body"]["event"] == {"eventtype": "enter_chat"}
        asked = await raw.told()
        assert asked["body"]["text"] == {"content": "any orders?"}
        assert await raw.answer(asked, msgtype="markdown", markdown={"content": "none"}) == 0
        await amy.hears("none")
        await amy.says("thank you").to(bot)
        assert (await raw.told())["body"]["text"] == {"content": "thank you"}


async def test_the_clock_stands_still_until_it_is_moved(hutong: Hutong, zhang: Member, amy: Consumer) -> None:
    began = await hutong.clock.now()
    await zhang.says("now").to(amy)
    assert await hutong.clock.now() == began
    assert await hutong.clock.advance("1d12h") == began + timedelta(hours=36)
    for number in range(20):
        await zhang.says(f"offer {number}").to(amy)
    with pytest.raises(Refused, match="frequency/member/conversation/minute"):
        await zhang.says("one too many").to(amy)
    await hutong.clock.advance("1m")
    await zhang.says("later").to(amy)
    await amy.hears("later")


async def test_a_clock_that_was_let_run_stands_still_for_the_next_test(hutong: Hutong, enterprise: Enterprise) -> None:
    await hutong.clock.run()
    assert (await hutong.control.clock())["rate"] == 1
    async with Enterprise(hutong, "the next test"):
        assert (await hutong.control.clock())["rate"] == 0


async def test_an_enterprise_is_forgotten_and_its_people_are_offline(hutong: Hutong) -> None:
    async with Enterprise(hutong, "测试[a b] with a name that is longer than any corpid may be") as enterprise:
        member = await enterprise.member("zhangsan")
        corpid = enterprise.corpid
        assert corpid in {corp["corpid"] for corp in (await hutong.control.ask("GET", "/corps"))["corps"]}
    assert corpid not in {corp["corpid"] for corp in (await hutong.control.ask("GET", "/corps"))["corps"]}
    assert (await member.ended()).text == "closed here"


async def test_a_gateway_that_does_not_answer_fails_the_test(
    zhang: Member, amy: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "PATIENCE_S", 0.05)
    await zhang.disconnect()
    with pytest.raises(AssertionError, match=r"did not answer \S+/zhangsan's send in 0.05 s"):
        await zhang.says("hello?").to(amy)
