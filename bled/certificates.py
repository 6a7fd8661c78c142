"""Certificates for mutual TLS between parts of bled: an authority, and what it signs. X.509, NIST P-256, SHA-256."""

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from bled.codes import Code
from bled.errors import ConfigurationError

NODE_NAMES: Final = ("cln", "localhost")
"""What a Core Lightning node's own certificate says; a client that dials an address must ask for one of them."""
_LIFETIME: Final = timedelta(days=3650)
_BACKDATED: Final = timedelta(days=1)
"""So that a client whose clock is a little behind still takes a certificate made just now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """What a certificate says of itself.

    Attributes:
        not_after: the last moment at which it is accepted.
        names: the host names in it.
        is_own_root: it is signed with its own key, so that whoever trusts it trusts nothing else.
        issuer: the common name of whoever signed it, empty when it has none.
    """

    not_after: datetime
    names: tuple[str, ...]
    is_own_root: bool
    issuer: str


def read_certificate(pem: bytes) -> CertificateFacts:
    """Return what the first certificate of a PEM file says. Raises `ValueError` when there is none."""
    certificate = x509.load_pem_x509_certificate(pem)
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = tuple(extension.value.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        names = ()
    common = certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return CertificateFacts(
        not_after=certificate.not_valid_after_utc,
        names=names,
        is_own_root=certificate.issuer == certificate.subject,
        issuer=str(common[0].value) if common else "",
    )


def create_own_root(name: str, *, host: str, now: datetime) -> Pair:
    """Return the certificate of a server that is its own root, for one host name."""
    key = generate_private_key(SECP256R1())
    subject = _name(name)
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    names = x509.SubjectAlternativeName([x509.DNSName(host)])
    builder = _builder(subject, key, issuer=subject, now=now)
    signed = builder.add_extension(constraints, critical=True).add_extension(names, critical=False)
    return Pair(certificate=signed.sign(key, SHA256()).public_bytes(Encoding.PEM), key=_pem(key))


def create_authority(name: str, *, now: datetime) -> Pair:
    """Return an authority of its own that lives ten years."""
    key = generate_private_key(SECP256R1())
    subject = _name(name)
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    signed = _builder(subject, key, issuer=subject, now=now).add_extension(constraints, critical=True)
    return Pair(certificate=signed.sign(key, SHA256()).public_bytes(Encoding.PEM), key=_pem(key))


def create_leaf(name: str, *, authority: Pair, now: datetime) -> Pair:
    """Return a certificate for a server or client of the names `NODE_NAMES`, signed by `authority`.

    Raises `ConfigurationError` (`CONFIG_BAD`) when `authority` is no certificate with its key.
    """
    issuer, issuer_key = _load(authority)
    key = generate_private_key(SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName(name) for name in NODE_NAMES])
    signed = _builder(_name(name), key, issuer=issuer.subject, now=now).add_extension(names, critical=False)
    return Pair(certificate=signed.sign(issuer_key, SHA256()).public_bytes(Encoding.PEM), key=_pem(key))


def fingerprint(certificate: bytes) -> bytes:
    """Return the SHA-256 of a PEM certificate's DER form, 32 bytes.

    Raises `ConfigurationError` (`CONFIG_BAD`) when it is no certificate.
    """
    try:
        return x509.load_pem_x509_certificate(certificate).fingerprint(SHA256())
    except ValueError as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail="not a certificate") from error


def write_secret(path: Path, data: bytes) -> None:
    """Write a file that only this user may read, from the first moment on. Raises `OSError`."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        os.fchmod(file.fileno(), 0o600)  # a file that was there keeps its old mode otherwise
        file.write(data)


def _load(pair: Pair) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate)
        key = load_pem_private_key(pair.key, password=None)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail="the authority is no certificate with its key") from error
    if not isinstance(key, EllipticCurvePrivateKey):
        raise ConfigurationError(Code.CONFIG_BAD, detail="the authority's key is of another kind")
    return certificate, key


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


def _pem(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
