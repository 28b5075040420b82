"""Enterprises: certification, apps, departments, and who belongs to them."""

from typing import Final

from msgspec import Struct, field

from gateway.profile import RANK, Certification, Profile
from gateway.rights import Rights
from gateway.state.app_messages import AppMessages
from gateway.state.book import Book
from gateway.state.bots import Bot
from gateway.state.jobs import Outcome
from gateway.state.mass import Mass
from gateway.state.media import Shelf
from gateway.state.tags import TagLibrary
from gateway.state.ways import Ways

ROOT: Final = 1  # the department above all others, there or not (DOC 90205)


class AppSheet(Struct, array_like=True):
    """What an app says of itself; `menu` is JSON, and empty where it has none."""

    description: str = ""
    redirect_domain: str = ""
    home_url: str = ""
    report_location: bool = False
    report_enter: bool = False
    logo: str = ""
    menu: str = ""


class App(Struct, array_like=True):
    agent_id: str
    name: str
    secret: str
    callback_url: str = ""
    callback_token: str = ""
    callback_aes_key: str = ""
    conversations: dict[str, str] = field(default_factory=dict)  # person → conversation
    due: list[int] = field(default_factory=list)  # positions of the newest records it is to be called back about
    rights: Rights = Rights()
    callback_verified: bool = False  # the receiver has answered the check of its address as it stands
    sheet: AppSheet | None = None
    bot: Bot | None = None  # set where the app is a bot, which hears over a connection of its own

    @property
    def callback(self) -> tuple[str, str, str]:
        """Give where and how it is called back."""
        return self.callback_url, self.callback_token, self.callback_aes_key


class Department(Struct, array_like=True):
    """A department. `leaders` are keys, and follow from what the members say of themselves."""

    id: int
    name: str
    parent: int = 0
    store: bool = False
    name_en: str = ""
    order: int = 0
    leaders: list[str] = field(default_factory=list)


class AppGroup(Struct, array_like=True, frozen=True):
    agent_id: str
    conversation: str


class Corp(Struct, array_like=True):
    """An enterprise. `customers` counts consumers with at least one tie; `made` numbers what was made here."""

    corpid: str
    name: str
    short_name: str
    certification: Certification = "unverified"
    certified_until_ms: int = 0
    apps: dict[str, App] = field(default_factory=dict)
    departments: dict[int, Department] = field(default_factory=dict)
    members: dict[str, str] = field(default_factory=dict)  # userid → key
    consumers: dict[str, str] = field(default_factory=dict)  # external_userid → handle
    chats: dict[str, str] = field(default_factory=dict)  # chat_id → conversation
    customers: int = 0
    made: int = 0
    outcomes: dict[str, Outcome] = field(default_factory=dict)  # of MQTT commands
    since_position: int = 0
    media: Shelf = field(default_factory=Shelf)
    ways: Ways = field(default_factory=Ways)
    mass: Mass = field(default_factory=Mass)
    messages: AppMessages = field(default_factory=AppMessages)
    tags: TagLibrary = field(default_factory=TagLibrary)
    app_groups: dict[str, AppGroup] = field(default_factory=dict)  # chat_id → the group of members that an app made
    book: Book = field(default_factory=Book)

    def certification_at(self, now_ms: int) -> Certification:
        """Give the certification that counts now: a certified enterprise past its date is only verified."""
        if self.certification == "certified" and 0 < self.certified_until_ms <= now_ms:
            return "verified"
        return self.certification

    def has(self, least: Certification, now_ms: int) -> bool:
        return RANK[self.certification_at(now_ms)] >= RANK[least]

    def customers_max(self, profile: Profile, now_ms: int) -> int:
        """Give how many customers the enterprise may have; 0 means no bound."""
        certification = self.certification_at(now_ms)
        if certification == "certified":
            return profile.customers_certified_max
        return profile.customers_verified_max if certification == "verified" else profile.customers_unverified_max

    def members_max(self, profile: Profile, now_ms: int) -> int:
        """Give how many members the address book has room for; 0 means no bound."""
        certification = self.certification_at(now_ms)
        if certification == "certified":
            return profile.members_certified_max
        return profile.members_verified_max if certification == "verified" else profile.members_unverified_max

    def department(self, id_: int) -> Department | None:
        """Give a department; the root is there also where nobody has made it, and is called as the enterprise."""
        known = self.departments.get(id_)
        return Department(ROOT, self.name) if known is None and id_ == ROOT else known

    def tree(self) -> dict[int, Department]:
        """Give all departments, the root first."""
        root = self.department(ROOT)
        assert root is not None, "there is always a root"
        return {ROOT: root, **self.departments}

    def above(self, id_: int) -> int:
        """Give the id of the department above one; 0 above the root."""
        return 0 if id_ == ROOT else self.departments[id_].parent or ROOT

    def below(self, id_: int) -> dict[int, None]:
        """Give the ids of a department and of all beneath it, those above first."""
        children: dict[int, list[int]] = {}
        for one in self.departments:
            children.setdefault(self.above(one), []).append(one)
        found: dict[int, None] = {}
        waiting = [id_]
        while waiting:
            one = waiting.pop(0)
            found[one] = None
            waiting += children.get(one, ())
        return found
