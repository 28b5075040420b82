"""Customers through the vendor's API (DOC 92113, 92114, 92994, 92115, 99434): by an SDK where it has the call."""

from typing import Any

import pytest
from wechatpy.exceptions import WeChatClientException

from adapters.compose import Gateway
from gateway.events import CallbackDue, decode
from protocol.wecom.changes import AnyChange, ContactAdded, ContactEdited
from tests.conformance.wecom import AGENT, AMY, SECRET, STORE, ZHANG, Wecom, threaded, wecom

__all__ = ["wecom"]

CAFE, CAFE_SECRET = "wwsongyin", "secret-of-wwsongyin"
BEN = "ben"  # whom the tests make


class Shop:
    """The store's API, and what the tests do around it."""

    def __init__(self, wecom: Wecom, token: str) -> None:
        self.wecom = wecom
        self.token = token

    async def post(self, path: str, **body: object) -> dict[str, Any]:
        return await self.wecom.post(f"externalcontact/{path}", body, access_token=self.token)

    async def get(self, path: str, **query: object) -> dict[str, Any]:
        return await self.wecom.get(path, access_token=self.token, **query)

    async def id_of(self, handle: str, corpid: str = STORE) -> str:
        person = await self.wecom.control("GET", f"/people/{handle}")
        return str(person["external_userids"][corpid])

    async def relate(self, handle: str, userid: str = ZHANG, **body: object) -> str:
        """Make a consumer a contact of a member's; give the store's id of them."""
        await self.wecom.control("PUT", f"/consumers/{handle}", {"nickname": "Ben Li", "unionid": f"u-{handle}"})
        told = await self.wecom.control("PUT", f"/corps/{STORE}/relations/{userid}/{handle}", body)
        self.chat = str(told["conversation"])
        return str(told["external_userid"])


@pytest.fixture
async def shop(wecom: Wecom) -> Shop:
    return Shop(wecom, await wecom.token())


async def test_an_sdk_walks_from_members_to_what_is_noted_of_a_customer(wecom: Wecom, shop: Shop) -> None:
    contact = wecom.sdk().external_contact
    users = (await threaded(contact.get_follow_user_list))["follow_user"]
    assert ZHANG in users and len(users) == 14
    ids = (await threaded(contact.list, ZHANG))["external_userid"]
    assert len(ids) == 15 and all(one.startswith("wm") for one in ids)
    amy = await shop.id_of(AMY)
    assert ids[0] == amy
    told = await threaded(contact.get, amy)
    assert told["external_contact"] == {
        "external_userid": amy, "name": "赵安", "avatar": "", "type": 1, "gender": 0, "unionid": "union-zhaoan",
    }  # fmt: skip
    (follow,) = told["follow_user"]
    made = follow.pop("createtime")
    assert type(made) is int and made > 1_500_000_000
    assert follow == {
        "userid": ZHANG, "remark": "", "description": "", "remark_mobiles": [], "oper_userid": amy, "add_way": 1,
        "state": "double11", "tags": [],
    }  # fmt: skip
    assert "next_cursor" not in told
    rows = await threaded(lambda: list(contact.gen_all_by_user(ZHANG, 4)))
    assert [row["external_contact"]["external_userid"] for row in rows] == ids
    assert rows[0]["follow_info"]["tag_id"] == [] and "tags" not in rows[0]["follow_info"]
    assert "external_profile" not in rows[0]["external_contact"]


@pytest.mark.parametrize(
    ("path", "query", "errcode"),
    [
        ("externalcontact/list", {}, 40058),
        ("externalcontact/list", {"userid": "nobody"}, 60111),
        ("externalcontact/list", {"userid": "mali"}, 60111),  # of another enterprise
        ("crm/get_external_contact_list", {"userid": "nobody"}, 60111),
        ("externalcontact/get", {}, 41035),
        ("externalcontact/get", {"external_userid": "wmnobody"}, 40096),
        ("externalcontact/get", {"external_userid": "wmnobody", "cursor": "%"}, 50100),
        ("externalcontact/get", {"external_userid": "wmnobody", "cursor": "LTE"}, 50100),
        ("externalcontact/get", {"external_userid": "wmnobody", "cursor": "MSAy"}, 50100),
    ],
)
async def test_what_is_wrong_with_a_read_is_told_by_number(
    shop: Shop, path: str, query: dict[str, str], errcode: int
) -> None:
    assert (await shop.get(path, **query))["errcode"] == errcode


