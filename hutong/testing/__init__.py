"""What a test writes with: a gateway, an enterprise of the test's own, and people who speak over real links.

    customer = await enterprise.consumer("amy")
    member = await enterprise.member("zhangsan")
    await customer.adds(member)
    await customer.says("is it in stock?").to(member)
    await member.hears("is it in stock?")

What a rule refuses raises `Refused`, what does not come in time fails the test; everything else that a client can do
is in client.py, and everything that an administrator can do in control.py.
"""

from hutong import client, control, inbox, link
from hutong.commands import console
from hutong.testing import enterprise, gateway, people
from hutong.testing.enterprise import Enterprise
from hutong.testing.gateway import Clock, Hutong
from hutong.testing.people import Bot, Consumer, Group, Member

# pytest shows of a failure the test's own lines, and none of these.
for module in (client, console, control, enterprise, gateway, inbox, link, people):
    vars(module)["__tracebackhide__"] = True

__all__ = ["Bot", "Clock", "Consumer", "Enterprise", "Group", "Hutong", "Member"]
