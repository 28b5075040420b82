"""What has happened to address books, and to logins by code; tags 70 to 79."""

from gateway.events.event import Event


class DepartmentDeleted(Event, tag=70):
    corpid: str
    id: int
    time_ms: int


class MemberRenamed(Event, tag=71):
    """A member has another userid from now on; the key stays, so that all that names the member still does."""

    corpid: str
    userid: str
    new_userid: str
    time_ms: int


class BookTagPut(Event, tag=72):
    corpid: str
    id: int
    name: str
    agent_id: str


class BookTagDeleted(Event, tag=73):
    corpid: str
    id: int


class BookTagged(Event, tag=74):
    """Members (by key) and departments have a tag, or have it no longer. Not the whole new value: a tag may have
    30,000 members, who come a thousand at a time."""

    corpid: str
    id: int
    on: bool
    members: tuple[str, ...]
    departments: tuple[int, ...]


class OpenidGiven(Event, tag=75):
    corpid: str
    person: str
    openid: str


class OauthCodeMade(Event, tag=76):
    """A person lets an app know who they are; `private` says that the app may read the details."""

    corpid: str
    agent_id: str
    person: str
    code: str
    private: bool
    time_ms: int


class OauthCodeUsed(Event, tag=77):
    """An app has learned who somebody is; with the ticket, if there is one, it may read the details."""

    corpid: str
    code: str
    agent_id: str
    person: str
    ticket: str
    time_ms: int


class AppSet(Event, tag=78):
    """What an app says of itself."""

    corpid: str
    agent_id: str
    name: str
    description: str
    redirect_domain: str
    home_url: str
    report_location: bool
    report_enter: bool
    logo: str
    time_ms: int


class MenuPut(Event, tag=79):
    """An app's menu, as JSON; none where it is empty."""

    corpid: str
    agent_id: str
    menu: str
    time_ms: int