async def test_ids_of_another_enterprise_are_ids_of_nobody(wecom: Wecom, shop: Shop) -> None:
    foreign = await shop.id_of(AMY, CAFE)
    assert (await shop.get("externalcontact/get", external_userid=foreign))["errcode"] == 40096
    assert (await shop.post("remark", userid=ZHANG, external_userid=foreign, remark="x"))["errcode"] == 40096
    assert (await shop.post("convert_to_openid", external_userid=foreign))["errcode"] == 40096
    assert (await shop.post("batch/get_by_user", userid_list=[ZHANG, "mali"]))["errcode"] == 60111
    assert (await shop.post("remark", userid="mali", external_userid=foreign, remark="x"))["errcode"] == 60111


async def test_old_names_answer_as_before(shop: Shop) -> None:
    ids = (await shop.get("externalcontact/list", userid=ZHANG))["external_userid"]
    assert (await shop.get("crm/get_external_contact_list", userid=ZHANG))["customer_contacts"] == ids
    users = await shop.get("externalcontact/get_follow_user_list")
    assert await shop.get("crm/get_customer_contacts") == users
    detail = await shop.get("externalcontact/get", external_userid=ids[0])
    assert await shop.get("crm/get_external_contact", external_userid=ids[0]) == detail


@pytest.mark.parametrize(
    ("status", "errcode"),
    [
        ("pending", 84061),
        ("half", 84061),  # until the member confirms: rule 2.6
        ("mutual", 0),
        ("refused", 84061),
        ("removed_by_member", 84061),
        ("removed_by_consumer", 0),  # goes on as if nothing had happened: rule 2.7
    ],
)
async def test_who_is_a_customer_follows_from_where_the_two_stand(shop: Shop, status: str, errcode: int) -> None:
    ben = await shop.relate(BEN, status=status)
    assert (await shop.get("externalcontact/get", external_userid=ben))["errcode"] == errcode
    assert (await shop.post("remark", userid=ZHANG, external_userid=ben, remark="Ben"))["errcode"] == errcode
    listed = (await shop.get("externalcontact/list", userid=ZHANG))["external_userid"]
    assert (ben in listed) is (errcode == 0)
    batch = await shop.post("batch/get_by_user", userid_list=[ZHANG], limit=100)
    found = [row["external_contact"]["external_userid"] for row in batch["external_contact_list"]]
    assert found == listed


async def test_a_half_contact_becomes_a_customer_when_the_member_confirms(wecom: Wecom, shop: Shop) -> None:
    await wecom.control("PUT", f"/consumers/{BEN}", {"nickname": "Ben"})
    chat = (await wecom.act(BEN, type="scan", code="qrzhangsan"))["conversation"]
    ben = await shop.id_of(BEN)
    assert (await shop.get("externalcontact/get", external_userid=ben))["errcode"] == 84061
    await wecom.act(f"{STORE}/{ZHANG}", type="accept", conversation=chat)
    (follow,) = (await shop.get("externalcontact/get", external_userid=ben))["follow_user"]
    assert (follow["state"], follow["add_way"]) == ("counter", 1)
    await wecom.act(BEN, type="delete", conversation=chat)
    assert (await shop.get("externalcontact/get", external_userid=ben))["errcode"] == 0
    await wecom.act(BEN, type="scan", code="qrzhangsan")
    assert (await shop.get("externalcontact/get", external_userid=ben))["errcode"] == 0
    await wecom.act(f"{STORE}/{ZHANG}", type="delete", conversation=chat)
    assert (await shop.get("externalcontact/get", external_userid=ben))["errcode"] == 84061
    await wecom.act(BEN, type="scan", code="qrzhangsan")
    assert (await shop.get("externalcontact/get", external_userid=ben))["errcode"] == 84061


