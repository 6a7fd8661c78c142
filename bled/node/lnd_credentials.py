"""What a client of LND shows and trusts: the node's own certificate and a macaroon."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bled.certificates import CertificateFacts, read_certificate
from bled.codes import Code
from bled.errors import ConfigurationError
from bled.node.lnd_macaroon import Powers, read_powers

CERTIFICATE: Final = "tls.cert"
MACAROON: Final = "bled.macaroon"
_LARGEST: Final = 100_000
"""Bytes. Both files are about 1000 long; anything near this is another file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LndCredentials:
    """`certificate` is PEM, `macaroon` binary, both as on disk; `powers` is what the macaroon allows."""

    certificate: bytes
    macaroon: bytes = field(repr=False)
    macaroon_path: Path
    facts: CertificateFacts
    powers: Powers

    @property
    def tls_name(self) -> str | None:
        """The name to ask for instead of the host's; None: the host's.

        LND's own certificate is its own root: nobody else can show one that we trust, whatever the host is called.
        """
        return self.facts.names[0] if self.facts.is_own_root and self.facts.names else None

    def tls_context(self) -> ssl.SSLContext:
        """Return a context for Python's own TLS that trusts the certificate alone."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.certificate.decode("ascii"))
        context.set_alpn_protocols(["h2"])
        return context


def load_lnd_credentials(
    folder: Path | None, *, certificate: Path | None = None, macaroon: Path | None = None
) -> LndCredentials:
    """Return LND's credentials: tls.cert in `folder`, and bled.macaroon or the only other *.macaroon there.

    `certificate` and `macaroon` name the files when they lie elsewhere. Raises `ConfigurationError` (`CONFIG_BAD`)
    naming the file that is missing, unreadable or not what it should be.
    """
    certificate = certificate or _folder(folder) / CERTIFICATE
    macaroon = macaroon or _macaroon_in(_folder(folder))
    pem, binary = _read(certificate), _read(macaroon)
    try:
        facts = read_certificate(pem)
    except ValueError as error:
        raise _bad(certificate, "holds no certificate") from error
    try:
        powers = read_powers(binary)
    except ConfigurationError as error:
        raise _bad(macaroon, f"cannot be used: {error.detail}") from error
    return LndCredentials(certificate=pem, macaroon=binary, macaroon_path=macaroon, facts=facts, powers=powers)


def _folder(folder: Path | None) -> Path:
    if folder is None:
        raise ConfigurationError(Code.CONFIG_BAD, detail="LND needs --credentials DIR, or both of its files")
    return folder


def _macaroon_in(folder: Path) -> Path:
    if (folder / MACAROON).exists():
        return folder / MACAROON
    found = sorted(folder.glob("*.macaroon"))
    if len(found) != 1:
        count = f"has {len(found)} macaroons" if found else "has no macaroon"
        raise _bad(folder, f"{count}; put the one for the till there as {MACAROON}")
    return found[0]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise _bad(path, f"cannot be read: {error.strerror}") from error
    if not data or len(data) > _LARGEST:
        raise _bad(path, "is not such a file")
    return data


def _bad(path: Path, what: str) -> ConfigurationError:
    return ConfigurationError(Code.CONFIG_BAD, detail=f"{path} {what}")
