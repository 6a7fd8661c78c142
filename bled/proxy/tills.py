"""Which tills may use the proxy: a folder with the proxy's own authority and one certificate for each till.

    ca.pem ca-key.pem server.pem server-key.pem   the proxy's authority, and what it shows tills
    tills/NAME.pem                                the certificate of a till that is let in
    revoked/NAME-FINGERPRINT.pem                  the certificate of one that is not any more

The authority alone lets nobody in: a till must also stand in `tills`, which is looked at anew for every call.
"""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bled.certificates import Pair, create_authority, create_leaf, fingerprint, write_secret
from bled.codes import Code
from bled.errors import ConfigurationError, Unavailable

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")
_SETTLED_NS: Final = 2_000_000_000
"""Age in nanoseconds of a change from which on the next one certainly has another time."""
_CERTIFICATE_LIMIT: Final = 100_000
"""Bytes; ours have 700."""


class Tills:
    """The register of one proxy."""

    def __init__(self, folder: Path) -> None:
        """Take the register's folder; authority and server certificate are made in it when there are none.

        Raises `Unavailable` (`STORE_BROKEN`) when the folder cannot be written, `ConfigurationError` (`CONFIG_BAD`)
        when a key in it can be read by others.
        """
        self._folder = folder
        try:
            self._make()
            self.authority = Pair(certificate=self._read("ca.pem"), key=self._secret("ca-key.pem"))
            self.server = Pair(certificate=self._read("server.pem"), key=self._secret("server-key.pem"))
        except OSError as error:
            raise Unavailable(Code.STORE_BROKEN, detail=f"{folder}: {error.strerror}") from error
        self._known: Mapping[bytes, str] = {}
        self._known_at = -1

    def add(self, name: str, target: Path) -> None:
        """Let a till in: write ca.pem, client.pem and client-key.pem for it into the folder `target`.

        Names have 1 to 40 small letters, digits and hyphens. Raises `ConfigurationError` (`CONFIG_BAD`) for another
        name, one that is taken, or a folder that has such files already; `Unavailable` (`STORE_BROKEN`).
        """
        place = self._place(name)
        if place.exists():
            raise ConfigurationError(Code.CONFIG_BAD, detail=f"there is a till {name} already; revoke it first")
        taken = [file for file in ("ca.pem", "client.pem", "client-key.pem") if (target / file).exists()]
        if taken:
            raise ConfigurationError(Code.CONFIG_BAD, detail=f"{target / taken[0]} is there already")
        pair = create_leaf(f"bled till {name}", authority=self.authority, now=datetime.now(UTC))
        try:
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_secret(target / "client-key.pem", pair.key)
            (target / "client.pem").write_bytes(pair.certificate)
            (target / "ca.pem").write_bytes(self.authority.certificate)
            self._enter(place, pair.certificate)  # last: a till with half its files is not let in
        except OSError as error:
            raise Unavailable(Code.STORE_BROKEN, detail=f"{target}: {error.strerror}") from error

    def revoke(self, name: str) -> None:
        """Shut a till out, from its next call on. Raises `ConfigurationError` (`CONFIG_BAD`) when there is none."""
        place = self._place(name)
        try:
            mark = fingerprint(place.read_bytes()).hex()[:16]
            (self._folder / "revoked").mkdir(mode=0o700, exist_ok=True)
            place.rename(self._folder / "revoked" / f"{name}-{mark}.pem")
        except FileNotFoundError as error:
            raise ConfigurationError(Code.CONFIG_BAD, detail=f"there is no till {name}") from error
        except OSError as error:
            raise Unavailable(Code.STORE_BROKEN, detail=f"{place}: {error.strerror}") from error

    def names(self) -> tuple[str, ...]:
        """Return the tills that are let in."""
        return tuple(sorted(self._look().values()))

    def name_of(self, certificate: bytes) -> str | None:
        """Return the till that shows `certificate` (PEM); None when it is not let in.

        Raises `Unavailable` (`STORE_BROKEN`) when the register cannot be read.
        """
        return self._look().get(fingerprint(certificate))

    def _look(self) -> Mapping[bytes, str]:
        """Return names by fingerprint, read anew when the folder has changed."""
        folder = self._folder / "tills"
        try:
            looked_at = time.time_ns()
            changed_at = folder.stat().st_mtime_ns
            if changed_at != self._known_at:
                found = {path: path.read_bytes()[:_CERTIFICATE_LIMIT] for path in folder.glob("*.pem")}
                self._known = {fingerprint(pem): path.stem for path, pem in found.items()}
                # A file system's clock has ticks: in a young one there may be another change, with the same time.
                self._known_at = changed_at if looked_at - changed_at > _SETTLED_NS else -1
        except OSError as error:
            raise Unavailable(Code.STORE_BROKEN, detail=f"{folder}: {error.strerror}") from error
        return self._known

    def _place(self, name: str) -> Path:
        if not _NAME.match(name):
            raise ConfigurationError(Code.CONFIG_BAD, detail=f"{name!r} is no name for a till: use a-z, 0-9 and -")
        return self._folder / "tills" / f"{name}.pem"

    def _enter(self, place: Path, certificate: bytes) -> None:
        half = place.with_suffix(".new")
        half.write_bytes(certificate)
        half.rename(place)

    def _make(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._folder / "tills").mkdir(mode=0o700, exist_ok=True)
        if (self._folder / "ca.pem").exists():
            return
        now = datetime.now(UTC)
        authority = create_authority("bled node-proxy", now=now)
        server = create_leaf("bled node-proxy server", authority=authority, now=now)
        write_secret(self._folder / "ca-key.pem", authority.key)
        write_secret(self._folder / "server-key.pem", server.key)
        (self._folder / "server.pem").write_bytes(server.certificate)
        (self._folder / "ca.pem").write_bytes(authority.certificate)  # last: a folder that has it has everything

    def _read(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def _secret(self, name: str) -> bytes:
        path = self._folder / name
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(Code.CONFIG_BAD, detail=f"{path} can be read by others; chmod 600 it")
        return path.read_bytes()