async def test_who_withdraws_before_the_member_confirmed_was_never_a_customer(wecom: Wecom, shop: Shop) -> None:
    await wecom.control("PUT", f"/consumers/{BEN}", {})
    for code in ("qrlisi", "qrzhangsan"):
        chat = (await wecom.act(BEN, type="scan", code=code))["conversation"]
        await wecom.act(BEN, type="delete", conversation=chat)
        assert (await shop.get("externalcontact/get", external_userid=await shop.id_of(BEN)))["errcode"] == 84061


async def test_a_member_who_left_follows_nobody(wecom: Wecom, shop: Shop) -> None:
    amy = await shop.id_of(AMY)
    await wecom.control("PUT", f"/corps/{STORE}/members/{ZHANG}", {"name": "张三", "departed": True})
    assert ZHANG not in (await shop.get("externalcontact/get_follow_user_list"))["follow_user"]
    assert (await shop.get("externalcontact/list", userid=ZHANG))["errcode"] == 60111
    assert (await shop.get("externalcontact/get", external_userid=amy))["errcode"] == 84061
    assert (await shop.post("remark", userid=ZHANG, external_userid=amy, remark="x"))["errcode"] == 60111


async def test_a_member_without_customers_is_told_by_number(wecom: Wecom, shop: Shop) -> None:
    await wecom.control("PUT", f"/corps/{STORE}/members/new", {"name": "New"})
    assert (await shop.get("externalcontact/list", userid="new"))["errcode"] == 84061
    assert (await shop.post("batch/get_by_user", userid_list=["new"]))["external_contact_list"] == []
    with pytest.raises(WeChatClientException) as refused:
        await threaded(wecom.sdk().external_contact.list, "new")
    assert refused.value.errcode == 84061


async def test_followers_beyond_500_come_by_cursor(wecom: Wecom, shop: Shop) -> None:
    ben = ""
    for number in range(501):
        await wecom.control("PUT", f"/corps/{STORE}/members/m{number}", {"name": "M"})
        ben = await shop.relate(BEN, f"m{number}")
    first = await shop.get("externalcontact/get", external_userid=ben)
    assert [one["userid"] for one in first["follow_user"]] == [f"m{number}" for number in range(500)]
    rest = await shop.get("externalcontact/get", external_userid=ben, cursor=first["next_cursor"])
    assert [one["userid"] for one in rest["follow_user"]] == ["m500"] and "next_cursor" not in rest
    beyond = await shop.get("externalcontact/get", external_userid=ben, cursor="NTAx")
    assert beyond["errcode"] == 50100


async def test_a_batch_is_bounded_and_takes_old_and_new_names(shop: Shop) -> None:
    old = await shop.post("batch/get_by_user", userid=ZHANG, cursor="", limit=0)
    new = await shop.post("batch/get_by_user", userid_list=[ZHANG])
    assert old == new and len(old["external_contact_list"]) == 15 and old["next_cursor"] == ""
    two = await shop.post("batch/get_by_user", userid_list=[ZHANG, "lisi"], limit=20)
    rest = await shop.post("batch/get_by_user", userid_list=[ZHANG, "lisi"], limit=20, cursor=two["next_cursor"])
    owners = [row["follow_info"]["userid"] for row in two["external_contact_list"] + rest["external_contact_list"]]
    assert owners == [ZHANG] * 15 + ["lisi"] * 15
    assert (
        len((await shop.post("batch/get_by_user", userid_list=[ZHANG] * 8, limit=1000))["external_contact_list"]) == 100
    )
    assert (await shop.post("batch/get_by_user", userid_list=[ZHANG] * 101))["errcode"] == 40058
    assert (await shop.post("batch/get_by_user"))["errcode"] == 40058
    assert (await shop.post("batch/get_by_user", userid_list=[ZHANG], limit=-1))["errcode"] == 40058
    assert (await shop.post("batch/get_by_user", userid_list=[ZHANG], cursor="x"))["errcode"] == 50100


