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
    yield f"# wechatpy: WeChatClient.API_BASE_URL = '{told['base_url']}/cgi-bin/'"
    for person in told["people"]:
        name = f"{person['corpid']}/{person['id']}" if person["kind"] == "member" else person["id"]
        yield f"# {person['kind']} {name}: {person['token']}"


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
