"""The lasting key of a till's reader: by it a buyer's device knows the till again. Made once, beside the ledger."""

import os
from pathlib import Path
from typing import Final

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.primitives import KEY_BYTES, X25519Key

READER_KEY_FILE: Final = "reader.key"


def reader_key_beside(ledger: Path) -> X25519Key:
    """Return the reader's key, made for its owner's eyes only when there is none. Call with the ledger's lock held.

    A crash leaves a whole key or none. Raises `Unavailable` (`STORE_BROKEN`) when it cannot be read, written or be one.
    """
    path = ledger.with_name(READER_KEY_FILE)
    try:
        secret = path.read_bytes() if path.exists() else _make(path)
    except OSError as error:
        raise Unavailable(Code.STORE_BROKEN, detail=f"{path}: {error.strerror}") from error
    if len(secret) != KEY_BYTES:
        raise Unavailable(Code.STORE_BROKEN, detail=f"{path} has {len(secret)} bytes instead of {KEY_BYTES}")
    return X25519Key(secret)


def _make(path: Path) -> bytes:
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    secret = os.urandom(KEY_BYTES)
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as stream:
        stream.write(secret)
        stream.flush()
        os.fsync(stream.fileno())
    draft.rename(path)
    _sync(path.parent)
    return secret


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
