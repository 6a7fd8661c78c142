"""The vault's folder: who may open it, and the key that its secrets are encrypted under.

The key lies beside the file: it protects copies and back-ups of the file alone, not a device that was stolen whole.
For that there are the limits of the book, and revocation at home.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bled.codes import Code
from bled.errors import BledError, ConfigurationError, Unavailable
from bled.grants.sealing import KEY_BYTES

STORE_FILE: Final = "vault.sqlite"
KEY_FILE: Final = "vault.key"
LOCK_FILE: Final = "vault.lock"

_PRIVATE_FILE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Turn `OSError` into `BledError`: `CONFIG_BAD` for what its owner can mend, else `STORE_BROKEN`."""
    try:
        yield
    except (PermissionError, NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{path}: {error.strerror}") from error
    except OSError as error:
        raise BledError(Code.STORE_BROKEN, detail=f"{path}: {error.strerror}") from error


def make_folder(folder: Path) -> None:
    """Make the folder for its owner alone, unless it is there."""
    with file_errors(folder):
        folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep every other process out while inside. Raises `Unavailable` (`STORE_LOCKED`) when one is there already.

    The kernel gives the lock back when the process ends, however it ends.
    """
    path = folder / LOCK_FILE
    with file_errors(path):
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE_FILE)
    try:
        _take(lock, folder)
        yield
    finally:
        os.close(lock)


def _take(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Unavailable(Code.STORE_LOCKED, detail=f"the vault in {folder}") from error


def make_private(path: Path) -> None:
    """Make an empty file for its owner alone, unless there is one."""
    with file_errors(path):
        path.touch(mode=_PRIVATE_FILE, exist_ok=True)


def read_key(folder: Path) -> bytes | None:
    """Return the key, or None when there is none. Raises `BledError` (`STORE_BROKEN`) for one that is cut."""
    path = folder / KEY_FILE
    with file_errors(path):
        if not path.exists():
            return None
        key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise BledError(Code.STORE_BROKEN, detail=f"{path} has {len(key)} bytes instead of {KEY_BYTES}")
    return key


def make_key(folder: Path) -> bytes:
    """Make the key, on the disk and whole before this returns; a crash leaves a whole key or none."""
    path = folder / KEY_FILE
    draft = folder / f"{KEY_FILE}.new"
    key = os.urandom(KEY_BYTES)
    with file_errors(path):
        draft.unlink(missing_ok=True)
        _write(draft, key)
        draft.rename(path)
        sync_folder(folder)
    return key


def _write(path: Path, data: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE_FILE)
    with os.fdopen(file, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Bring the names of new files to the disk: without it a power cut takes them back."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