async def test_a_remark_is_kept_within_its_lengths_and_what_is_empty_stays(shop: Shop) -> None:
    amy = await shop.id_of(AMY)
    pair = {"userid": ZHANG, "external_userid": amy}
    noted = {"remark": "安" * 20, "description": "d" * 150, "remark_company": "c" * 20, "remark_mobiles": ["1", "2"]}
    assert (await shop.post("remark", **pair, **noted))["errcode"] == 0
    await shop.post("remark", **pair, remark="", description="", remark_company="", remark_mobiles=[], x=None)
    told = (await shop.get("externalcontact/get", external_userid=amy))["follow_user"][0]
    assert (told["remark"], told["description"], told["remark_corp_name"]) == ("安" * 20, "d" * 150, "c" * 20)
    assert told["remark_mobiles"] == ["1", "2"]
    assert (await shop.post("remark", **pair, remark_mobiles=[""]))["errcode"] == 0
    told = (await shop.get("externalcontact/get", external_userid=amy))["follow_user"][0]
    assert told["remark_mobiles"] == [] and told["remark"] == "安" * 20


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"remark": "x" * 21}, 40058),
        ({"description": "x" * 151}, 40058),
        ({"remark_company": "x" * 21}, 40058),
        ({"remark_mobiles": ["1"] * 21}, 40058),
        ({"remark_mobiles": ["1" * 33]}, 40058),
        ({"remark_mobiles": "1"}, 40058),
        ({}, 40058),
        ({"remark": "", "remark_mobiles": []}, 40058),
        ({"external_userid": "", "remark": "x"}, 41035),
        ({"userid": "", "remark": "x"}, 40058),
        ({"remark_pic_mediaid": "none"}, 40007),
        ({"userid": "lisi", "remark": "x"}, 84061),
        ({"userid": "nobody", "remark": "x"}, 60111),
        ({"external_userid": "wmnobody", "remark": "x"}, 40096),
    ],
)
async def test_what_is_wrong_with_a_remark_is_told_by_number(shop: Shop, body: dict[str, object], errcode: int) -> None:
    pair: dict[str, object] = {"userid": ZHANG, "external_userid": await shop.id_of(AMY)}
    assert (await shop.post("remark", **{**pair, **body}))["errcode"] == errcode


def told(gateway: Gateway) -> list[AnyChange]:
    """Read from the journal what the apps are told of."""
    found = [decode(placed.record) for placed in gateway.journal.replay(0)]
    return [event.change for event in found if isinstance(event, CallbackDue)]


async def test_contact_list_counts_everybody_with_a_tie_once(wecom: Wecom, shop: Shop) -> None:
    ben = await shop.relate(BEN, "lisi")
    await shop.relate(BEN, ZHANG)
    await shop.relate("eve", status="half")
    await wecom.control("PUT", "/consumers/guest", {"nickname": "王小明"})
    await wecom.control("POST", "/clock", {"advance_ms": 86_400_000})
    await wecom.act("guest", type="join", code="qrpeoplesroad")
    shop.token = await wecom.token()
    whole = await shop.post("contact_list")
    rows = whole["info_list"]
    assert len(rows) == 203 and whole["next_cursor"] == ""
    assert len({row["tmp_openid"] for row in rows}) == 203
    (row,) = [row for row in rows if row.get("external_userid") == ben]
    assert (row["is_customer"], row["name"], row["follow_userid"], row["chat_id"]) == (True, "B*****", "lisi", "")
    half, guest = rows[-2:]
    assert (half["is_customer"], half["follow_userid"], "external_userid" in half) == (False, ZHANG, False)
    assert (guest["is_customer"], guest["name"], guest["chat_id"]) == (False, "王**", "wrpeoplesroad")
    assert (guest["chat_name"], guest["follow_userid"]) == ("人民路店会员群", ZHANG)
    assert guest["add_time"] - half["add_time"] >= 86_400


async def test_temporary_ids_last_for_one_paging_run_and_cursors_for_4_hours(wecom: Wecom, shop: Shop) -> None:
    await wecom.control("POST", "/clock", {"rate": 0})
    first = await shop.post("contact_list", limit=150)
    again = await shop.post("contact_list", limit=150, cursor=first["next_cursor"])
    once_more = await shop.post("contact_list", limit=150, cursor=first["next_cursor"])
    other_run = await shop.post("contact_list", limit=150)
    ids = [[row["tmp_openid"] for row in page["info_list"]] for page in (first, again, once_more, other_run)]
    assert [len(page) for page in ids] == [150, 50, 50, 150]
    assert ids[1] == ids[2] and not set(ids[0]) & set(ids[3]) and not set(ids[0]) & set(ids[1])
    await wecom.control("POST", "/clock", {"advance_ms": 4 * 3_600_000})
    shop.token = await wecom.token()
    assert (await shop.post("contact_list", cursor=first["next_cursor"]))["errcode"] == 0
    await wecom.control("POST", "/clock", {"advance_ms": 1})
    assert (await shop.post("contact_list", cursor=first["next_cursor"]))["errcode"] == 50100
    assert (await shop.post("contact_list", cursor="x"))["errcode"] == 50100


