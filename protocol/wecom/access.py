"""Words of access (DOC 91039, 90930): tokens, and where calls and callbacks come from."""

from protocol.wecom.reply import Asked, Reply


class TokenAsked(Asked, frozen=True):
    corpid: str
    corpsecret: str


class TokenReply(Reply, frozen=True, kw_only=True):
    access_token: str
    expires_in: int


class AddressesReply(Reply, frozen=True, kw_only=True):
    ip_list: list[str]


class Nothing(Asked, frozen=True):
    """A request that says nothing."""


__all__ = ["AddressesReply", "Nothing", "TokenAsked", "TokenReply"]
