"""The first chapter of the vendor's API: access tokens, and addresses."""

from secrets import compare_digest

from adapters.wecom_api.call import Caller, Door, No, call
from gateway.refusal import Refusal
from gateway.state import State
from gateway.state.corps import App
from protocol.wecom.access import AddressesReply, Nothing, TokenAsked, TokenReply


@call("GET", "gettoken", missing={"corpid": 41002, "corpsecret": 41004}, open=True, limits=("wrong_secrets_max",))
async def get_token(door: Door, caller: Caller, asked: TokenAsked) -> TokenReply:
    """Give an app's access token, the same one while it is valid (DOC 91039)."""

    def look(state: State, now_ms: int) -> TokenReply | No | Refusal:
        meters = door.gate.meters(state)
        if (shut_out := meters.secrets(caller.address, now_ms)) is not None:
            return shut_out
        corp = state.corps.get(asked.corpid)
        if corp is None:
            return No(40013)
        secret = asked.corpsecret.encode()
        apps = (app for app in corp.apps.values() if app.bot is None)  # a bot's secret is for its connection
        app = next((app for app in apps if _is(app, secret)), None)
        if app is None:
            meters.secrets(caller.address, now_ms, wrong=True)
            others = (app for other in state.corps.values() for app in other.apps.values() if app.bot is None)
            return No(40091 if any(_is(app, secret) for app in others) else 40001)
        if (refusal := meters.take("gettoken", corp.corpid, app.agent_id, "", now_ms)) is not None:
            return refusal
        token, expires_in = door.tokens.give(state, now_ms, corp, app)
        return TokenReply(access_token=token, expires_in=expires_in)

    reply: TokenReply = await door.look(look)
    return reply


def _is(app: App, secret: bytes) -> bool:
    return compare_digest(app.secret.encode(), secret)


@call("GET", "getcallbackip")
async def get_callback_ip(_door: Door, _caller: Caller, _asked: Nothing) -> AddressesReply:
    """List the addresses that callbacks come from."""
    return AddressesReply(ip_list=["127.0.0.1"])


@call("GET", "get_api_domain_ip")
async def get_api_domain_ip(_door: Door, _caller: Caller, _asked: Nothing) -> AddressesReply:
    """List the addresses of this API."""
    return AddressesReply(ip_list=["127.0.0.1"])
