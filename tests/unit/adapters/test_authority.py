"""The authority of a data folder: kept, closed to others, bound to a few names, as OpenSSL's own tool says."""

import os
import subprocess
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from adapters import authority
from adapters.authority import Authority, kept_in
from adapters.data_folder import replace
from gateway.ports import CannotOpen
from protocol.wecom.hosts import HOSTS

PEM = serialization.Encoding.PEM
NO_PASSWORD = serialization.NoEncryption()


def kept(data: Path) -> Authority:
    return kept_in(data, ExitStack())


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def refused(data: Path) -> str:
    """Give the reason, which is one line; what is there stays as it is."""
    before = {path: path.read_bytes() for path in (data / "tls").iterdir()}
    with pytest.raises(CannotOpen) as why:
        kept(data)
    assert {path: path.read_bytes() for path in (data / "tls").iterdir()} == before
    assert "\n" not in str(why.value)
    return str(why.value)


def test_first_use_makes_what_only_the_owner_may_read(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        made = kept(tmp_path / "new" / "data")
    finally:
        os.umask(old)
    folder = tmp_path / "new" / "data" / "tls"
    assert made.file == folder / "ca.pem"
    assert sorted(path.name for path in folder.iterdir()) == ["ca.key", "ca.pem"]
    assert [mode(path) for path in (folder, folder / "ca.key", folder.parent)] == [0o700, 0o600, 0o700]


def test_second_use_keeps_both_files(tmp_path: Path) -> None:
    first = kept(tmp_path)
    before = [path.read_bytes() for path in sorted((tmp_path / "tls").iterdir())]
    second = kept(tmp_path)
    assert second.certificate == first.certificate
    assert [path.read_bytes() for path in sorted((tmp_path / "tls").iterdir())] == before


def test_failed_start_leaves_nothing_behind_and_takes_nothing_away(tmp_path: Path) -> None:
    with ExitStack() as undo:
        kept_in(tmp_path / "new" / "data", undo)
    assert list(tmp_path.iterdir()) == []
    kept(tmp_path / "data")
    with ExitStack() as undo:
        kept_in(tmp_path / "data", undo)
    assert len(list((tmp_path / "data" / "tls").iterdir())) == 2


def test_crash_between_key_and_certificate_is_survived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash_at_certificate(path: Path, content: bytes) -> None:
        if path.name == "ca.pem":
            raise KeyboardInterrupt
        replace(path, content)

    with monkeypatch.context() as crashing:
        crashing.setattr(authority, "replace", crash_at_certificate)
        with pytest.raises(KeyboardInterrupt):
            kept(tmp_path)
    key = (tmp_path / "tls" / "ca.key").read_bytes()
    assert kept(tmp_path).certificate == kept(tmp_path).certificate
    assert (tmp_path / "tls" / "ca.key").read_bytes() == key


@pytest.mark.parametrize(("name", "bits"), [("", 0o710), ("", 0o701), ("ca.key", 0o640), ("ca.key", 0o604)])
def test_what_others_may_read_is_refused_until_it_is_closed(tmp_path: Path, name: str, bits: int) -> None:
    first = kept(tmp_path)
    path = tmp_path / "tls" / name
    path.chmod(bits)
    assert f"is open to others (mode {bits:o}): `chmod go= {path}`" in refused(tmp_path)
    subprocess.run(["/bin/chmod", "go=", path], check=True)
    assert kept(tmp_path).certificate == first.certificate


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    kept(tmp_path / "a")
    kept(tmp_path / "b")
    own, other = tmp_path / "a" / "tls", tmp_path / "b" / "tls"
    (own / "ca.pem").write_bytes((other / "ca.pem").read_bytes())
    assert "do not belong together" in refused(tmp_path / "a")
    (own / "ca.key").unlink()
    assert "has no ca.key beside it" in refused(tmp_path / "a")
    (own / "ca.key").touch(0o600)
    assert "is no key" in refused(tmp_path / "a")
    foreign = ed25519.Ed25519PrivateKey.generate()
    (own / "ca.key").write_bytes(foreign.private_bytes(PEM, serialization.PrivateFormat.PKCS8, NO_PASSWORD))
    assert "is no key of ours" in refused(tmp_path / "a")
    (own / "ca.key").write_bytes((other / "ca.key").read_bytes())
    (own / "ca.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\n")
    assert "is no certificate" in refused(tmp_path / "a")


@pytest.mark.parametrize("days", [8, 10 + authority.SERVED_DAYS - 1])
def test_certificate_at_or_near_its_end_is_made_anew_from_the_same_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    with monkeypatch.context() as old_times:
        old_times.setattr(authority, "AUTHORITY_DAYS", days)
        old_times.setattr(authority, "BEFORE", timedelta(days=10))
        old = kept(tmp_path)
    new = kept(tmp_path)
    assert new.certificate != old.certificate
    assert new.certificate.public_key() == old.certificate.public_key()
    assert new.certificate == kept(tmp_path).certificate


def test_certificate_for_other_names_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as fewer:
        fewer.setattr(authority, "_VOUCHED", x509.NameConstraints([x509.DNSName("localhost")], None))
        old = kept(tmp_path)
    assert kept(tmp_path).certificate != old.certificate


# What it is worth to others.


def served(made: Authority, folder: Path, *names: x509.GeneralName) -> Path:
    """Have the authority vouch for names, whoever they are."""
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = authority._begun(datetime.now(UTC), timedelta(days=90), key.public_key(), made.key, "Leaf")
    leaf = leaf.issuer_name(made.certificate.subject).add_extension(x509.SubjectAlternativeName(names), critical=False)
    file = folder / "leaf.pem"
    file.write_bytes(leaf.sign(made.key, hashes.SHA256()).public_bytes(PEM))
    return file


def verdict(made: Authority, leaf: Path, *options: str) -> str:
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", *options, "-CAfile"]
    done = subprocess.run([*command, str(made.file), str(leaf)], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_clients_that_do_not_know_constraints_must_not_take_its_word(tmp_path: Path) -> None:
    extensions = kept(tmp_path).certificate.extensions
    assert extensions.get_extension_for_class(x509.NameConstraints).critical


@pytest.mark.parametrize("host", [*HOSTS, "localhost"])
def test_openssl_takes_its_word_for_the_vendors_hosts(tmp_path: Path, host: str) -> None:
    made = kept(tmp_path)
    leaf = served(made, tmp_path, x509.DNSName(host))
    assert verdict(made, leaf, "-verify_hostname", host) == f"{leaf}: OK\n"


@pytest.mark.parametrize(
    "name",
    [
        x509.DNSName("weixin.qq.com"),
        x509.DNSName("mail.qq.com"),
        x509.DNSName("example.com"),
        x509.DNSName("notlocalhost"),
        x509.IPAddress(ip_address("127.0.0.2")),
        x509.IPAddress(ip_address("203.0.113.7")),
        x509.IPAddress(ip_address("2001:db8::1")),
    ],
    ids=lambda name: str(name.value),
)
def test_openssl_does_not_take_its_word_for_anybody_else(tmp_path: Path, name: x509.GeneralName) -> None:
    made = kept(tmp_path)
    assert "permitted subtree violation" in verdict(made, served(made, tmp_path, x509.DNSName("localhost"), name))
