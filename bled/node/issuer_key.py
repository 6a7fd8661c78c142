"""The key with which the till signs offers and invoices itself, for a node that knows no BOLT 12."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from bled.codes import Code
from bled.errors import ConfigurationError
from bled_codec.crypto import SecretKey

ISSUER_KEY_FILE: Final = "issuer.key"
_KEY_BYTES: Final = 32


def load_or_make_issuer_key(path: Path) -> SecretKey:
    """Return the key in the file `path`, made for its owner's eyes only when there is none.

    A crash leaves a whole key or none. Raises `ConfigurationError` (`CONFIG_BAD`) when the file cannot be read or
    made, holds no key, or may be read by anybody else.
    """
    try:
        if not path.exists():
            _make(path)
        _check_mode(path)
        return SecretKey(path.read_bytes())
    except OSError as error:
        raise _bad(path, f"cannot be used: {error.strerror}") from error
    except ValueError as error:
        raise _bad(path, f"holds no secret key of {_KEY_BYTES} bytes") from error


def _check_mode(path: Path) -> None:
    if os.environ.get("CREDENTIALS_DIRECTORY") == str(path.parent):
        return  # systemd guards that folder with an access list, which shows as rights of the group
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise _bad(path, "may be read by others, who could sign invoices as this till: chmod 600")


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(_random_key().reveal())
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _random_key() -> SecretKey:
    while True:
        try:
            return SecretKey(secrets.token_bytes(_KEY_BYTES))
        except ValueError:  # one number in 2 ** 127 is no key
            continue


def _bad(path: Path, what: str) -> ConfigurationError:
    return ConfigurationError(Code.CONFIG_BAD, detail=f"{path} {what}")
