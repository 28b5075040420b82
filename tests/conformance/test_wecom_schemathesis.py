"""What nobody thought of, asked of every call of the vendor's API: requests that are made up from its description.

Rules of the file:
- The same requests in every run: seeded, few of each call, over loopback.
- In half of them, names of the description are filled with what there is in the world, so that calls get far.
- Whatever is asked: status 200, a number of the catalogue and a text, no -1, no defect; a yes is as it is described.
"""

import asyncio
from collections import Counter
from functools import cache
from typing import Any, Final

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from adapters.wecom_api.openapi import document
from protocol.wecom.errcodes import TEXTS
from tests.conformance.wecom import AGENT, SECRET, STORE, ZHANG, Wecom, wecom

__all__ = ["wecom"]

EXAMPLES: Final = 12  # of each call
DOCUMENT: Final = document()
SCHEMA: Final = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS: Final = {one.path: one for result in SCHEMA.get_all_operations() for one in [result.ok()]}  # type: ignore[union-attr]
QUIET: Final = settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@cache
def validator(path: str) -> jsonschema.protocols.Validator:
    (operation,) = DOCUMENT["paths"][path].values()
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def filled(value: Any, there: dict[str, Any]) -> Any:
    """Put what there is where a name asks for it, at any depth."""
    if isinstance(value, dict):
        return {key: there[key] if key in there else filled(one, there) for key, one in value.items()}
    return [filled(one, there) for one in value] if isinstance(value, list) else value


def ask(path: str, url: str, token: str, there: dict[str, Any]) -> Counter[int]:
    """Make up requests of a call, send them, and look at what comes back; give the numbers that came."""
    numbers: Counter[int] = Counter()

    @QUIET
    @given(case=OPERATIONS[path].as_strategy(), real=st.booleans())
    def every(case: schemathesis.Case[Any], real: bool) -> None:
        if real:
            case.body = filled(case.body, there)
            case.query = filled(case.query, there)
        case.query = {**(case.query or {}), "access_token": token}
        answer = case.call(base_url=url)
        assert answer.status_code == 200, case.as_curl_command()
        if answer.headers.get("content-type", [""])[0].startswith("application/json"):
            numbers[looked_at(path, answer.json(), case.as_curl_command())] += 1

    every()
    return numbers


def looked_at(path: str, told: Any, asked: str) -> int:
    number, text = told["errcode"], told["errmsg"]
    assert type(number) is int and type(text) is str, (told, asked)
    assert number in TEXTS, (told, asked)
    assert number != -1, (told, asked)
    complaint = next(validator(path).iter_errors(told), None)
    assert complaint is None, (told, complaint, asked)
    return number


@pytest.mark.parametrize("path", OPERATIONS)
async def test_whatever_is_asked_is_answered_as_described(wecom: Wecom, path: str) -> None:
    there = {"corpid": STORE, "corpsecret": SECRET, "userid": ZHANG, "agentid": AGENT}
    with capture_logs() as logs:
        numbers = await asyncio.to_thread(ask, path, wecom.url, await wecom.token(), there)
    assert numbers, "no answer was looked at"
    assert not [line for line in logs if line["event"] == "defect"]
    assert wecom.gateway.router.statistics.defects == 0
