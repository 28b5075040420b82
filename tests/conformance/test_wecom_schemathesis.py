"""What nobody thought of, asked of every call of the vendor's API: requests that are made up from its description.

Rules of the file:
- The same requests in every run: derandomized, few of each call, right and wrong ones, over loopback; what deletes
  comes last.
- In half of them, names are filled with what there is in the world, or what an earlier answer told, so that calls get
  far.
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

from adapters.wecom_api.call import CALLS
from adapters.wecom_api.openapi import PREFIX, document
from protocol.wecom.errcodes import TEXTS
from tests.conformance.wecom import AGENT, AMY, SECRET, STORE, ZHANG, Wecom, wecom

__all__ = ["wecom"]

EXAMPLES: Final = 5  # of each call
ENDINGS: Final = ("del", "cancel", "remove", "transfer")  # of what there is
DOCUMENT: Final = document()
SCHEMA: Final = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS: Final = {one.path: one for result in SCHEMA.get_all_operations() for one in [result.ok()]}  # type: ignore[union-attr]
QUIET: Final = settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip

There = dict[str, str | int]


def in_order() -> list[str]:
    """Give the paths, each call once, under its first name; those that end something come last."""
    calls = {call.handler: PREFIX + call.path for call in CALLS.values() if PREFIX + call.path in OPERATIONS}
    return sorted(calls.values(), key=lambda path: any(word in path.rpartition("/")[2] for word in ENDINGS))


@cache
def validator(path: str) -> jsonschema.protocols.Validator:
    (operation,) = DOCUMENT["paths"][path].values()
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def filled(value: Any, there: There) -> Any:
    """Put what there is where a name asks for it, at any depth; a list of it where a list stood."""
    if isinstance(value, list):
        return [filled(one, there) for one in value]
    if not isinstance(value, dict):
        return value
    known = {key: there.get(key, there.get(key.removesuffix("_list").removesuffix("list"))) for key in value}
    return {
        key: filled(one, there) if found is None else [found] if isinstance(one, list) else found
        for key, one in value.items()
        for found in [known[key]]
    }


def learn(told: Any, there: There) -> None:
    """Note the ids that an answer tells."""
    for key, value in told.items() if isinstance(told, dict) else ():
        if key.endswith(("id", "_code", "cursor")) and isinstance(value, str | int) and value:
            there.setdefault(key, value)
        for one in value if isinstance(value, list) else (value,):
            learn(one, there)


def cases(path: str) -> st.SearchStrategy[Any]:
    """Make up what should be asked, and where something can be wrong, what should not."""
    operation = OPERATIONS[path]
    (described,) = DOCUMENT["paths"][path].values()
    good = operation.as_strategy()
    if not described["parameters"] and "requestBody" not in described:
        return good
    return good | operation.as_strategy(schemathesis.GenerationMode.NEGATIVE)


def ask(path: str, url: str, token: str, there: There) -> Counter[int]:
    """Make up requests of a call, send them, and look at what comes back; give the numbers that came."""
    numbers: Counter[int] = Counter()

    @QUIET
    @given(case=cases(path), real=st.booleans())
    def every(case: schemathesis.Case[Any], real: bool) -> None:
        if real:
            case.body, case.query = filled(case.body, there), filled(case.query, there)
        case.query = {**(case.query or {}), "access_token": token}
        answer = case.call(base_url=url)
        assert answer.status_code == 200, case.as_curl_command()
        if answer.headers.get("content-type", [""])[0].startswith("application/json"):
            numbers[looked_at(path, answer.json(), case.as_curl_command())] += 1
            learn(answer.json(), there)

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


async def test_whatever_is_asked_is_answered_as_described(wecom: Wecom, subtests: pytest.Subtests) -> None:
    amy = (await wecom.control("GET", f"/people/{AMY}"))["external_userids"][STORE]
    there: There = {
        "corpid": STORE, "corpsecret": SECRET, "userid": ZHANG, "user": ZHANG, "sender": ZHANG, "agentid": AGENT,
        "external_userid": amy, "chat_id": "wrpeoplesroad", "department": 1, "department_id": 1, "party": 1,
    }  # fmt: skip
    token, answered = await wecom.token(), Counter[int]()
    with capture_logs() as logs:
        for path in in_order():
            with subtests.test(path=path):
                numbers = await asyncio.to_thread(ask, path, wecom.url, token, there)
                assert numbers, "no answer was looked at"
                assert not [line for line in logs if line["event"] == "defect"]
                assert wecom.gateway.router.statistics.defects == 0
                answered += numbers
    assert answered[0] > len(in_order()) / 2, "too few calls get anywhere"
