"""The enterprise's tags through the vendor's API (DOC 92117, 92697), through the console, and on customers."""

from typing import Any

import pytest
from wechatpy.exceptions import WeChatClientException

from protocol.wecom.changes import ContactEdited, TagChanged, TagDeleted, TagMade, TagsShuffled
from tests.conformance.test_wecom_customers import CAFE, CAFE_SECRET, Shop, told
from tests.conformance.wecom import AGENT, AMY, SECRET, STORE, ZHANG, Wecom, threaded, wecom

__all__ = ["wecom"]

TAGS = f"/corps/{STORE}/tags"
OTHER_APP = {"name": "Other", "secret": "secret-of-another-app"}


@pytest.fixture
async def shop(wecom: Wecom) -> Shop:
    return Shop(wecom, await wecom.token())


async def names(shop: Shop) -> dict[str, list[str]]:
    told = await shop.post("get_corp_tag_list")
    return {group["group_name"]: [tag["name"] for tag in group["tag"]] for group in told["tag_group"]}


async def made(shop: Shop, *tags: str, group: str = "Level") -> list[str]:
    """Make tags; give the id of their group, then their own."""
    said = (await shop.post("add_corp_tag", group_name=group, tag=[{"name": name} for name in tags]))["tag_group"]
    return [said["group_id"], *(tag["id"] for tag in said["tag"])]


async def worn(shop: Shop, external_userid: str) -> list[str]:
    batch = await shop.post("batch/get_by_user", userid_list=[ZHANG], limit=100)
    rows = {row["external_contact"]["external_userid"]: row for row in batch["external_contact_list"]}
    ids: list[str] = rows[external_userid]["follow_info"]["tag_id"]
    return ids


async def test_an_sdk_makes_changes_marks_and_deletes_tags(wecom: Wecom, shop: Shop) -> None:
    contact, amy = wecom.sdk().external_contact, await shop.id_of(AMY)
    tags = [{"name": "gold", "order": 1}, {"name": "silver"}, {"name": "gold", "order": 9}]
    group = (await threaded(contact.add_corp_tag, None, "Level", 3, tags))["tag_group"]
    assert group["group_name"] == "Level" and group["order"] == 3 and type(group["create_time"]) is int
    gold, silver = group["tag"]
    assert (gold["name"], gold["order"], silver["name"], silver["order"]) == ("gold", 1, "silver", 0)
    assert {one["id"][:2] for one in (gold, silver)} == {group["group_id"][:2]} == {"et"}
    assert (await threaded(contact.get_corp_tag_list))["tag_group"] == [group]
    assert (await threaded(contact.get_corp_tag_list, [silver["id"]]))["tag_group"] == [{**group, "tag": [silver]}]
    await threaded(contact.edit_corp_tag, silver["id"], "bronze", 2**32 - 1)
    assert await names(shop) == {"Level": ["bronze", "gold"]}
    await threaded(contact.mark_tag, ZHANG, amy, [gold["id"], silver["id"]])
    (follow,) = (await threaded(contact.get, amy))["follow_user"]
    assert follow["tags"] == [
        {"group_name": "Level", "tag_name": "gold", "type": 1, "tag_id": gold["id"]},
        {"group_name": "Level", "tag_name": "bronze", "type": 1, "tag_id": silver["id"]},
    ]
    await threaded(contact.mark_tag, ZHANG, amy, None, [gold["id"]])
    assert await worn(shop, amy) == [silver["id"]]
    await threaded(contact.del_corp_tag, [silver["id"]])
    assert await worn(shop, amy) == []
    assert (await threaded(contact.get, amy))["follow_user"][0]["tags"] == []
    with pytest.raises(WeChatClientException) as refused:
        await threaded(contact.mark_tag, ZHANG, amy, [silver["id"]])
    assert refused.value.errcode == 40068
    await threaded(contact.del_corp_tag, None, [group["group_id"]])
    assert await names(shop) == {}


async def test_a_group_is_reused_by_name_and_its_id_wins_over_a_name(shop: Shop) -> None:
    level, _ = await made(shop, "gold")
    again, _ = await made(shop, "silver")
    assert again == level
    told = await shop.post("add_corp_tag", group_id=level, group_name="Elsewhere", order=5, tag=[{"name": "iron"}])
    assert (told["tag_group"]["group_name"], told["tag_group"]["order"]) == ("Level", 0)
    assert [tag["name"] for tag in told["tag_group"]["tag"]] == ["iron"]
    assert await names(shop) == {"Level": ["gold", "silver", "iron"]}


