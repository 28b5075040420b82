"""The envelope beside two others, in both directions: wechatpy's, and the vendor's own package for JavaScript.

What wechatpy's receiver is known to let through (a signature compared byte by byte, XML taken as it comes, no check of
time or nonce, any padding) is shown here beside ours, which does not.
"""

import json
import shutil
import struct
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from wechatpy.exceptions import InvalidSignatureException
from wechatpy.work.crypto import WeChatCrypto
from wechatpy.work.exceptions import InvalidCorpIdException

from protocol.wecom.envelope import (
    Sealed,
    Secrets,
    Seen,
    Unopened,
    callback_body,
    key_of,
    read_answer,
    seal,
    sign,
    unseal,
)

NODE = Path(__file__).parent / "node"
AES_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
CORP = "wwsimcorp00000001"
SECRETS = Secrets("simtoken", key_of(AES_KEY), CORP)
NOW_S = 1_700_000_000
PREFIX = bytes(range(240, 256))  # no text in any encoding
LENGTHS = (0, 1, 11, 12, 26, 27, 28, 31, 32, 33, 4096)  # on both sides of where the padding turns
MESSAGES = [*("x" * length for length in LENGTHS), "<xml>在吗 \U0001f600</xml>"]
CRYPTO = WeChatCrypto("simtoken", AES_KEY, CORP)


def sealed(message: str, timestamp: str = str(NOW_S), nonce: str = "n0nce") -> Sealed:
    return seal(SECRETS, message.encode(), PREFIX, timestamp, nonce)


def opened(one: Sealed) -> str:
    return unseal(SECRETS, one, [(NOW_S, Seen())]).decode()


@pytest.mark.parametrize("message", MESSAGES)
def test_wechatpy_opens_what_is_sealed_here_and_the_reverse(message: str) -> None:
    ours = sealed(message)
    body = callback_body(CORP, "", ours.encrypt)
    assert CRYPTO.decrypt_message(body, ours.signature, ours.timestamp, ours.nonce) == message
    assert CRYPTO.check_signature(ours.signature, ours.timestamp, ours.nonce, ours.encrypt) == message
    theirs = read_answer(CRYPTO.encrypt_message(message, "n0nce", str(NOW_S)).encode())
    assert opened(theirs) == message


def test_both_refuse_a_wrong_signature_and_another_receiver() -> None:
    ours = sealed("hello")
    with pytest.raises(InvalidSignatureException):
        CRYPTO.check_signature("0" * 40, ours.timestamp, ours.nonce, ours.encrypt)
    other = WeChatCrypto("simtoken", AES_KEY, "wwanother")
    with pytest.raises(InvalidCorpIdException):
        other.check_signature(ours.signature, ours.timestamp, ours.nonce, ours.encrypt)
    with pytest.raises(Unopened):
        opened(read_answer(other.encrypt_message("hello", "n0nce", str(NOW_S)).encode()))


def node(cases: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Have the vendor's package answer many cases at once."""
    binary = shutil.which("node")
    assert binary, "node is missing: scripts/install-test-servers installs it"
    assert (NODE / "node_modules").exists(), "the package is missing: scripts/install-test-servers installs it"
    done = subprocess.run(
        [binary, NODE / "crypto.js"], input=json.dumps(cases).encode(), capture_output=True, check=True
    )
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def test_the_vendors_own_package_opens_what_is_sealed_here_and_the_reverse() -> None:
    common = {"token": "simtoken", "aesKey": AES_KEY, "id": CORP, "timestamp": str(NOW_S), "nonce": "n0nce"}
    ours = [sealed(message) for message in MESSAGES]
    theirs = node(
        [{**common, "encrypt": one.encrypt} for one in ours] + [{**common, "message": message} for message in MESSAGES]
    )
    for one, message, answer in zip(ours, MESSAGES, theirs, strict=False):
        assert answer == {"message": message, "id": CORP, "signature": one.signature}
    for message, answer in zip(MESSAGES, theirs[len(MESSAGES) :], strict=True):
        assert opened(Sealed(answer["encrypt"], answer["signature"], str(NOW_S), "n0nce")) == message


# What wechatpy lets through

BOMB = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><xml><Encrypt>&b;</Encrypt></xml>'


def test_no_document_type_is_read_on_the_way_to_the_signature() -> None:
    with pytest.raises(Unopened, match="not an envelope"):
        read_answer(BOMB)


def test_an_old_envelope_and_a_repeated_one_stay_closed() -> None:
    old = sealed("hello", timestamp="1")
    assert CRYPTO.check_signature(old.signature, old.timestamp, old.nonce, old.encrypt) == "hello"
    with pytest.raises(Unopened, match="away from now"):
        opened(old)
    one, seen = sealed("hello"), Seen()
    unseal(SECRETS, one, [(NOW_S, seen)])
    with pytest.raises(Unopened):
        unseal(SECRETS, one, [(NOW_S, seen)])


def test_padding_out_of_range_stays_closed() -> None:
    plain = PREFIX + (5).to_bytes(4, "big") + b"hello" + CORP.encode()
    broken = plain.ljust(64, b"\xff")
    encryptor = Cipher(algorithms.AES(SECRETS.key), modes.CBC(SECRETS.key[:16])).encryptor()
    encrypted = b64encode(encryptor.update(broken) + encryptor.finalize()).decode()
    one = Sealed(encrypted, sign("simtoken", str(NOW_S), "n0nce", encrypted), str(NOW_S), "n0nce")
    with pytest.raises(struct.error):  # nothing was left of it, and nobody had noticed
        CRYPTO.check_signature(one.signature, one.timestamp, one.nonce, one.encrypt)
    with pytest.raises(Unopened):
        opened(one)


def test_a_signature_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def note(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr("protocol.wecom.envelope.compare_digest", note)
    one = sealed("hello")
    with pytest.raises(Unopened):
        opened(one._replace(signature="f" * 40))
    assert compared == [(one.signature.encode(), b"f" * 40)]
