"""Certificates for mutual TLS between a sandbox node and its clients, made once, with Core Lightning's file names."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

AUTHORITY: Final = "ca.pem"
AUTHORITY_KEY: Final = "ca-key.pem"
SERVER: Final = "server.pem"
SERVER_KEY: Final = "server-key.pem"
CLIENT: Final = "client.pem"
CLIENT_KEY: Final = "client-key.pem"

_NAMES: Final = ("cln", "localhost")
"""What a real node's certificate says; a client that dials an address must ask for one of them."""
_LIFETIME: Final = timedelta(days=3650)
_BACKDATED: Final = timedelta(days=1)
"""So that a till whose clock is a little behind still takes a certificate made just now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCredentials:
    """What the server needs: its own certificate and key, and the authority that clients must prove, all PEM."""

    authority: bytes
    certificate: bytes
    key: bytes = field(repr=False)


def ensure_certificates(folder: Path, *, now: datetime | None = None) -> ServerCredentials:
    """Return the credentials in `folder`, made anew when there is no authority there yet.

    The authority's certificate is written last: a folder that has it has everything. Raises `OSError`.
    """
    if not (folder / AUTHORITY).exists():
        _make(folder, datetime.now(UTC) if now is None else now)
    return ServerCredentials(
        authority=(folder / AUTHORITY).read_bytes(),
        certificate=(folder / SERVER).read_bytes(),
        key=(folder / SERVER_KEY).read_bytes(),
    )


def _make(folder: Path, now: datetime) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority_key = generate_private_key(SECP256R1())
    authority = _authority(authority_key, now)
    _write_secret(folder / AUTHORITY_KEY, authority_key)
    for common_name, certificate, key_file in (
        ("cln Grpc Server", SERVER, SERVER_KEY),
        ("cln Grpc Client", CLIENT, CLIENT_KEY),
    ):
        key = generate_private_key(SECP256R1())
        _write_secret(folder / key_file, key)
        leaf = _leaf(common_name, key, issuer=authority, issuer_key=authority_key, now=now)
        (folder / certificate).write_bytes(leaf.public_bytes(Encoding.PEM))
    (folder / AUTHORITY).write_bytes(authority.public_bytes(Encoding.PEM))


def _authority(key: EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = _name("cln Root CA")
    builder = _builder(name, key, issuer=name, now=now)
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    return builder.add_extension(constraints, critical=True).sign(key, SHA256())


def _leaf(
    common_name: str,
    key: EllipticCurvePrivateKey,
    *,
    issuer: x509.Certificate,
    issuer_key: EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    builder = _builder(_name(common_name), key, issuer=issuer.subject, now=now)
    names = x509.SubjectAlternativeName([x509.DNSName(name) for name in _NAMES])
    return builder.add_extension(names, critical=False).sign(issuer_key, SHA256())


def _builder(
    subject: x509.Name, key: EllipticCurvePrivateKey, *, issuer: x509.Name, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + _LIFETIME)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _write_secret(path: Path, key: EllipticCurvePrivateKey) -> None:
    """Write a key that only this user may read, from the first moment on."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
        os.fchmod(file.fileno(), 0o600)  # a file that was there keeps its old mode otherwise
