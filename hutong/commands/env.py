"""`hutong env`: what an SDK and a client need to know of a running server, to be pasted or read as JSON."""

import shlex
from collections.abc import Iterator
from typing import Any

from hutong.commands.console import DEFAULT_URL, EXIT_OK, Json, Url, print_json, run


def env(*, json: Json = False, url: Url = DEFAULT_URL) -> int:
    """Print addresses, secrets and tokens of a running server: lines to paste into a shell."""
    return run(_env(url, json))


async def _env(url: str, json: bool) -> int:
    from hutong.control import Control

    async with Control(url) as control:
        told = await control.env()
    if json:
        print_json(told)
    else:
        print("\n".join(shell_lines(told)))
    return EXIT_OK


def shell_lines(told: dict[str, Any]) -> Iterator[str]:
    """Write the lines: variables for the first enterprise's first app, and everybody's token as a comment."""
    yield _set("HUTONG_URL", told["base_url"])
    yield _set("WEBSOCKET_URL", told["ws_url"])
    if told["mqtt_url"]:
        yield _set("MQTT_URL", told["mqtt_url"])
    yield "# WeCom's own server API: what an SDK needs, and two ways to try it."
    yield _set("WECOM_API_URL", told["base_url"])
    for corp in told["corps"][:1]:
        yield from _corp(corp)
    yield '# curl "$WECOM_API_URL/cgi-bin/gettoken?corpid=$WECOM_CORPID&corpsecret=$WECOM_SECRET"'
    yield from _wechatpy(told["base_url"])
    for person in told["people"]:
        name = f"{person['corpid']}/{person['id']}" if person["kind"] == "member" else person["id"]
        yield f"# {person['kind']} {name}: {person['token']}"


def _wechatpy(base_url: str) -> Iterator[str]:
    """Say what makes wechatpy come here: its gettoken has the vendor's host written in."""
    yield f"# wechatpy: in a class of your own from WeChatClient, API_BASE_URL = '{base_url}/cgi-bin/';"
    yield "# and, since 2.0.0a26 asks the vendor's host for its token whatever that says:"
    yield "#     def fetch_access_token(self):"
    yield '#         asked = {"corpid": self.corp_id, "corpsecret": self.secret}'
    yield '#         return self._fetch_access_token(self.API_BASE_URL + "gettoken", asked)'


def _corp(corp: dict[str, Any]) -> Iterator[str]:
    yield _set("WECOM_CORPID", corp["corpid"])
    for agent_id, secret in list(corp["secrets"].items())[:1]:
        yield _set("WECOM_AGENTID", agent_id)
        yield _set("WECOM_SECRET", secret)
        callback = corp.get("callbacks", {}).get(agent_id)
        if callback:
            yield _set("WECOM_TOKEN", callback["token"])
            yield _set("WECOM_AES_KEY", callback["aes_key"])


def _set(name: str, value: str) -> str:
    return f"export {name}={shlex.quote(value)}"
