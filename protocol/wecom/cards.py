"""What of a template card a person can act on, in the vendor's own words (DOC 90236, 101463)."""

import msgspec
from msgspec import Struct


class Key(Struct, frozen=True):
    key: str = ""


class Named(Struct, frozen=True):
    id: str = ""


class Menu(Struct, frozen=True):
    action_list: tuple[Key, ...] = ()


class Buttons(Struct, frozen=True):
    """The buttons of a card, wherever they stand; the rest of it is between the bot and the screen."""

    task_id: str = ""
    button_list: tuple[Key, ...] = ()
    card_menu: Menu = Menu()
    submit_button: Key = Key()
    feedback: Named = Named()

    @property
    def keys(self) -> tuple[str, ...]:
        named = (*self.button_list, *self.card_menu.action_list, self.submit_button)
        return tuple(one.key for one in named if one.key)


def buttons_of(card: object) -> Buttons:
    """Find the buttons; a card that is laid out otherwise has none."""
    try:
        return msgspec.convert(card, Buttons)
    except msgspec.ValidationError:
        return Buttons()
