"""The three files with which a client of Core Lightning's gRPC interface proves itself."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bled.codes import Code
from bled.errors import ConfigurationError

_CA: Final = "ca.pem"
_CERTIFICATE: Final = "client.pem"
_KEY: Final = "client-key.pem"
_LARGEST: Final = 100_000
"""Bytes. Each is about 700 long; anything near this is another file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """PEM texts as on disk. They allow every call of the node, spending included."""

    authority: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)
    folder: Path

    def tls_context(self) -> ssl.SSLContext:
        """Return the same credentials for Python's own TLS, which names what is wrong with them.

        Raises `ConfigurationError` (`CONFIG_BAD`) naming the file that holds no usable certificate or key.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(cadata=self.authority.decode("ascii"))
        except (ssl.SSLError, ValueError) as error:
            raise _bad(self.folder / _CA, "holds no certificate") from error
        try:
            context.load_cert_chain(self.folder / _CERTIFICATE, self.folder / _KEY)
        except (ssl.SSLError, OSError) as error:
            raise _bad(self.folder / _CERTIFICATE, f"and {_KEY} are not a certificate and its key") from error
        context.set_alpn_protocols(["h2"])
        return context


def load_credentials(folder: Path) -> Credentials:
    """Return the credentials in `folder`: ca.pem, client.pem and client-key.pem of the node's network directory.

    Raises `ConfigurationError` (`CONFIG_BAD`) naming the file that is missing, unreadable or not what it should be.
    """
    credentials = Credentials(
        authority=_read(folder / _CA),
        certificate=_read(folder / _CERTIFICATE),
        key=_read(folder / _KEY),
        folder=folder,
    )
    credentials.tls_context()
    return credentials


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise _bad(path, f"cannot be read: {error.strerror}") from error
    if not data or len(data) > _LARGEST:
        raise _bad(path, "is not a PEM file")
    return data


def _bad(path: Path, what: str) -> ConfigurationError:
    return ConfigurationError(Code.CONFIG_BAD, detail=f"{path} {what}")
