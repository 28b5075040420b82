"""What is asked of the proxy: yes to the vendor's hosts on port 443, no to everything else, and why."""

import pytest

from adapters.proxy import HEAD_BYTES_MAX, why_not
from protocol.wecom.hosts import HOSTS

ELSEWHERE = [
    "example.com:443",
    "qyapi.weixin.qq.com:80",
    "qyapi.weixin.qq.com:8443",
    "qyapi.weixin.qq.com:0443",
    "qyapi.weixin.qq.com",
    "qyapi.weixin.qq.com:",
    "qyapi.weixin.qq.com.:443",
    "qyapi.weixin.qq.com.example.com:443",
    "xqyapi.weixin.qq.com:443",
    "sub.qyapi.weixin.qq.com:443",
    "weixin.qq.com:443",
    "example.com:443@qyapi.weixin.qq.com:443",
    "user@qyapi.weixin.qq.com:443",
    "127.0.0.1:443",
    "127.0.0.1:8480",
    "localhost:443",
    "[::1]:443",
    "[::ffff:127.0.0.1]:443",
    "https://qyapi.weixin.qq.com:443",
    "/",
    "*",
]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_vendors_hosts_are_led_here(host: str, version: str) -> None:
    for spelt in (host, host.upper()):
        assert why_not(f"CONNECT {spelt}:443 HTTP/{version}\r\nHost: whatever\r\n\r\n".encode()) is None


@pytest.mark.parametrize("target", ELSEWHERE)
def test_nobody_is_led_elsewhere(target: str) -> None:
    no = why_not(f"CONNECT {target} HTTP/1.1\r\nHost: qyapi.weixin.qq.com:443\r\n\r\n".encode())
    assert no is not None
    assert no.endswith(f"on port 443 alone, not to {target}")


@pytest.mark.parametrize(
    "said",
    [
        b"GET http://qyapi.weixin.qq.com/cgi-bin/gettoken HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\n",
        b"connect qyapi.weixin.qq.com:443 HTTP/1.1\r\n",
        b"OPTIONS * HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00",
        b"\x05\x01\x00",
        b"C\r\n",
    ],
)
def test_what_is_no_connect_is_refused_at_its_first_bytes(said: bytes) -> None:
    no = why_not(said)
    assert no is not None
    assert "by CONNECT alone" in no
    assert why_not(said[:8]) == no


@pytest.mark.parametrize(
    "line",
    [
        b"CONNECT qyapi.weixin.qq.com:443",
        b"CONNECT qyapi.weixin.qq.com:443 HTTP/2",
        b"CONNECT  HTTP/1.1",
        b"CONNECT qyapi.weixin.qq.com:443  HTTP/1.1",
        b"CONNECT qyapi.weixin.qq.com:443 evil HTTP/1.1",
        b"CONNECT qyapi.weixin.qq.com:443\n HTTP/1.1",
        b"CONNECT qy\xe9.com:443 HTTP/1.1",
        b"CONNECT qyapi.weixin.qq.com:443\x00 HTTP/1.1",
        b"CONNECT " + b"x" * 301 + b" HTTP/1.1",
    ],
)
def test_request_that_is_none_is_refused_and_not_repeated(line: bytes) -> None:
    no = why_not(line + b"\r\n")
    assert no is not None
    assert no.endswith("this was no request for a host and a port")


def test_what_has_not_come_yet_is_waited_for() -> None:
    whole = b"CONNECT qyapi.weixin.qq.com:443 HTTP/1.1\r\nHost: x\r\n\r\n"
    assert [why_not(whole[:length]) for length in range(len(whole) + 1)] == [None] * (len(whole) + 1)


def test_head_has_a_bound() -> None:
    begun = b"CONNECT qyapi.weixin.qq.com:443 HTTP/1.1\r\nX: "
    most = begun + b"x" * (HEAD_BYTES_MAX - len(begun))
    assert why_not(most) is None
    assert why_not(most + b"x") == f"the head of a request has at most {HEAD_BYTES_MAX} bytes"


def test_bytes_that_do_not_wait_for_the_answer_are_refused() -> None:
    assert why_not(b"CONNECT qyapi.weixin.qq.com:443 HTTP/1.1\r\n\r\n\x16\x03") == (
        "what comes after CONNECT waits for its answer"
    )


def test_what_is_repeated_of_a_request_has_a_bound() -> None:
    no = why_not(b"CONNECT " + b"x" * 290 + b":443 HTTP/1.1\r\n")
    assert no is not None
    assert no.endswith("not to " + "x" * 100)
