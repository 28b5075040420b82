"""The envelope: vectors made by another implementation, and everything that keeps one closed."""

from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from protocol.wecom.envelope import (
    ENVELOPE_BYTES_MAX,
    FRESH_S,
    Sealed,
    Secrets,
    Seen,
    Unopened,
    decrypt,
    encrypt,
    key_of,
    read_answer,
    seal,
    sign,
    unseal,
)

NOW_S = 1_700_000_000
AES_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
KEY = bytes(range(32))
PREFIX = b"0123456789abcdef"
SECRETS = Secrets("simtoken", KEY, "wwsimcorp00000001")
CLOSED = "the signature or what is signed is wrong, or it was seen before"

ENCRYPTED = (
    "4j/AuRx71kQlxVlzbpsMWDsQx0UrtkVqatjKm8OLbTgF7+xfUJcMXw1VBxPBcC2z4YBlavSta2yubONmIkSyww==",
    "4j/AuRx71kQlxVlzbpsMWBISlvomC6YoH8j5nFCfw7DZ/Is91fYwteHV/AkIXJdXMKgFtYaSiO2hYFvak58dnw==",
    (
        "4j/AuRx71kQlxVlzbpsMWMQnYXNvWwu7oyG7gqcT72+twZZEMBvIOcpPtKPUA02Hc/vYIpKHoaz4/hadTCMXkkkGXdKkQ2T4"
        "hEnj5S3gIF2lO8sZrM9P4rVvtw3z9ESD"
    ),
)
VECTORS = [
    ("wwsimcorp00000001", b"<xml><A>1</A></xml>", ENCRYPTED[0], "81fa7d343c28f60841e3462acf873c2ef5085ac2"),
    ("", b'{"msgtype":"text"}', ENCRYPTED[1], "2a48b5f7a41606a0edf1fba3caea46e97380163a"),
    ("wwsimcorp00000001", b"x" * 27, ENCRYPTED[2], "70499da245487d6f7a6b8e86a57115b45e6e3f66"),
]


def sealed(message: bytes = b"<xml/>", timestamp: str = str(NOW_S), nonce: str = "n0nce") -> Sealed:
    return seal(SECRETS, message, PREFIX, timestamp, nonce)


def opened(one: Sealed, now_s: int = NOW_S, seen: Seen | None = None) -> bytes:
    return unseal(SECRETS, one, [(now_s, seen or Seen())])


def signed(encrypted: str) -> Sealed:
    """Sign whatever is said to be encrypted, as somebody does who knows the token."""
    return Sealed(encrypted, sign(SECRETS.token, str(NOW_S), "n0nce", encrypted), str(NOW_S), "n0nce")


def ciphertext(plain: bytes) -> str:
    """Encrypt a plaintext as it stands, padding and all."""
    encryptor = Cipher(algorithms.AES(KEY), modes.CBC(KEY[:16])).encryptor()
    return b64encode(encryptor.update(plain) + encryptor.finalize()).decode()


def plaintext(message: bytes = b"<xml/>", receive_id: bytes = b"wwsimcorp00000001") -> bytes:
    return PREFIX + len(message).to_bytes(4, "big") + message + receive_id


def padded(plain: bytes) -> bytes:
    count = 32 - len(plain) % 32
    return plain + bytes([count]) * count


@pytest.mark.parametrize(("receive_id", "message", "encrypted", "signature"), VECTORS)
def test_vectors_of_another_implementation(receive_id: str, message: bytes, encrypted: str, signature: str) -> None:
    secrets = Secrets("simtoken", key_of(AES_KEY), receive_id)
    assert seal(secrets, message, PREFIX, "1700000000", "n0nce") == Sealed(encrypted, signature, "1700000000", "n0nce")
    assert decrypt(secrets, encrypted) == message


def test_a_key_whose_last_character_carries_needless_bits_is_the_same_key() -> None:
    assert key_of(AES_KEY[:-1] + "9") == key_of(AES_KEY) == KEY
    for wrong in ("", AES_KEY[:-1], "é" * 43):
        with pytest.raises(ValueError, match=r"base64|padd|ASCII"):
            key_of(wrong)


@given(st.binary(max_size=100), st.text(max_size=40))
def test_what_was_encrypted_is_decrypted(message: bytes, receive_id: str) -> None:
    secrets = Secrets("t", KEY, receive_id)
    encrypted = encrypt(secrets, message, PREFIX)
    assert decrypt(secrets, encrypted) == message
    assert len(b64decode(encrypted)) % 32 == 0


def test_every_mutation_of_every_byte_gets_the_same_answer() -> None:
    one = sealed()
    raw = b64decode(one.encrypt)
    answers = set()
    for place in range(len(raw)):
        for value in range(256):
            if value != raw[place]:
                mutated = raw[:place] + bytes([value]) + raw[place + 1 :]
                with pytest.raises(Unopened) as no:
                    opened(one._replace(encrypt=b64encode(mutated).decode()))
                answers.add(str(no.value))
    assert answers == {CLOSED}


