"""Cursors of the vendor's API: opaque, made of where the next page begins and of nothing that is kept here.

They count places in tables that only ever grow, so that a page costs what stands in it. One that was not given here is
50100 (DOC 90313).
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error

from adapters.wecom_api.call import No


def cursor(*places: int) -> str:
    """Write a cursor."""
    return urlsafe_b64encode(" ".join(map(str, places)).encode()).decode().rstrip("=")


def places(text: str, count: int) -> list[int]:
    """Read a cursor of so many places; an empty one begins at the beginning."""
    if not text:
        return [0] * count
    try:
        numbers = [int(word) for word in urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().split(" ")]
    except (ValueError, Error) as why:
        raise No(50100) from why
    if len(numbers) != count or not all(0 <= number < 2**63 for number in numbers):
        raise No(50100)
    return numbers
