"""The certificate authority of a data folder, and the certificate that it vouches for at each start.

Rules of the file:
- The authority can vouch for the vendor's hosts and for loopback, and for nothing else: so say constraints that no
  client may pass over. Whoever trusts it risks no more than that, whatever becomes of its key.
- The key is made once and kept; a certificate is made from it wherever there is none that will do for long enough. So a
  crash between the two leaves what the next start goes on from.
- Certificates follow real time.
"""

import fcntl
import ipaddress
import os
import ssl
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from adapters.data_folder import OTHERS, make_folder, remove_new, replace
from gateway.ports import CannotOpen
from protocol.wecom.hosts import HOSTS

FOLDER: Final = "tls"
KEY_FILE: Final = "ca.key"
CERTIFICATE_FILE: Final = "ca.pem"
AUTHORITY_DAYS: Final = 3650
SERVED_DAYS: Final = 397  # clients refuse what is valid for more than 398 days
BEFORE: Final = timedelta(days=1)  # clocks of clients in containers go behind

_ADDRESSES: Final = ("127.0.0.1", "::1")
_NAMES: Final = [x509.DNSName(name) for name in ("localhost", *HOSTS)]
_VOUCHED: Final = x509.NameConstraints(
    [*_NAMES, *(x509.IPAddress(ipaddress.ip_network(address)) for address in _ADDRESSES)], None
)
_SERVED: Final = x509.SubjectAlternativeName(
    [*_NAMES, *(x509.IPAddress(ipaddress.ip_address(address)) for address in _ADDRESSES)]
)
_SERVERS_ONLY: Final = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])


class Authority(NamedTuple):
    """A certificate authority, and the file that clients are told to trust."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    file: Path

    def context(self) -> ssl.SSLContext:
        """Make a certificate, and what shows it; the certificate's key is in no folder, even for a moment."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        served = _begun(now, timedelta(days=SERVED_DAYS), key.public_key(), self.key, "Hutong")
        served = served.issuer_name(self.certificate.subject).add_extension(_SERVED, critical=False)
        served = served.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        served = served.add_extension(_may("digital_signature"), critical=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        with tempfile.TemporaryFile() as file:  # it has no name; the standard library takes files only
            file.write(_pem(key) + served.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
            file.flush()
            context.load_cert_chain(f"/dev/fd/{file.fileno()}")
        return context


def kept_in(data: Path, undo: ExitStack) -> Authority:
    """Read the authority of a data folder, making it on first use; `CannotOpen` if it cannot be trusted with a name.

    What is made goes on `undo`.
    """
    folder = data / FOLDER
    try:
        make_folder(folder, undo)
        with ExitStack() as locked:  # others may have no journal to lock here: theirs is in memory
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            locked.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            remove_new([folder / KEY_FILE, folder / CERTIFICATE_FILE], undo)
            return _kept_in(folder)
    except OSError as why:
        raise CannotOpen(f"{folder} cannot hold the authority of TLS ({why.strerror or why})") from why


def _kept_in(folder: Path) -> Authority:
    key_file, file = folder / KEY_FILE, folder / CERTIFICATE_FILE
    _check_closed(folder)
    if key_file.exists():
        _check_closed(key_file)
        key = _read_key(key_file)
    elif file.exists():
        raise CannotOpen(f"{file} has no {KEY_FILE} beside it: put that back, or {_anew(folder)}")
    else:
        key = ec.generate_private_key(ec.SECP256R1())
        replace(key_file, _pem(key))
    kept = _read_certificate(file) if file.exists() else None
    if kept is not None and kept.public_key() != key.public_key():
        raise CannotOpen(f"{file} and {KEY_FILE} do not belong together: put the right ones back, or {_anew(folder)}")
    if kept is None or not _will_do(kept):
        kept = _certificate(key)
        replace(file, kept.public_bytes(serialization.Encoding.PEM))
    return Authority(key, kept, file)


def _check_closed(path: Path) -> None:
    """Refuse what others may read: with the key they could pretend to be the vendor's hosts, here."""
    if (mode := path.stat().st_mode & 0o777) & OTHERS:
        folder = path if path.is_dir() else path.parent
        raise CannotOpen(f"{path} is open to others (mode {mode:o}): `chmod go= {path}`, or {_anew(folder)}")


def _anew(folder: Path) -> str:
    return f"remove {folder} and have a new authority made, which clients must then be given"


def _read_key(file: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), None)
    except (ValueError, TypeError) as why:
        raise CannotOpen(f"{file} is no key: put the right one back, or {_anew(file.parent)}") from why
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CannotOpen(f"{file} is no key of ours: put the right one back, or {_anew(file.parent)}")
    return key


def _read_certificate(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except ValueError as why:
        raise CannotOpen(f"{file} is no certificate: put the right one back, or {_anew(file.parent)}") from why


def _will_do(certificate: x509.Certificate) -> bool:
    """Tell whether it vouches for today's names, from now on until what it vouches for has ended."""
    try:
        vouched = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    now = datetime.now(UTC)
    lasts = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc - timedelta(days=SERVED_DAYS)
    return lasts and vouched == _VOUCHED


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Make the authority's own certificate; its name tells it from the authorities of other folders."""
    public = key.public_key()
    name = f"Hutong simulator {x509.SubjectKeyIdentifier.from_public_key(public).digest.hex()[:8]}"
    made = _begun(datetime.now(UTC), timedelta(days=AUTHORITY_DAYS), public, key, name)
    made = made.issuer_name(_named(name)).add_extension(_VOUCHED, critical=True)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return made.add_extension(_may("key_cert_sign"), critical=True).sign(key, hashes.SHA256())


def _begun(
    now: datetime, lasts: timedelta, key: ec.EllipticCurvePublicKey, authority: ec.EllipticCurvePrivateKey, name: str
) -> x509.CertificateBuilder:
    """Begin a certificate with what both kinds have."""
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BEFORE)
        .not_valid_after(now - BEFORE + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
        .add_extension(_SERVERS_ONLY, critical=False)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _may(use: str) -> x509.KeyUsage:
    uses = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: name == use for name in uses})


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip
