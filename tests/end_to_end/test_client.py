"""Members and consumers on real sockets: chats both ways, resuming, repeats, second devices, links that break."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from adapters import compose
from adapters.compose import Gateway
from gateway import commands
from hutong.client import Accepted, Consumer, LinkEnded, Member, Memory, OutcomeUnknown, Refused
from hutong.wire import Encoding
from protocol import content

CORP = "ww5f0a"
ZHANG = f"{CORP}/zhangsan"
WORLD = (
    commands.PutCorp(CORP, "Double Eleven Trading", "Double Eleven", "certified"),
    commands.PutMember(CORP, "zhangsan", "Zhang San"),
    commands.PutMember(CORP, "lisi", "Li Si"),
    commands.PutConsumer("amy", "Amy"),
    commands.PutConsumer("bob", "Bob"),
    commands.PutRelation(CORP, "zhangsan", "amy"),
    commands.PutRelation(CORP, "zhangsan", "bob"),
    commands.PutGroup(CORP, "Regulars", "zhangsan", chat_id="wrRegulars", consumers=("amy", "bob")),
    commands.PutCode(CORP, "lisi", code="qrLisi"),
    commands.PutCode(CORP, "lisi", code="qrLisiAsks", skip_verify=False),
)


@asynccontextmanager
async def shop(data: Path | None = None, port: int = 0) -> AsyncIterator[Gateway]:
    """Run a gateway, with its world if it has none."""
    async with compose.run(data, port, "bench") as gateway:
        for command in WORLD if CORP not in gateway.router.state.corps else ():
            assert isinstance(await gateway.router.ask(command), list)
        yield gateway


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with shop() as running:
        yield running


def member(gateway: Gateway, person: str = ZHANG, device: str = "phone", **options: Any) -> Member:
    return Member(gateway.base_url, gateway.tokens.link_token(person, device), **options)


def consumer(gateway: Gateway, person: str = "amy", device: str = "phone", **options: Any) -> Consumer:
    return Consumer(gateway.base_url, gateway.tokens.link_token(person, device), **options)


def customer_of(member: Member, consumer: Consumer) -> str:
    """Find the single chat that both have."""
    (shared,) = [name for name in member.conversations if name in consumer.conversations and _is_single(member, name)]
    return shared


def _is_single(member: Member, name: str) -> bool:
    return member.conversations[name].kind == "single"


def texts(person: Member | Consumer) -> list[str]:
    return [message.text for message in person.messages if message.side != "system"]


async def chat(theirs: Encoding, ours: Encoding) -> None:
    async with shop() as gateway, member(gateway, encoding=ours) as zhang, consumer(gateway, encoding=theirs) as amy:
        asked = await amy.say("zhangsan", "有红色的吗？")
        heard = await zhang.next_message()
        assert (heard.text, heard.sequence, heard.side) == ("有红色的吗？", asked.sequence, "consumer")
        assert zhang.conversations[heard.conversation].who == (heard.sender,)
        answered = await zhang.say(heard.sender, "有的")
        told = await amy.next_message()
        assert (told.text, told.sequence, told.sender) == ("有的", answered.sequence, "zhangsan")
        assert told.badge == {"name": "Zhang San", "company": "Double Eleven", "certification": "certified"}
        assert amy.ledger.clean and zhang.ledger.clean


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize(("theirs", "ours"), [("msgpack", "json"), ("json", "msgpack")])
def test_a_text_crosses_both_ways(
    factory: Callable[[], asyncio.AbstractEventLoop], theirs: Encoding, ours: Encoding
) -> None:
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(chat(theirs, ours))


@pytest.mark.parametrize("encoding", ["msgpack", "json"])
async def test_who_comes_back_gets_exactly_what_was_missed(gateway: Gateway, encoding: Encoding) -> None:
    async with member(gateway) as zhang, consumer(gateway, encoding=encoding) as amy:
        single = customer_of(zhang, amy)
        await zhang.say(single, "heard")
        await amy.next_message()
        await amy.disconnect()
        for number in range(100):
            await zhang.say(single, f"missed {number}")
            await zhang.say("Regulars", f"also {number}")
        await amy.connect()
        assert texts(amy) == [
            "heard",
            *(f"missed {number}" for number in range(100)),
            *(f"also {number}" for number in range(100)),
        ]
        assert amy.ledger.clean and amy.ledger.lost == 0
        await zhang.say(single, "live again")
        assert (await amy.wait_for(lambda message: message.text == "live again")).conversation == single


async def test_a_device_goes_on_from_its_memory_and_over_a_restart(tmp_path: Path) -> None:
    memory = Memory()
    async with shop(tmp_path) as gateway:
        async with member(gateway) as zhang, consumer(gateway, memory=memory) as amy:
            single = customer_of(zhang, amy)
            await amy.say(single, "one")
        async with member(gateway) as zhang:
            await zhang.say(single, "two")
    async with shop(tmp_path) as gateway, consumer(gateway, memory=memory, keep=10) as amy:
        assert texts(amy) == ["two"]
        assert (await amy.say(single, "three"))[:3] == (2, single, 3)
        assert amy.ledger.clean and amy.ledger.reloads == 0


async def test_a_link_comes_back_by_itself_when_the_gateway_does(tmp_path: Path) -> None:
    async with shop(tmp_path) as gateway:
        port, amy, zhang = gateway.listener.port, consumer(gateway), member(gateway)
        await amy.connect()
        await zhang.connect()
        single = customer_of(zhang, amy)
        await amy.say(single, "before")
    async with shop(tmp_path, port), amy, zhang:
        await amy.say(single, "after")
        assert [(await zhang.next_message()).text for _ in range(2)] == ["before", "after"]
        assert amy.ledger.reconnects > 0
        assert amy.ledger.clean and zhang.ledger.clean


async def test_the_same_number_twice_is_one_message(gateway: Gateway) -> None:
    memory = Memory()
    async with member(gateway) as zhang, consumer(gateway, memory=memory) as amy:
        single = customer_of(zhang, amy)
        first = await amy.say(single, "once")
        await amy.disconnect()
        memory.last_number = 0  # as if the answer had not been stored
        memory.unanswered[1] = {
            "type": "send",
            "number": 1,
            "conversation": single,
            "content": {"kind": "text", "text": "once"},
        }
        await amy.connect()
        second = await amy.say(single, "twice")
        assert (first.number, second.number, second.sequence) == (1, 2, first.sequence + 1)
        assert [(await zhang.next_message()).text for _ in range(2)] == ["once", "twice"]
        assert not memory.unanswered


async def test_the_number_of_another_text_is_refused(gateway: Gateway) -> None:
    async with member(gateway) as zhang, consumer(gateway) as amy:
        await amy.say("zhangsan", "once")
        amy.memory.last_number = 0
        with pytest.raises(Refused) as refused:
            await amy.say("zhangsan", "something else")
        assert refused.value.reason == "reused_number"
        assert texts(zhang) == ["once"]


async def test_a_device_without_memory_goes_on_above_what_was_refused(gateway: Gateway) -> None:
    async with consumer(gateway) as amy:
        await amy.say("zhangsan", "one")
        await _refused(amy.say("cvnone", "two"), "unknown_conversation")
    async with consumer(gateway) as amy:
        assert (await amy.say("zhangsan", "three")).number == 3


class Wire:
    """A wire between a client and the gateway that can go deaf, and be cut."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []
        self.deaf = False

    @classmethod
    @asynccontextmanager
    async def to(cls, gateway: Gateway) -> "AsyncIterator[tuple[Wire, str]]":
        wire = cls(gateway.listener.port)
        server = await asyncio.start_server(wire._join, "127.0.0.1", 0)
        try:
            yield wire, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            wire.cut()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, far_writer]
        await asyncio.gather(self._copy(reader, far_writer, False), self._copy(far_reader, writer, True))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: bool) -> None:
        try:
            while data := await reader.read(65536):
                if not (back and self.deaf):
                    writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()


