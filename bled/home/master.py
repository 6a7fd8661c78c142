"""Home's master secret: 32 bytes in a file, made once or put back, never replaced."""

import os
import secrets
from pathlib import Path
from typing import Final

from bled.codes import Code
from bled.errors import ConfigurationError
from bled.grants.keys import MASTER_BYTES, HomeKeys
from bled.home.files import LEDGER_FILE, sync_folder

MASTER_FILE: Final = "master.secret"


def prepare_folder(folder: Path) -> None:
    """Make home's state folder, for its owner's eyes only. Raises `ConfigurationError` (`CONFIG_BAD`)."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)
    except OSError as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{folder}: {error.strerror}") from error


def load_keys(folder: Path) -> HomeKeys:
    """Return home's keys; the first time, make the secret they come from, and have it on the disk before use.

    Raises `ConfigurationError` (`CONFIG_BAD`) when the file cannot be read or made, is not 32 bytes, is readable by
    others, or is gone while the ledger is there: a new secret would know none of the books.
    """
    path = folder / MASTER_FILE
    try:
        if not path.exists():
            _make(path, ledger_exists=(folder / LEDGER_FILE).exists())
        master = _read(path)
    except OSError as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{path}: {error.strerror}") from error
    return HomeKeys.from_master(master)


def read_master(folder: Path) -> bytes:
    """Return the master secret that is there. Raises `ConfigurationError` (`CONFIG_BAD`) as `load_keys` does."""
    path = folder / MASTER_FILE
    try:
        return _read(path)
    except OSError as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{path}: {error.strerror}") from error


def _read(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{path}: others may read it; set its mode to 0600")
    master = path.read_bytes()
    if len(master) != MASTER_BYTES:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{path}: a master secret has {MASTER_BYTES} bytes")
    return master


def _make(path: Path, *, ledger_exists: bool) -> None:
    if ledger_exists:
        detail = f"{path}: gone, while the ledger is there; put it back with `bled home restore`"
        raise ConfigurationError(Code.CONFIG_BAD, detail=detail)
    _write(path, secrets.token_bytes(MASTER_BYTES))


def restore_master(folder: Path, master: bytes) -> None:
    """Put a master secret back where there is none, on the disk when this returns.

    Raises `ConfigurationError` (`CONFIG_BAD`) when there is one, whichever, or the folder cannot be written.
    """
    prepare_folder(folder)
    path = folder / MASTER_FILE
    if path.exists():
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{path}: there is a master secret; nothing was changed")
    try:
        _write(path, master)
    except OSError as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{path}: {error.strerror}") from error


def _write(path: Path, master: bytes) -> None:
    # Under another name first: a crash in the middle must not leave half a secret under the real one.
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(master)
        file.flush()
        os.fsync(file.fileno())
    os.link(draft, path)  # unlike a rename, this fails when somebody else was faster
    draft.unlink()
    sync_folder(path.parent)