async def test_the_larger_order_stands_first(shop: Shop) -> None:
    await shop.post("add_corp_tag", group_name="B", order=1, tag=[{"name": "b1"}, {"name": "b2", "order": 7}])
    await shop.post("add_corp_tag", group_name="A", order=2, tag=[{"name": "a"}])
    await shop.post("add_corp_tag", group_name="C", order=1, tag=[{"name": "c"}])
    assert [*(await names(shop)).items()] == [("A", ["a"]), ("B", ["b2", "b1"]), ("C", ["c"])]


async def test_the_filter_by_group_wins_and_what_is_gone_is_said_to_be(shop: Shop) -> None:
    level, gold, silver = await made(shop, "gold", "silver")
    city, _ = await made(shop, "Hangzhou", group="City")
    by_both = await shop.post("get_corp_tag_list", group_id=[city], tag_id=[gold])
    assert [group["group_id"] for group in by_both["tag_group"]] == [city]
    await shop.post("del_corp_tag", tag_id=[gold])
    (group,) = (await shop.post("get_corp_tag_list", tag_id=[gold, silver]))["tag_group"]
    assert [(tag["id"], tag.get("deleted")) for tag in group["tag"]] == [(gold, True), (silver, None)]
    assert "deleted" not in group
    await shop.post("del_corp_tag", group_id=[level])
    (group,) = (await shop.post("get_corp_tag_list", group_id=[level]))["tag_group"]
    assert group["deleted"] is True and [tag["deleted"] for tag in group["tag"]] == [True, True]
    assert await names(shop) == {"City": ["Hangzhou"]}
    assert (await shop.post("get_corp_tag_list", tag_id=["etnone"], group_id=[]))["tag_group"] == []
    assert (await shop.post("get_corp_tag_list", tag_id=[""]))["errcode"] == 40058


async def test_the_last_tag_takes_its_group_with_it(shop: Shop) -> None:
    level, gold = await made(shop, "gold")
    await shop.post("del_corp_tag", tag_id=[gold])
    assert await names(shop) == {}
    assert (await shop.post("edit_corp_tag", id=level, name="x"))["errcode"] == 40068
    again, _ = await made(shop, "gold")
    assert again != level


NAMED = [{"name": "x"}]