async def test_what_was_not_answered_is_sent_again_and_is_one_message(gateway: Gateway) -> None:
    token = gateway.tokens.link_token("amy", "phone")
    async with member(gateway) as zhang, Wire.to(gateway) as (wire, url), Consumer(url, token) as amy:
        wire.deaf = True
        said = [asyncio.ensure_future(amy.say("zhangsan", f"text {number}")) for number in range(70)]
        heard = [(await zhang.next_message()).text for _ in range(64)]
        wire.deaf = False
        wire.cut()
        answers: list[Accepted] = await asyncio.gather(*said)
        heard += [(await zhang.next_message()).text for _ in range(6)]
        assert heard == [f"text {number}" for number in range(70)]
        assert [answer.sequence for answer in answers] == list(range(1, 71))
        assert amy.ledger.clean and zhang.ledger.clean
        assert (amy.ledger.reconnects, amy.ledger.accepted) == (1, 70)


async def test_closing_without_an_answer_leaves_the_outcome_unknown(gateway: Gateway) -> None:
    async with Wire.to(gateway) as (wire, url):
        async with Consumer(url, gateway.tokens.link_token("amy", "phone")) as amy:
            wire.deaf = True
            said = [asyncio.ensure_future(amy.say("zhangsan", f"text {number}")) for number in range(70)]
            await asyncio.sleep(0)
        outcomes = await asyncio.gather(*said, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [OutcomeUnknown] * 64 + [LinkEnded] * 6
        assert amy.ledger.unknown == 64


async def test_a_second_device_gets_everything(gateway: Gateway) -> None:
    async with member(gateway) as zhang, consumer(gateway) as phone:
        single = customer_of(zhang, phone)
        await phone.say(single, "one")
        await zhang.say(single, "two")
        async with consumer(gateway, device="tablet", encoding="json") as tablet:
            assert texts(tablet) == ["one", "two"]
            await phone.say(single, "three")
            await zhang.say("Regulars", "four")
            await tablet.wait_for(lambda message: message.text == "four")
            assert texts(tablet) == ["one", "two", "three", "four"]
            assert tablet.ledger.clean


async def test_the_same_device_replaces_its_older_link(gateway: Gateway) -> None:
    async with consumer(gateway) as older, consumer(gateway) as newer:
        why = await asyncio.wait_for(older.ended(), 5)
        assert (why.code, why.text) == (4409, "the same device opened another link")
        with pytest.raises(LinkEnded):
            await older.say("zhangsan", "am I still here?")
        await newer.say("zhangsan", "I am")


async def test_a_bad_token_is_told_and_not_tried_again(gateway: Gateway) -> None:
    with pytest.raises(LinkEnded, match="HTTP 401") as ended:
        await Consumer(gateway.base_url, "no token").__aenter__()
    assert ended.value.code == 4401


async def test_relations_begin_and_end(gateway: Gateway) -> None:
    async with member(gateway, f"{CORP}/lisi") as lisi, consumer(gateway, "bob") as bob:
        made = await bob.scan("qrLisi")
        await lisi.wait_for(lambda message: message.affair == "relation_made")
        await lisi.remark(made.conversation, "regular", ["vip"], description="likes tea", mobiles=["138"])
        await lisi.say(made.conversation, "welcome")
        assert (await bob.next_message()).text == "welcome"
        await bob.block("lisi")
        await _refused(lisi.say(made.conversation, "still there?"), "blocked")
        await bob.unblock("lisi")
        await lisi.say(made.conversation, "thank you")
        await bob.mute("lisi")
        await bob.unmute("lisi")
        await bob.delete("lisi")
        await _refused(bob.say("lisi", "goodbye"), "not_related")


async def test_a_member_accepts_or_refuses(gateway: Gateway) -> None:
    async with member(gateway, f"{CORP}/lisi") as lisi, consumer(gateway, "bob") as bob, consumer(gateway) as amy:
        asked = await bob.scan("qrLisiAsks")
        await _refused(bob.say("lisi", "hello?"), "pending")
        await lisi.accept(asked.conversation)
        await bob.say("lisi", "hello!")
        asked = await amy.scan("qrLisiAsks")
        await lisi.refuse(asked.conversation)
        await _refused(amy.say("lisi", "hello?"), "not_related")


async def test_a_group_from_beginning_to_end(gateway: Gateway) -> None:
    async with member(gateway) as zhang, member(gateway, f"{CORP}/lisi") as lisi, consumer(gateway, "bob") as bob:
        external = next(iter(zhang.conversations[customer_of(zhang, bob)].who))
        group = (await zhang.create_group("Club", ["lisi"], [external])).conversation
        await bob.wait_for(lambda message: message.conversation == group)
        await bob.say("Club", "hello all")
        assert (await lisi.next_message()).text == (await zhang.next_message()).text == "hello all"
        await zhang.rename("Club", "Inner club")
        await zhang.announce(group, "Sale on the 11th")
        await zhang.appoint(group, "lisi")
        await lisi.remove(group, consumers=[external])
        await _refused(bob.say(group, "hello?"), "not_in_group")
        await zhang.say(group, "between us")
        await zhang.invite(group, consumers=[external])
        await zhang.hand_over(group, "lisi")
        await bob.leave(group)
        await lisi.wait_for(lambda message: message.affair == "left")
        assert "between us" not in texts(bob)
        assert bob.ledger.clean and lisi.ledger.clean and zhang.ledger.clean


async def test_a_dismissed_group_is_told_to_who_is_there_and_to_who_comes_later(gateway: Gateway) -> None:
    async with member(gateway) as zhang, consumer(gateway, "bob") as bob:
        external = next(iter(zhang.conversations[customer_of(zhang, bob)].who))
        group = (await zhang.create_group("Club", ["lisi"], [external])).conversation
        await bob.wait_for(lambda message: message.conversation == group)
        await zhang.dismiss(group)
        told = await bob.wait_for(lambda message: message.affair == "dismissed")
        await _refused(bob.say(group, "hello?"), "dismissed")
        async with member(gateway, f"{CORP}/lisi") as lisi:
            later = await lisi.wait_for(lambda message: message.affair == "dismissed")
            assert (later.conversation, later.sequence) == (told.conversation, told.sequence) == (group, 2)
            await _refused(lisi.say(group, "hello?"), "dismissed")
            assert lisi.ledger.clean
        assert bob.ledger.clean and zhang.ledger.clean


async def test_a_member_confirms_mass_messages_and_makes_own_ones(gateway: Gateway) -> None:
    async with member(gateway) as zhang, consumer(gateway) as amy, consumer(gateway, "bob") as bob:
        first = await _told_of(gateway, zhang, content.Text("half price"), content.Link("shop", "https://x"))
        second = await _told_of(gateway, zhang, content.Text("a mistake"))
        assert zhang.tasks == {first: "half price", second: "a mistake"}
        await zhang.confirm(first)
        for customer in (amy, bob):
            await customer.wait_for(lambda message: message.content["kind"] == "link")
            assert texts(customer) == ["half price", ""]
        assert isinstance(await gateway.router.ask(commands.CancelMass(CORP, second)), list)
        await zhang.wait_for(lambda message: message.affair == "mass_cancelled")
        assert not zhang.tasks
        await _refused(zhang.confirm(second), "mass_cancelled")
        await zhang.send_mass([{"kind": "text", "text": "new tea"}], [customer_of(zhang, bob)])
        await zhang.send_mass([{"kind": "text", "text": "for all"}])
        for customer in (amy, bob):
            assert (await customer.wait_for(lambda message: message.text == "for all")).badge is not None
        assert ("new tea" in texts(bob), "new tea" in texts(amy)) == (True, False)
        assert amy.ledger.clean and bob.ledger.clean and zhang.ledger.clean


async def _told_of(gateway: Gateway, zhang: Member, *contents: content.Sendable) -> str:
    """Have the enterprise make a mass message, and give what the notice names it."""
    text = next(one.text for one in contents if isinstance(one, content.Text))
    assert isinstance(await gateway.router.ask(commands.MakeMass(CORP, "single", contents, "zhangsan")), list)
    notice = await zhang.wait_for(lambda message: message.affair == "mass_task" and message.text == text)
    return str(notice.content["task"])


async def _refused(asked: Awaitable[Accepted], reason: str) -> None:
    with pytest.raises(Refused) as refused:
        await asked
    assert refused.value.reason == reason


async def test_a_name_that_is_nobody_is_told(gateway: Gateway) -> None:
    async with consumer(gateway) as amy:
        with pytest.raises(LookupError, match="amy has no conversation with 'wangwu'"):
            await amy.say("wangwu", "anybody?")
