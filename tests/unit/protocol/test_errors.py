"""The table of reasons: no number and no name twice, and the numbers that clients already know stay."""

from collections import Counter
from typing import get_args

from protocol import errors
from protocol.errors import POLICIES, REASONS, Advice, Close, by_code


def test_no_number_no_name_and_no_text_is_used_twice() -> None:
    for field in ("code", "name", "text"):
        counted = Counter(getattr(reason, field) for reason in REASONS.values())
        assert max(counted.values()) == 1, field


def test_every_reason_has_a_policy_an_advice_and_a_sentence() -> None:
    for name, reason in REASONS.items():
        assert reason.name == name
        assert reason.code // 100 in POLICIES
        assert reason.advice in get_args(Advice)
        assert reason.text
        assert reason.text[0].islower()
        assert getattr(errors, name.upper()) is reason
        assert by_code(reason.code) is reason


def test_numbers_that_clients_know_stay() -> None:
    known = {
        "unknown_conversation": 910001, "stale_number": 910002, "reused_number": 910003, "unavailable": 910004,
        "not_activated": 910101, "not_real_name": 910102, "departed": 910103, "not_related": 910201,
        "pending": 910202, "not_in_group": 910203, "badge_too_low": 910301, "scale_exhausted": 910302,
        "text_too_long": 910402, "body_too_large": 910403, "blocked": 910501, "muted": 910502,
        "sender_frequency": 910601, "conversation_frequency": 910602, "recipient_frequency": 910603,
        "corp_frequency": 910604, "group_full": 910701, "qr_closed": 910702,
    }  # fmt: skip
    assert {name: REASONS[name].code for name in known} == known


def test_close_codes_are_rfc_6455s_or_ours() -> None:
    assert all(1000 <= close <= 1015 or 4400 <= close <= 4499 for close in Close)
    assert {"RESTART": 1012, "NOT_AUTHENTICATED": 4401, "REPLACED": 4409}.items() <= Close.__members__.items()
