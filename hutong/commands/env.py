"""`hutong env`: what an SDK and a client need to know of a running server, to be pasted or read as JSON."""

import shlex
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Annotated, Any

from cyclopts import Parameter

from hutong.commands.console import DEFAULT_URL, EXIT_OK, Json, Url, print_json, run, usage
from hutong.sdks import SDKS, lines_for


def env(
    *,
    sdk: Annotated[str | None, Parameter(help=f"Print what to paste for one SDK: {', '.join(SDKS)}.")] = None,
    json: Json = False,
    url: Url = DEFAULT_URL,
) -> int:
    """Print addresses, secrets and tokens of a running server: lines to paste into a shell, or into a program."""
    if sdk is not None and sdk not in SDKS:
        near = get_close_matches(sdk, SDKS, n=1)
        advice = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(SDKS)}."
        raise usage(f"unknown SDK {sdk}. {advice}")
    return run(_env(url, sdk, json))


async def _env(url: str, sdk: str | None, json: bool) -> int:
    from hutong.control import Control

    async with Control(url) as control:
        told = await control.env()
    text = lines_for(sdk, told) if sdk is not None else "\n".join(shell_lines(told))
    if json:
        print_json(told if sdk is None else {"sdk": sdk, "text": text})
    else:
        print(text)
    return EXIT_OK


def shell_lines(told: dict[str, Any]) -> Iterator[str]:
    """Write the lines: variables for the first enterprise's first app, and everybody's token as a comment."""
    yield _set("HUTONG_URL", told["base_url"])
    yield _set("WEBSOCKET_URL", told["ws_url"])
    if told["mqtt_url"]:
        yield _set("MQTT_URL", told["mqtt_url"])
    yield "# WeCom's own server API: what an SDK needs, and a way to try it."
    yield _set("WECOM_API_URL", told["base_url"])
    for corp in told["corps"][:1]:
        yield from _corp(corp)
    for bot_id, secret in [bot for corp in told["corps"] for bot in corp["bots"].items()][:1]:
        yield _set("WECOM_BOT_URL", told["bots_url"])
        yield _set("WECOM_BOT_ID", bot_id)
        yield _set("WECOM_BOT_SECRET", secret)
    yield '# curl "$WECOM_API_URL/cgi-bin/gettoken?corpid=$WECOM_CORPID&corpsecret=$WECOM_SECRET"'
    yield f"# What to paste for an SDK: hutong env --sdk NAME, of {', '.join(SDKS)}."
    if told["tls_url"]:
        yield f"# By TLS: {told['tls_url']}, with the authority {told['ca_file']}."
    if told["proxy_url"]:
        yield f"# By WeCom's own addresses, through the proxy {told['proxy_url']}: hutong env --sdk curl."
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
