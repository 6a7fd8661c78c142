"""Certificates for mutual TLS between a sandbox node and its clients, made once, with Core Lightning's file names."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bled.certificates import Pair, create_authority, create_leaf, write_secret

AUTHORITY: Final = "ca.pem"
AUTHORITY_KEY: Final = "ca-key.pem"
SERVER: Final = "server.pem"
SERVER_KEY: Final = "server-key.pem"
CLIENT: Final = "client.pem"
CLIENT_KEY: Final = "client-key.pem"


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
    authority = create_authority("cln Root CA", now=now)
    write_secret(folder / AUTHORITY_KEY, authority.key)
    for name, certificate, key_file in (
        ("cln Grpc Server", SERVER, SERVER_KEY),
        ("cln Grpc Client", CLIENT, CLIENT_KEY),
    ):
        _write(folder, create_leaf(name, authority=authority, now=now), certificate, key_file)
    (folder / AUTHORITY).write_bytes(authority.certificate)


def _write(folder: Path, pair: Pair, certificate: str, key_file: str) -> None:
    write_secret(folder / key_file, pair.key)
    (folder / certificate).write_bytes(pair.certificate)
