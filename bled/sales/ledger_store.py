"""What every table of the till's ledger needs: one error for a file that cannot be used."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from bled.codes import Code
from bled.errors import BledError, Unavailable


@contextmanager
def broken_store() -> Iterator[None]:
    """Turn what SQLite raises inside into `Unavailable` (`STORE_BROKEN`)."""
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable(Code.STORE_BROKEN, detail=f"the ledger: {error}") from error
    except OverflowError as error:
        raise BledError(Code.INTERNAL, detail="the ledger has no room for so large a number") from error
