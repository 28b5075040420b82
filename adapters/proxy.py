"""The forward proxy: leads clients that have the vendor's hosts written in to us, and nobody to anywhere else.

Rules of the file:
- CONNECT to a host of the vendor's on port 443 is answered with 200; then TLS begins on the same connection. From here
  no connection is ever made.
- Everything else is refused with a line that says why, in the status line too: most clients show nothing else.
- Whoever comes has the time that an arrival at the door of TLS has, and is counted as one.
"""

import asyncio
import re
import socket
from contextlib import suppress
from typing import Final

import structlog

from protocol.wecom.hosts import HOSTS

HEAD_BYTES_MAX: Final = 8 * 1024
SHOWN_MAX: Final = 100  # characters of what somebody asked for, in what they are told
TAKEN_BYTES: Final = 64 * 1024  # a read of what is said after a no, to be forgotten

LEADS_TO: Final = f"this proxy leads to {', '.join(HOSTS)} on port 443 alone"

_CONNECT: Final = re.compile(rb"CONNECT ([!-~]{1,300}) HTTP/1\.[01]\r\n")
_TARGETS: Final = frozenset(f"{host}:443".encode() for host in HOSTS)

log = structlog.get_logger()


async def lead(arrived: socket.socket) -> bool:
    """Read what is asked and answer it; false if it leads to nothing."""
    loop = asyncio.get_running_loop()
    head = b""
    while (no := why_not(head)) is None and b"\r\n\r\n" not in head:
        said = await loop.sock_recv(arrived, HEAD_BYTES_MAX)
        if not said:
            return False
        head += said
    if no is None:
        await loop.sock_sendall(arrived, b"HTTP/1.1 200 Connection established\r\n\r\n")
        return True
    log.info("proxy_refused", why=no)
    await loop.sock_sendall(arrived, _refusal(no))
    with suppress(ConnectionError):
        arrived.shutdown(socket.SHUT_WR)
        while await loop.sock_recv(arrived, TAKEN_BYTES):
            pass  # a socket that is closed over something unread takes back what was said on it
    return False


def why_not(head: bytes) -> str | None:
    """Tell what is wrong with what was said so far; None if nothing is, or not yet."""
    if not b"CONNECT ".startswith(head[:8]):
        return f"{LEADS_TO}, and by CONNECT alone: what is not https goes to the gateway's own address"
    if len(head) > HEAD_BYTES_MAX:
        return f"the head of a request has at most {HEAD_BYTES_MAX} bytes"
    line, ended, _ = head.partition(b"\r\n")
    if not ended:
        return None
    asked = _CONNECT.fullmatch(line + ended)
    if asked is None:
        return f"{LEADS_TO}, and this was no request for a host and a port"
    if asked[1].lower() not in _TARGETS:
        return f"{LEADS_TO}, not to {asked[1][:SHOWN_MAX].decode()}"
    if head.partition(b"\r\n\r\n")[2]:
        return "what comes after CONNECT waits for its answer"
    return None


def _refusal(no: str) -> bytes:
    text = f"{no}\n"
    return (
        f"HTTP/1.1 403 {no}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(text)}\r\n"
        f"Connection: close\r\n\r\n{text}"
    ).encode()
