"""Calls that let a person tell an app who they are, as its page would ask them to: codes of OAuth."""

from msgspec import Struct

from adapters.control.endpoint import Body, Door, endpoint
from adapters.names import AgentId, ConsumerPath, Corpid, MemberPath
from gateway.commands.book import MakeOauthCode
from gateway.events import OauthCodeMade
from protocol.ids import member_key


class LoginBody(Body, frozen=True):
    """The app that is told; `private` lets it read the details too, as the scope snsapi_privateinfo does."""

    corpid: Corpid
    agent_id: AgentId
    private: bool = False


class LoginAnswer(Struct, frozen=True):
    """A code, good once within five minutes of the movable clock."""

    code: str


async def _make(door: Door, person: str, body: LoginBody) -> LoginAnswer:
    (made,) = await door.ask(MakeOauthCode(body.corpid, body.agent_id, person, body.private))
    assert isinstance(made, OauthCodeMade), "making a code is one event"
    return LoginAnswer(made.code)


@endpoint("POST", "/people/{handle}/oauth-codes")
async def log_in_consumer(door: Door, path: ConsumerPath, body: LoginBody) -> LoginAnswer:
    """Make a code by which an app learns who a consumer is."""
    return await _make(door, path.handle, body)


@endpoint("POST", "/people/{corpid}/{userid}/oauth-codes")
async def log_in_member(door: Door, path: MemberPath, body: LoginBody) -> LoginAnswer:
    """Make a code by which an app learns who a member is."""
    return await _make(door, member_key(path.corpid, path.userid), body)