@pytest.mark.parametrize(
    ("path", "body", "errcode"),
    [
        ("add_corp_tag", {"group_name": "Level", "tag": [{"name": "gold"}]}, 40071),
        ("add_corp_tag", {"group_id": "etnone", "tag": NAMED}, 40068),
        ("add_corp_tag", {"group_id": "TAG", "tag": NAMED}, 40068),
        ("add_corp_tag", {"group_name": "Level", "tag": []}, 40058),
        ("add_corp_tag", {"group_name": "Level"}, 40058),
        ("add_corp_tag", {"tag": NAMED}, 40058),
        ("add_corp_tag", {"group_name": "x" * 31, "tag": NAMED}, 40058),
        ("add_corp_tag", {"group_name": "x" * 30, "tag": [{"name": "x" * 30}]}, 0),
        ("add_corp_tag", {"group_name": "Level", "tag": [{"name": "x" * 31}]}, 40058),
        ("add_corp_tag", {"group_name": "Level", "tag": [{"name": ""}]}, 40058),
        ("add_corp_tag", {"group_name": "Level", "tag": [{"name": "x", "order": 2**32}]}, 40058),
        ("add_corp_tag", {"group_name": "Level", "tag": [{"name": "x", "order": -1}]}, 40058),
        ("add_corp_tag", {"group_name": "Level", "tag": [{"name": "x", "order": "7"}]}, 0),
        ("edit_corp_tag", {"id": "TAG", "name": "silver"}, 40071),
        ("edit_corp_tag", {"id": "TAG", "name": "gold"}, 0),
        ("edit_corp_tag", {"id": "TAG", "order": 0}, 0),
        ("edit_corp_tag", {"id": "GROUP", "name": "City"}, 40071),
        ("edit_corp_tag", {"id": "GROUP", "name": "Rank", "agentid": 1}, 0),
        ("edit_corp_tag", {"id": "TAG"}, 40058),
        ("edit_corp_tag", {"name": "x"}, 40058),
        ("edit_corp_tag", {"id": "etnone", "name": "x"}, 40068),
        ("del_corp_tag", {}, 40058),
        ("del_corp_tag", {"tag_id": [], "group_id": None}, 40058),
        ("del_corp_tag", {"tag_id": ["TAG", "etnone"]}, 40068),
        ("del_corp_tag", {"tag_id": ["GROUP"]}, 40068),
        ("del_corp_tag", {"group_id": ["TAG"]}, 40068),
        ("mark_tag", {"add_tag": ["TAG"]}, 0),
        ("mark_tag", {"remove_tag": ["TAG"]}, 0),
        ("mark_tag", {}, 41110),
        ("mark_tag", {"add_tag": [], "remove_tag": []}, 41110),
        ("mark_tag", {"add_tag": ["GROUP"]}, 40068),
        ("mark_tag", {"remove_tag": ["etnone"]}, 40068),
        ("mark_tag", {"add_tag": ["TAG"], "external_userid": ""}, 41035),
        ("mark_tag", {"add_tag": ["TAG"], "external_userid": "wmnone"}, 40096),
        ("mark_tag", {"add_tag": ["TAG"], "userid": "nobody"}, 60111),
        ("mark_tag", {"add_tag": ["TAG"], "userid": "lisi"}, 84061),
    ],
)
async def test_what_is_wrong_with_a_call_is_told_by_number_and_changes_nothing(
    wecom: Wecom, shop: Shop, path: str, body: dict[str, object], errcode: int
) -> None:
    group, gold, _ = await made(shop, "gold", "silver")
    await made(shop, "Hangzhou", group="City")
    stand_ins = {"TAG": gold, "GROUP": group}

    def real(value: Any) -> Any:
        return [real(one) for one in value] if isinstance(value, list) else stand_ins.get(value, value)

    pair = {"userid": ZHANG, "external_userid": await shop.id_of(AMY)} if path == "mark_tag" else {}
    before = wecom.gateway.router.state.digest()
    asked = {key: value if key == "tag" else real(value) for key, value in body.items()}
    assert (await shop.post(path, **{**pair, **asked}))["errcode"] == errcode
    assert errcode == 0 or wecom.gateway.router.state.digest() == before


async def test_an_app_changes_only_what_it_made(wecom: Wecom, shop: Shop) -> None:
    await wecom.control("PUT", f"/corps/{STORE}/apps/1000003", OTHER_APP)
    other = Shop(wecom, await wecom.token(secret=OTHER_APP["secret"]))
    amy = await shop.id_of(AMY)
    level, gold = await made(shop, "gold")
    for asked in ({"id": gold, "name": "x"}, {"id": level, "order": 3}):
        assert (await other.post("edit_corp_tag", **asked))["errcode"] == 301002
    for ids in ({"tag_id": [gold]}, {"group_id": [level]}):
        assert (await other.post("del_corp_tag", **ids))["errcode"] == 301002
    assert wecom.headers["X-Hutong-Reason"] == "not_maker"
    assert (await other.post("mark_tag", userid=ZHANG, external_userid=amy, add_tag=[gold]))["errcode"] == 0
    (told,) = (await other.post("get_corp_tag_list"))["tag_group"]
    _, iron = await made(other, "iron")
    assert (await shop.post("del_corp_tag", group_id=[level]))["errcode"] == 301002
    assert (await other.post("del_corp_tag", tag_id=[iron]))["errcode"] == 0
    assert (await shop.post("del_corp_tag", group_id=[told["group_id"]]))["errcode"] == 0


async def test_tags_of_another_enterprise_are_tags_of_nobody(wecom: Wecom, shop: Shop) -> None:
    cafe = Shop(wecom, await wecom.token(CAFE, CAFE_SECRET))
    level, gold = await made(shop, "gold")
    assert await names(cafe) == {}
    assert (await cafe.post("get_corp_tag_list", tag_id=[gold]))["tag_group"] == []
    assert (await cafe.post("edit_corp_tag", id=gold, name="x"))["errcode"] == 40068
    assert (await cafe.post("del_corp_tag", group_id=[level]))["errcode"] == 40068
    amy = await cafe.id_of(AMY, CAFE)
    pair = {"userid": "mali", "external_userid": amy}
    told = await cafe.post("batch/get_by_user", userid="mali")
    pair["external_userid"] = told["external_contact_list"][0]["external_contact"]["external_userid"]
    assert (await cafe.post("mark_tag", **pair, add_tag=[gold]))["errcode"] == 40068