async def test_ids_are_converted(wecom: Wecom, shop: Shop) -> None:
    ben = await shop.relate(BEN)
    openid = (await shop.post("convert_to_openid", external_userid=ben))["openid"]
    assert openid.startswith("o") and (await shop.post("convert_to_openid", external_userid=ben))["openid"] == openid
    by_union = {"unionid": "u-ben", "openid": "o-of-some-mini-program"}
    assert (await shop.post("unionid_to_external_userid?", **by_union))["external_userid"] == ben
    assert (await shop.post("unionid_to_external_userid", unionid="u-none", openid="o"))["errcode"] == 610014
    assert (await shop.post("unionid_to_external_userid", unionid="u-ben"))["external_userid"] == ben
    assert (await shop.post("unionid_to_external_userid", openid="o"))["errcode"] == 40058
    await wecom.control("PUT", f"/consumers/{BEN}", {"unionid": "u-other"})
    assert (await shop.post("unionid_to_external_userid", **by_union))["errcode"] == 610014
    cafe = Shop(wecom, await wecom.token(CAFE, CAFE_SECRET))
    assert (await cafe.post("unionid_to_external_userid", unionid="u-other", openid="o"))["errcode"] == 610014
    assert (await shop.post("convert_to_openid"))["errcode"] == 41035


async def test_a_strict_range_hides_the_followers_out_of_it(wecom: Wecom, shop: Shop) -> None:
    await shop.relate(BEN, "lisi")
    ben = await shop.relate(BEN, ZHANG)
    rights = {"name": "x", "secret": SECRET, "range_members": ["lisi", "wangwu"]}
    await wecom.control("PUT", f"/corps/{STORE}/apps/{AGENT}", rights)
    await wecom.control("PUT", "/strictness", {"switches": ["app_range"]})
    assert (await shop.get("externalcontact/get_follow_user_list"))["follow_user"] == ["lisi", "wangwu"]
    told = await shop.get("externalcontact/get", external_userid=ben)
    assert [one["userid"] for one in told["follow_user"]] == ["lisi"]
    assert (await shop.get("externalcontact/list", userid=ZHANG))["errcode"] == 60111


async def test_a_client_edits_and_the_apps_are_told_the_api_edits_and_they_are_not(wecom: Wecom, shop: Shop) -> None:
    app = {"name": "x", "secret": SECRET, "callback_url": "http://127.0.0.1:9/", "callback_token": "t"}
    await wecom.control("PUT", f"/corps/{STORE}/apps/{AGENT}", app)
    ben = await shop.relate(BEN)
    shop.token = await wecom.token()
    (made,) = told(wecom.gateway)
    assert isinstance(made, ContactAdded)
    assert (await shop.post("remark", userid=ZHANG, external_userid=ben, remark="by API"))["errcode"] == 0
    assert told(wecom.gateway) == [made]
    chat = {"type": "remark", "conversation": shop.chat}
    await wecom.act(f"{STORE}/{ZHANG}", **chat, remark="VIP", company="Blue", mobiles=["138"], tags=["mine"])
    assert told(wecom.gateway) == [made, ContactEdited(ZHANG, ben)]
    await wecom.act(f"{STORE}/{ZHANG}", **chat, description="only the description")
    assert told(wecom.gateway) == [made, ContactEdited(ZHANG, ben)]
    (follow,) = (await shop.get("externalcontact/get", external_userid=ben))["follow_user"]
    assert (follow["remark"], follow["remark_corp_name"], follow["remark_mobiles"]) == ("VIP", "Blue", ["138"])
    assert follow["description"] == "only the description"
    assert follow["tags"] == [{"group_name": "", "tag_name": "mine", "type": 2}]
