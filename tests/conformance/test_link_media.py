"""Files beside a link: sent and fetched over HTTP with the link's own token, by either side."""

from io import BytesIO
from typing import Any

from aiohttp import ClientSession, FormData

from adapters.compose import Gateway
from gateway.commands import SetClock
from gateway.decide.media import LIFETIME_MS
from tests.town import Town

JPG = b"\xff\xd8\xff\xe0" + bytes(1_000)


async def ask(
    gateway: Gateway, method: str, path: str, person: str = "", body: bytes | None = None, **headers: str
) -> tuple[int, Any, dict[str, str]]:  # fmt: skip
    form = None
    if body is not None:
        form = FormData()
        form.add_field("media", BytesIO(body), filename="a.jpg")
    if person:
        headers["Authorization"] = f"Bearer {gateway.tokens.link_token(person, 'phone')}"
    async with (
        ClientSession() as session,
        session.request(method, f"{gateway.base_url}{path}", data=form, headers=headers) as answer,
    ):
        told = await (answer.json() if answer.content_type == "application/json" else answer.read())
        return answer.status, told, dict(answer.headers)


async def test_either_side_sends_what_the_other_fetches(gateway: Gateway, town: Town) -> None:
    corp, member, consumer = town_people(gateway)
    sent: dict[str, Any] = {}
    for sender, reader in ((member, consumer), (consumer, member)):
        status, sent, _ = await ask(gateway, "POST", f"/media?type=image&corp={corp}", sender, JPG)
        assert (status, sent["size"]) == (201, len(JPG))
        status, body, headers = await ask(gateway, "GET", f"/media/{sent['media_id']}", reader)
        assert (status, body, headers["Content-Type"]) == (200, JPG, "image/jpeg")
        part = await ask(gateway, "GET", f"/media/{sent['media_id']}", reader, Range="bytes=0-3")
        assert part[:2] == (206, JPG[:4])
        media = gateway.media.find(corp, sent["media_id"])
        assert media is not None and media.expires_ms == sent["expires_at_ms"]
    await gateway.router.ask(SetClock(advance_ms=LIFETIME_MS))
    assert (await ask(gateway, "GET", f"/media/{sent['media_id']}", member))[0] == 404


async def test_nobody_comes_without_a_token_and_nobody_sends_to_strangers(gateway: Gateway, town: Town) -> None:
    corp, member, consumer = town_people(gateway)
    _, sent, _ = await ask(gateway, "POST", "/media?type=image", member, JPG)
    for method, path, person, body, status in (
        ("GET", f"/media/{sent['media_id']}", "", None, 401),
        ("POST", "/media?type=image", "", JPG, 401),
        ("GET", "/media/none", member, None, 404),
        ("POST", "/media?type=image&corp=wwnone", consumer, JPG, 404),
        ("POST", "/media?type=image&corp=wwnone", member, JPG, 404),
        ("POST", "/media?type=song", member, JPG, 422),
        ("POST", "/media?type=image", member, b"GIF89a" + bytes(100), 422),
        ("POST", "/media?type=voice", member, b"#!AMR\n" + bytes(2 * 1024 * 1024), 413),
        ("POST", "/media?type=file", member, b"12345", 422),
    ):
        assert (await ask(gateway, method, path, person, body))[0] == status, (method, path)
    status, _, _ = await ask(gateway, "GET", f"/media/{sent['media_id']}", member, Origin="http://elsewhere.example")
    assert status == 403
    assert gateway.router.statistics.defects == 0
    assert corp


def town_people(gateway: Gateway) -> tuple[str, str, str]:
    """Give the town's enterprise, one of its members, and a consumer whom it knows."""
    state = gateway.router.state
    (corp,) = state.corps.values()
    return corp.corpid, next(iter(corp.members.values())), next(iter(corp.consumers.values()))