async def test_tags_are_counted_as_the_profile_says(wecom: Wecom, shop: Shop) -> None:
    amy = await shop.id_of(AMY)
    await wecom.control("PUT", "/profile", {"name": "tiny"})
    _, *ids = await made(shop, *"abcdef")
    assert (await shop.post("add_corp_tag", group_name="More", tag=NAMED))["errcode"] == 40126
    pair = {"userid": ZHANG, "external_userid": amy}
    assert (await shop.post("mark_tag", **pair, add_tag=ids[:4]))["errcode"] == 40144
    assert (await shop.post("mark_tag", **pair, add_tag=ids[:4], remove_tag=ids[:1]))["errcode"] == 0
    assert await worn(shop, amy) == ids[1:4]
    await shop.post("del_corp_tag", tag_id=ids[1:2])
    assert (await shop.post("mark_tag", **pair, add_tag=ids[4:5]))["errcode"] == 0
    assert await worn(shop, amy) == ids[2:5]
    assert (await shop.post("add_corp_tag", group_name="More", tag=NAMED))["errcode"] == 0


async def test_the_console_changes_everything_and_the_apps_are_told(wecom: Wecom, shop: Shop) -> None:
    app = {"name": "x", "secret": SECRET, "callback_url": "http://127.0.0.1:9/", "callback_token": "t"}
    await wecom.control("PUT", f"/corps/{STORE}/apps/{AGENT}", app)
    shop.token = await wecom.token()
    by_app, *_ = await made(shop, "by", "an", "app", group="App")
    await shop.post("edit_corp_tag", id=by_app, name="Apps", order=4)
    assert told(wecom.gateway) == []
    group = await wecom.control("POST", TAGS, {"group_name": "Level", "tags": [{"name": "gold"}, {"name": "tin"}]})
    gold, tin = (tag["id"] for tag in group["tags"])
    await wecom.control("PUT", f"{TAGS}/{gold}", {"name": "Gold", "order": 1})
    await wecom.control("PUT", f"{TAGS}/{group['id']}", {"name": "Level", "order": 2})
    await wecom.control("PUT", f"{TAGS}/{group['id']}", {"name": "Level", "order": 2})
    await wecom.control("DELETE", f"{TAGS}/{tin}")
    await wecom.control("DELETE", f"{TAGS}/{by_app}")
    await wecom.control("DELETE", f"{TAGS}/{gold}")
    assert told(wecom.gateway) == [
        TagMade(group["id"], "tag_group"), TagMade(gold, "tag"), TagMade(tin, "tag"),
        TagChanged(gold, "tag"), TagsShuffled(group["id"]), TagsShuffled(),
        TagDeleted(tin, "tag"), TagDeleted(by_app, "tag_group"), TagDeleted(gold, "tag"),
        TagDeleted(group["id"], "tag_group"),
    ]  # fmt: skip
    assert (await wecom.control("GET", TAGS))["groups"] == []


async def test_a_member_marks_a_customer_in_a_client(wecom: Wecom, shop: Shop) -> None:
    app = {"name": "x", "secret": SECRET, "callback_url": "http://127.0.0.1:9/", "callback_token": "t"}
    await wecom.control("PUT", f"/corps/{STORE}/apps/{AGENT}", app)
    shop.token = await wecom.token()
    level, gold = await made(shop, "gold")
    ben = await shop.relate("ben")
    frame = {"type": "remark", "conversation": shop.chat}
    await wecom.act(f"{STORE}/{ZHANG}", **frame, tag_ids=[gold, gold])
    assert await worn(shop, ben) == [gold]
    assert told(wecom.gateway)[1:] == [ContactEdited(ZHANG, ben)]  # the first is of the new contact
    with pytest.raises(AssertionError, match="unknown_tag"):
        await wecom.act(f"{STORE}/{ZHANG}", **frame, tag_ids=[level])
    await wecom.act(f"{STORE}/{ZHANG}", **frame, tag_ids=[])
    assert await worn(shop, ben) == []
