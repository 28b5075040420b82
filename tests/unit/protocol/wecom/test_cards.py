"""The buttons of a card, wherever the vendor puts them (DOC 90236), and none where a card is laid out otherwise."""

from typing import Any

import pytest

from protocol.wecom.cards import buttons_of

BUTTON = {"text": "OK", "style": 1, "key": "ok"}
MENU = {"desc": "more", "action_list": [{"text": "Mute", "key": "mute"}, {"text": "Hide", "key": "hide"}]}
VOTE = {"checkbox": {"question_key": "q", "option_list": [{"id": "a", "text": "A"}]}, "submit_button": BUTTON}


@pytest.mark.parametrize(
    ("card", "keys"),
    [
        ({"card_type": "button_interaction", "button_list": [BUTTON, {"text": "No", "key": "no"}]}, ("ok", "no")),
        ({"card_type": "text_notice", "card_menu": MENU, "card_action": {"type": 1, "url": "x"}}, ("mute", "hide")),
        ({"card_type": "vote_interaction", **VOTE}, ("ok",)),
        ({"card_type": "button_interaction", "button_list": [{"text": "a link", "type": 1, "url": "x"}]}, ()),
        ({"card_type": "text_notice"}, ()),
        ({"button_list": "not a list"}, ()),
        ({"button_list": [{"key": 7}]}, ()),
        ({"task_id": None, "button_list": [BUTTON]}, ()),
    ],
)
def test_the_buttons_of_a_card(card: dict[str, Any], keys: tuple[str, ...]) -> None:
    assert buttons_of(card).keys == keys


def test_a_card_says_which_task_it_is_and_under_which_name_it_is_judged() -> None:
    card = buttons_of({"task_id": "t-1", "feedback": {"id": "f-1"}, "button_list": [BUTTON]})
    assert (card.task_id, card.feedback.id) == ("t-1", "f-1")
