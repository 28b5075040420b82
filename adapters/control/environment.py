"""The call that gives a program all it needs to begin: addresses, secrets, and tokens of a few people.

It tells secrets: it is for the machine that the gateway runs on, as everything under `/_hutong/` is.
"""

from typing import Final

from msgspec import Struct

from adapters.control.endpoint import Door, endpoint
from gateway.profile import RANK
from gateway.state import State
from gateway.state.corps import Corp
from gateway.state.people import Consumer

DEVICE: Final = "env"
PEOPLE_MAX: Final = 10  # of each side


class CallbackSecrets(Struct, frozen=True):
    token: str
    aes_key: str


class CorpEnvironment(Struct, frozen=True):
    """An enterprise's secrets by agent_id, those of its bots apart."""

    corpid: str
    secrets: dict[str, str]
    callbacks: dict[str, CallbackSecrets]
    bots: dict[str, str]


class MemberEnvironment(Struct, frozen=True, tag_field="kind", tag="member"):
    corpid: str
    id: str
    token: str


class ConsumerEnvironment(Struct, frozen=True, tag_field="kind", tag="consumer"):
    id: str
    external_userids: dict[str, str]
    token: str


class Environment(Struct, frozen=True):
    """What `hutong env --json` prints; the certified enterprise comes first."""

    base_url: str
    ws_url: str
    bots_url: str
    mqtt_url: str | None
    control_url: str
    tls_url: str | None
    proxy_url: str | None
    ca_file: str | None
    corps: list[CorpEnvironment]
    people: list[MemberEnvironment | ConsumerEnvironment]


Found = tuple[list[CorpEnvironment], list[tuple[str, str, str]], list[tuple[str, dict[str, str]]]]


@endpoint("GET", "/env")
async def get_environment(door: Door) -> Environment:
    """Give addresses, secrets, and fresh link tokens of at most ten members and ten consumers."""
    found: Found = await door.look(_look)
    corps, members, consumers = found
    people: list[MemberEnvironment | ConsumerEnvironment] = [
        MemberEnvironment(corpid, userid, door.tokens.link_token(key, DEVICE)) for corpid, userid, key in members
    ]
    people += [ConsumerEnvironment(handle, ids, door.tokens.link_token(handle, DEVICE)) for handle, ids in consumers]
    urls = door.urls()
    return Environment(
        urls.base_url, urls.ws_url, urls.bots_url, urls.mqtt_url, urls.control_url, urls.tls_url, urls.proxy_url,
        urls.ca_file, corps, people,
    )  # fmt: skip


def _look(state: State, now_ms: int) -> Found:
    ranked = sorted(state.corps.values(), key=lambda corp: -RANK[corp.certification_at(now_ms)])
    members = [
        (corp.corpid, userid, key)
        for corp in ranked
        for userid, key in list(corp.members.items())[: 2 * PEOPLE_MAX]
        if not state.member(key).departed
    ]
    # People who can do something come first: those whom an enterprise knows.
    known = dict.fromkeys(handle for corp in ranked for handle in list(corp.consumers.values())[:PEOPLE_MAX])
    others = (key for key, person in state.people.items() if isinstance(person, Consumer) and not person.known)
    handles = [*known, *(key for key, _ in zip(others, range(PEOPLE_MAX), strict=False))][:PEOPLE_MAX]
    consumers = [
        (handle, {corpid: at.external_userid for corpid, at in state.consumer(handle).known.items()})
        for handle in handles
    ]
    return [_secrets(corp) for corp in ranked], members[:PEOPLE_MAX], consumers


def _secrets(corp: Corp) -> CorpEnvironment:
    callbacks = {
        app.agent_id: CallbackSecrets(app.callback_token, app.callback_aes_key)
        for app in corp.apps.values()
        if app.callback_token or app.callback_aes_key
    }
    apps = corp.apps.values()
    secrets, bots = ({app.agent_id: app.secret for app in apps if bool(app.bot) is is_bot} for is_bot in (False, True))
    return CorpEnvironment(corp.corpid, secrets, callbacks, bots)
