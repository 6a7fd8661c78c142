"""Keys of the sandbox's nodes: made once for each folder, readable by its owner alone."""

import os
import secrets
from pathlib import Path
from typing import Final

from bled.codes import Code
from bled.errors import ConfigurationError
from bled_codec.crypto import SecretKey

_FILE: Final = "node.secret"


def load_or_make_key(folder: Path) -> SecretKey:
    """Return the key in `folder`, making it when there is none; it is on the disk before it is used.

    Raises `ConfigurationError` (`CONFIG_BAD`) for a file that holds no key.
    """
    path = folder / _FILE
    if not path.exists():
        _write(path, _random_key())
    try:
        return SecretKey(path.read_bytes())
    except ValueError as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{path} holds no secret key") from error


def _random_key() -> SecretKey:
    while True:
        try:
            return SecretKey(secrets.token_bytes(32))
        except ValueError:  # one number in 2 ** 127 is no key
            continue


def _write(path: Path, key: SecretKey) -> None:
    """Write beside, then rename: a kill leaves a whole key or none."""
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, key.reveal())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    beside.replace(path)
