"""Tokens that are not to the letter what was made here open nothing; keys follow one another, two at a time."""

import json
import os
import random
import string
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.real_clock import RealClock
from adapters.tokens import KEYS_FILE, Key, Keys, Rejected, TokenBox
from adapters.wecom_api.access import AccessTokens
from gateway import events
from gateway.ports import CannotOpen, ResumePoint
from gateway.state import State

MUTATIONS = int(os.environ.get("FORGERIES", "10000")) // 4  # of each of four kinds of token
NOW_MS = 1_700_000_000_000
LETTERS = string.ascii_letters + string.digits + "-_=+/.~ \n\x00é"


@pytest.fixture
def box() -> TokenBox:
    return TokenBox(Keys.fresh(), RealClock())


def mutated(token: str, dice: random.Random) -> str:
    """Change, add, drop, swap or repeat something; once, or a few times."""
    letters = list(token)
    for _ in range(dice.choice((1, 1, 1, 2, 5))):
        place, kind = dice.randrange(len(letters)), dice.randrange(6)
        if kind == 0:
            letters[place] = dice.choice(LETTERS)
        elif kind == 1:
            letters.insert(place, dice.choice(LETTERS))
        elif kind == 2:
            del letters[place]
        elif kind == 3:
            letters[place] = letters[place].swapcase()
        elif kind == 4:
            letters.append(dice.choice(LETTERS))
        else:
            other = dice.randrange(len(letters))
            letters[place], letters[other] = letters[other], letters[place]
        if not letters:
            return ""
    return "".join(letters)


def opening_nothing(good: str, opens: Callable[[str], object]) -> set[object]:
    """Give all that mutations of a token are answered with."""
    dice = random.Random(0)
    answers = set()
    for _ in range(MUTATIONS):
        other = mutated(good, dice)
        if other != good:
            answers.add(opens(other))
    return answers


def said(open_: Callable[[str], object], token: str) -> str:
    try:
        return f"opened: {open_(token)}"
    except Rejected as no:
        return str(no)


def test_no_mutation_of_a_link_token_opens_a_link_and_all_are_answered_alike(box: TokenBox) -> None:
    good = box.link_token("wwtown/wu", "phone")
    assert box.read_link_token(good).person == "wwtown/wu"
    assert opening_nothing(good, lambda token: said(box.read_link_token, token)) == {"the token does not open a link"}


def test_no_mutation_of_a_ticket_opens_a_link_and_all_are_answered_alike(box: TokenBox) -> None:
    good = box.ticket(box.read_link_token(box.link_token("amy", "phone")))
    assert opening_nothing(good, lambda ticket: said(box.spend_ticket, ticket)) == {"the ticket does not open a link"}
    assert box.spend_ticket(good).person == "amy"


def test_no_mutation_of_a_resume_token_says_where_a_device_stands(box: TokenBox) -> None:
    good = box.resume_token(ResumePoint(3, "wwtown/wu", 41))
    assert box.read_resume_token(good) == ResumePoint(3, "wwtown/wu", 41)
    assert opening_nothing(good, box.read_resume_token) == {None}


def test_no_mutation_of_an_access_token_says_who_calls() -> None:
    state, tokens = State(), AccessTokens(b"k" * 32)
    state.apply(events.CorpPut("wwtown", "Town", "Town", "certified", 0, NOW_MS))
    state.apply(events.AppPut("wwtown", "1000002", "crm", "s" * 32))
    corp = state.corps["wwtown"]
    good, _ = tokens.give(state, NOW_MS, corp, corp.apps["1000002"])
    assert tokens.read(state, NOW_MS, good) == ("wwtown", "1000002")
    assert opening_nothing(good, lambda token: tokens.read(state, NOW_MS, token)) == {"invalid"}


# Keys


async def test_a_token_outlives_one_change_of_keys_and_not_two(box: TokenBox) -> None:
    first = box.link_token("amy", "phone")
    ticket = box.ticket(box.read_link_token(first))
    await box.rotate()
    second = box.link_token("amy", "phone")
    key_ids = [box.read_link_token(token).key_id for token in (second, first)]
    assert key_ids == [key.id for key in box.keys.signing] and len(set(key_ids)) == 2
    await box.rotate()
    assert box.read_link_token(second).person == "amy"
    assert said(box.read_link_token, first) == "the token does not open a link"
    assert said(box.spend_ticket, ticket) == "the ticket does not open a link"


