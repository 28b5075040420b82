"""Where callbacks may lead: to this machine, or by https to public addresses; anywhere, if that was said.

Whoever writes a world file writes addresses into it, and whoever runs it may stand in a network that trusts them. So
the address itself is looked at, where a connection to it is made: whatever name it had, and whatever that name meant
a moment before.
"""

from errno import EACCES
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from socket import socket
from typing import Final

from aiohttp import AddrInfoType
from yarl import URL

PUBLIC_PORTS: Final = (443, 8443)
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")  # addresses of IPv4, as NAT64 writes them (RFC 6052)


class NotLed(OSError):
    """A connection that is not made; the text says what would have it made."""


def wrong_with(url: URL) -> str:
    """Say what is wrong with the form of an address; nothing if nothing is."""
    if url.scheme not in ("http", "https") or not url.host:
        return "the address is none of http or https"
    return "the address has a name and a password in it" if url.user or url.password else ""


class Sockets:
    """Makes sockets for addresses that may be led to: by `https`, or else by http."""

    def __init__(self, *, https: bool, anywhere: bool) -> None:
        self._https = https
        self._anywhere = anywhere

    def __call__(self, found: AddrInfoType) -> socket:
        """Make the socket of a connection that is about to be made to this very address; `NotLed` if it may not be."""
        family, kind, protocol, _name, (host, port, *_) = found
        if not (self._anywhere or self._may_lead_to(ip_address(host), int(port))):
            raise NotLed(
                EACCES,
                f"{host}:{port} is neither this machine nor a public address by https on port 443 or 8443: see "
                "--callbacks-anywhere",
            )
        return socket(family, kind, protocol)

    def _may_lead_to(self, address: IPv4Address | IPv6Address, port: int) -> bool:
        address = _meant(address)
        return address.is_loopback or (self._https and port in PUBLIC_PORTS and _is_public(address))


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Give the address of IPv4 that one of IPv6 stands for, if it does."""
    return address if isinstance(address, IPv4Address) else address.ipv4_mapped or address


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if address in _TRANSLATED:
        return _is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    if isinstance(address, IPv6Address) and (address.sixtofour or address.teredo or address.is_site_local):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)
