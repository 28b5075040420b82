"""A customer's story, as somebody's existing CRM lives it: wechatpy asks, wechatpy's crypto opens what it is told.

Scan, callback with a welcome code, welcome within 20 s, tag, mass message, confirmed, received; over the month's quota
refused with the vendor's code; a month later allowed again.
"""

from typing import Any

import pytest
from wechatpy.exceptions import WeChatClientException

from tests.conformance.receiver import receiving
from tests.conformance.test_wecom_mass import settled
from tests.conformance.wecom import STORE, ZHANG, Wecom, running, threaded

MEMBER = f"{STORE}/{ZHANG}"
GUEST = "story.guest"
DAY_MS = 86_400_000
A_MONTH_OF_MASS = 4  # per customer from the enterprise, under the rules of April 2021


class Crm:
    """What a CRM does, with nothing but the SDK."""

    def __init__(self, wecom: Wecom) -> None:
        self.wecom = wecom
        self.contacts = wecom.sdk().external_contact

    async def promote(self, customer: str, text: str) -> str:
        """Ask for a mass message to one customer; give its id once members have been told."""
        asked = {"external_userid": [customer], "sender": ZHANG, "text": {"content": text}}
        told = await threaded(self.contacts.add_msg_template, asked)
        assert told["fail_list"] == []
        await settled(self.wecom)
        return str(told["msgid"])

    async def outcome(self, msgid: str) -> int:
        """Tell what became of it: 0 not sent, 1 sent, 3 the customer already got other mass messages."""
        told = await threaded(self.contacts.get_group_msg_result, msgid)
        (line,) = told["detail_list"]
        return int(line["status"])


async def confirm(wecom: Wecom, msgid: str) -> None:
    """Have the member confirm the task in their client."""
    await wecom.act(MEMBER, type="confirm", task=msgid)
    await settled(wecom)


async def heard_by(wecom: Wecom, person: str, contains: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await wecom.control("GET", f"/messages?person={person}&contains={contains}"))[
        "messages"
    ]
    return found


async def test_from_the_scan_to_next_months_campaign() -> None:
    async with receiving() as receiver, running() as wecom:
        await wecom.control("PUT", "/profile", {"name": "wecom-2021-04"})
        await wecom.control("POST", "/clock", {"rate": 0})
        await receiver.settle(wecom)
        crm = Crm(wecom)

        way = await threaded(crm.contacts.add_contact_way, 1, 2, state="poster", user=[ZHANG])
        await wecom.control("PUT", f"/consumers/{GUEST}", {"nickname": "小故"})
        chat = (await wecom.act(GUEST, type="scan", code=way["config_id"]))["conversation"]

        (scanned,) = (call.message for call in await receiver.came(1))
        assert (scanned.change_type, scanned.user_id, scanned.state) == ("add_half_external_contact", ZHANG, "poster")
        customer, code = scanned.external_user_id, scanned.welcome_code

        await wecom.control("POST", "/clock", {"advance_ms": 19_000})
        welcome = {"welcome_code": code, "text": {"content": "欢迎光临"}}
        await threaded(crm.contacts.send_welcome_msg, welcome)
        (said,) = await heard_by(wecom, GUEST, "欢迎光临")
        assert (said["conversation"], said["sender"], said["badge"]["certification"]) == (chat, ZHANG, "certified")
        with pytest.raises(WeChatClientException) as again:
            await threaded(crm.contacts.send_welcome_msg, welcome)
        assert again.value.errcode == 41051

        await wecom.act(MEMBER, type="accept", conversation=chat)
        (_, added) = (call.message for call in await receiver.came(2))
        assert (added.change_type, added.external_user_id) == ("add_external_contact", customer)

        made = await threaded(crm.contacts.add_corp_tag, None, "等级", 1, [{"name": "金卡", "order": 1}])
        (gold,) = made["tag_group"]["tag"]
        await threaded(crm.contacts.mark_tag, ZHANG, customer, [gold["id"]])
        (follower,) = (await threaded(crm.contacts.get, customer))["follow_user"]
        assert (follower["userid"], [tag["tag_name"] for tag in follower["tags"]]) == (ZHANG, ["金卡"])

        for number in range(A_MONTH_OF_MASS):
            task = await crm.promote(customer, f"第{number}期")
            assert await crm.outcome(task) == 0
            await confirm(wecom, task)
            assert await crm.outcome(task) == 1
            assert [line["conversation"] for line in await heard_by(wecom, GUEST, f"第{number}期")] == [chat]

        task = await crm.promote(customer, "太多了")
        await confirm(wecom, task)
        assert await crm.outcome(task) == 3
        assert await heard_by(wecom, GUEST, "太多了") == []

        await wecom.control("POST", "/clock", {"advance_ms": 31 * DAY_MS})
        task = await crm.promote(customer, "下个月见")
        await confirm(wecom, task)
        assert await crm.outcome(task) == 1
        assert len(await heard_by(wecom, GUEST, "下个月见")) == 1
        assert len(receiver.calls) == 2, "the API's own changes are told to nobody"