@pytest.mark.parametrize(
    "encrypted",
    [
        ciphertext(padded(plaintext())[:-1] + b"\xff"),
        ciphertext(padded(plaintext())[:-1] + b"\x00"),
        ciphertext(padded(plaintext())[:-1] + b"\x01"),  # one byte of padding, then eight more of it
        ciphertext(padded(plaintext())[:-2] + b"\x00" + padded(plaintext())[-1:]),  # a byte of the padding is wrong
        ciphertext((plaintext() + b"\x05" * 5).rjust(48, b"0")),  # a multiple of 16 that is none of 32
        ciphertext(padded(plaintext(receive_id=b"wwanother"))),
        ciphertext(padded(plaintext(receive_id=b""))),
        ciphertext(padded(PREFIX + b"\xff\xff\xff\xff" + b"<xml/>")),
        ciphertext(padded(PREFIX)),
        ciphertext(b"\x20" * 32),
        "",
        "AAAA",
        "not base64",
        "é",
    ],
)
def test_what_is_signed_and_wrong_inside_gets_that_answer_too(encrypted: str) -> None:
    with pytest.raises(Unopened) as no:
        opened(signed(encrypted))
    assert str(no.value) == CLOSED


def test_the_cases_above_differ_from_a_good_one_in_one_thing() -> None:
    assert opened(signed(ciphertext(padded(plaintext())))) == b"<xml/>"


def test_a_wrong_signature_is_compared_in_constant_time_whatever_it_is_made_of() -> None:
    for wrong in ("", "é", sealed().signature[:-1], "0" * 40):
        with pytest.raises(Unopened, match=CLOSED):
            opened(sealed()._replace(signature=wrong))
    assert opened(sealed()._replace(signature=sealed().signature.upper())) == b"<xml/>"


def test_an_old_envelope_stays_closed_before_its_signature_is_looked_at() -> None:
    assert opened(sealed(), NOW_S + FRESH_S) == opened(sealed(), NOW_S - FRESH_S) == b"<xml/>"
    for timestamp in (str(NOW_S - FRESH_S - 1), str(NOW_S + FRESH_S + 1), "", "1e9", "-1", "9" * 5000, "１７０"):
        with pytest.raises(Unopened, match="away from now"):
            opened(sealed()._replace(timestamp=timestamp, signature="wrong"))


def test_an_envelope_is_fresh_by_either_clock() -> None:
    clocks = [(NOW_S + 10**6, Seen()), (NOW_S, Seen())]
    assert unseal(SECRETS, sealed(), clocks) == b"<xml/>"
    with pytest.raises(Unopened, match=CLOSED):
        unseal(SECRETS, sealed(), clocks)


def test_nothing_is_opened_twice_and_what_is_forgotten_is_refused_as_too_old() -> None:
    seen = Seen(most=2)
    old = sealed(nonce="a", timestamp=str(NOW_S - 1))
    assert opened(old, seen=seen) == b"<xml/>"
    with pytest.raises(Unopened, match=CLOSED):
        opened(old, seen=seen)
    for nonce in ("b", "c", "d"):
        opened(sealed(nonce=nonce), seen=seen)
    with pytest.raises(Unopened, match="away from now"):
        opened(old, seen=seen)
    assert opened(sealed(nonce="e"), seen=seen) == b"<xml/>"  # of the same second as what was forgotten


def test_what_cannot_be_fresh_again_is_not_remembered() -> None:
    seen = Seen()
    for number in range(100):
        opened(sealed(timestamp=str(NOW_S + number)), NOW_S + number, seen)
    assert len(seen._signatures) == 100
    opened(sealed(timestamp=str(NOW_S + FRESH_S + 50)), NOW_S + FRESH_S + 50, seen)
    assert len(seen._signatures) == 51


def test_letters_moved_between_timestamp_and_nonce_are_the_same_envelope() -> None:
    seen = Seen()
    one = sealed(timestamp=str(NOW_S), nonce="1")
    moved = one._replace(timestamp=f"1{NOW_S}"[: len(str(NOW_S))], nonce=f"{NOW_S}1"[len(str(NOW_S)) :])
    opened(one, seen=seen)
    with pytest.raises(Unopened):
        opened(moved, seen=seen)


def answer(inner: str) -> bytes:
    return f"<xml>{inner}</xml>".encode()


WHOLE = "<Encrypt>E</Encrypt><MsgSignature>S</MsgSignature><{0}>17</{0}><Nonce><![CDATA[N]]></Nonce>"


@pytest.mark.parametrize("spelt", ["TimeStamp", "Timestamp", "timestamp"])
def test_an_answer_is_read_however_its_timestamp_is_spelt(spelt: str) -> None:
    assert read_answer(answer(WHOLE.format(spelt))) == Sealed("E", "S", "17", "N")


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not an envelope"),
        (b"\xff", "not an envelope"),
        (b"success", "not an envelope"),
        (b"<html/>", "not an envelope"),
        (b"<xml><Encrypt>1</Encrypt><encrypt>2</encrypt></xml>", "not an envelope"),
        (f"{BOMB}<xml><Encrypt>&i;</Encrypt></xml>".encode(), "not an envelope"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml/>', "not an envelope"),
        (b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><Encrypt>&a;</Encrypt></xml>', "not an envelope"),
        (b"<xml>&undefined;</xml>", "not an envelope"),
        ("<xml><Encrypt>1</Encrypt></xml>".encode("utf-16"), "not an envelope"),
        (b"<xml>" + b"<a>" * 5000 + b"</xml>", "not an envelope"),
        (b" " * (ENVELOPE_BYTES_MAX + 1), "too large"),
    ],
)
def test_a_body_that_is_no_envelope_is_refused_before_anything_in_it_is_used(body: bytes, why: str) -> None:
    with pytest.raises(Unopened, match=why):
        read_answer(body)
