"""Derived ids: the same always gives the same, and what differs in anything gives another."""

import string

from hypothesis import given
from hypothesis import strategies as st

from protocol.ids import app_key, corp_of, derive, member_key

names = st.text(min_size=1, max_size=20)
made = st.tuples(st.sampled_from(("cv", "wm", "wr", "qr")), names, names, st.integers(0, 10**9))
LETTERS = set(string.ascii_letters + string.digits)


def test_ids_stay_what_they_were() -> None:
    """A change here would give every seeded world other ids: worlds and tests of users name them."""
    assert derive("wm", "hutong", "ww1", 1) == "wmRAu7zkHKVwHGMDp3U5SQtXXB"
    assert derive("cv", "seed", "silk", 12) == "cvUAKiAGYYjY6Tt3doWZCn7yGe"


@given(made)
def test_an_id_has_its_prefix_and_only_letters_and_digits(one: tuple[str, str, str, int]) -> None:
    found = derive(*one)
    assert found == derive(*one)
    assert found.startswith(one[0])
    assert len(found) == 26
    assert set(found) <= LETTERS


@given(made, made)
def test_what_differs_has_another_id(one: tuple[str, str, str, int], other: tuple[str, str, str, int]) -> None:
    assert (derive(*one) == derive(*other)) == (one == other)


@given(names.filter(lambda name: "/" not in name), names.filter(lambda name: "/" not in name and name[0] != "#"))
def test_keys_of_people_and_apps_never_meet(corpid: str, name: str) -> None:
    assert member_key(corpid, name) != app_key(corpid, name)
    assert corp_of(member_key(corpid, name)) == corp_of(app_key(corpid, name)) == corpid
    assert corp_of(name) == ""