async def test_a_key_is_chosen_by_its_id_and_by_nothing_else(box: TokenBox) -> None:
    """A token that was signed with one of the good keys, and names the other, is none."""
    await box.rotate()
    new, old = box.keys.signing
    for named, used in ((new, old), (old, new)):
        crossed = TokenBox(box.keys._replace(signing=(Key(named.id, used.secret),)), RealClock())
        assert said(box.read_link_token, crossed.link_token("amy", "phone")) == "the token does not open a link"
        honest = TokenBox(box.keys._replace(signing=(named,)), RealClock())
        assert box.read_link_token(honest.link_token("amy", "phone")).key_id == named.id


async def test_what_else_is_sealed_does_not_change_with_the_keys_of_links(box: TokenBox) -> None:
    before, resume = box.keys, box.resume_token(ResumePoint(1, "amy", 2))
    await box.rotate()
    kept = (box.keys.folder_id, box.keys.access, box.keys.files)
    assert kept == (before.folder_id, before.access, before.files)
    assert box.read_resume_token(resume) == ResumePoint(1, "amy", 2)


async def test_keys_are_kept_over_a_restart_for_the_owner_alone(tmp_path: Path) -> None:
    box = TokenBox(Keys.kept_in(tmp_path), RealClock(), tmp_path)
    assert Keys.kept_in(tmp_path) == box.keys
    await box.rotate()
    assert Keys.kept_in(tmp_path) == box.keys and len(box.keys.signing) == 2
    assert (tmp_path / KEYS_FILE).stat().st_mode & 0o777 == 0o600


def test_keys_of_before_there_were_two_are_read(tmp_path: Path) -> None:
    kept = {"key_id": "c0ffee00", "link": "11" * 32, "resume": "22" * 16}
    (tmp_path / KEYS_FILE).write_text(json.dumps(kept))
    keys = Keys.kept_in(tmp_path)
    assert (keys.folder_id, keys.signing) == ("c0ffee00", (Key("c0ffee00", b"\x11" * 32),))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"key_id": "a", "link": "11", "resume": "22", "signing": {}}',
             '{"key_id": "a", "link": "11", "resume": "22", "signing": {"a": "1", "b": "1"}}',
             '{"key_id": "a", "link": "11", "resume": "22", "signing": {"a": "11", "b": "11", "c": "11"}}']
)  # fmt: skip
def test_keys_that_cannot_be_read_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / KEYS_FILE).write_text(text)
    with pytest.raises(CannotOpen, match=KEYS_FILE):
        Keys.kept_in(tmp_path)


def test_keys_do_not_show_themselves() -> None:
    keys = Keys.fresh()
    shown = f"{keys!r} {keys} {keys.signing}"
    assert keys.signing[0].secret.hex() not in shown and repr(keys.root) not in shown


# Time


def test_what_has_expired_stays_so_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    box, real_ns = TokenBox(Keys.fresh(), RealClock()), time.time_ns()
    token = box.link_token("amy", "phone", 60)
    monkeypatch.setattr(time, "time_ns", lambda: real_ns + 120 * 10**9)
    assert said(box.read_link_token, token) == "the token does not open a link"
    monkeypatch.setattr(time, "time_ns", lambda: real_ns)
    assert said(box.read_link_token, token) == "the token does not open a link"


def test_a_clock_that_is_set_back_makes_no_good_token_worthless(monkeypatch: pytest.MonkeyPatch) -> None:
    box, real_ns = TokenBox(Keys.fresh(), RealClock()), time.time_ns()
    token = box.link_token("amy", "phone", 60)
    monkeypatch.setattr(time, "time_ns", lambda: real_ns - 3600 * 10**9)
    assert box.read_link_token(token).person == "amy"


def test_a_ticket_is_good_for_thirty_seconds(box: TokenBox, monkeypatch: pytest.MonkeyPatch) -> None:
    claims, made_s = box.read_link_token(box.link_token("amy", "phone")), time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: made_s)
    early, late = box.ticket(claims), box.ticket(claims)
    monkeypatch.setattr(time, "monotonic", lambda: made_s + 28)
    assert box.spend_ticket(early).person == "amy"
    monkeypatch.setattr(time, "monotonic", lambda: made_s + 31)
    assert said(box.spend_ticket, late) == "the ticket does not open a link"
