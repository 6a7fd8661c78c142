"""The ledger in a PostgreSQL database, which many processes on several machines have open at once."""

from functools import partial
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Engine, create_engine, text

from bled.codes import Code
from bled.errors import ConfigurationError
from bled.home.store import BUSY_SECONDS, WRITERS_LOCK, translated
from bled.home.store_schema import newer_version, schema_version, upgrade

_SCHEMES: Final = ("postgresql://", "postgres://")
_SETTINGS: Final = {
    # A commit that was reported must survive a crash of the server, whatever its configuration says by default.
    "synchronous_commit": "on",
    "lock_timeout": f"{BUSY_SECONDS:.0f}s",
    "statement_timeout": "10s",
    # A worker that was stopped in the middle of a transaction must not keep all others out.
    "idle_in_transaction_session_timeout": "10s",
    # A machine that vanished is noticed within half a minute, and its work taken over.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
_CONNECT_SECONDS: Final = 5
_MUST_BE_ON: Final = text(
    "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting <> 'on'"
)

_PATIENT: Final = text("SELECT set_config('lock_timeout', '60s', true), set_config('statement_timeout', '0', true)")


def open_database(url: str) -> Engine:
    """Connect to a database and bring its schema up to date.

    Raises `Unavailable` (`STORE_LOCKED`, `STORE_BROKEN`) or `ConfigurationError` (`CONFIG_BAD`, `STORE_VERSION`). No
    text of an error has the password in it.
    """
    engine = create_engine(
        "postgresql+psycopg://",
        creator=partial(psycopg.connect, url, **_arguments(url)),
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        pool_timeout=BUSY_SECONDS,
        use_native_hstore=False,
        hide_parameters=True,
    )
    try:
        with translated():
            _prepare(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _arguments(url: str) -> dict[str, Any]:
    """Return what is added to the address. Raises `ConfigurationError` for what is none."""
    given: dict[str, Any] = {}
    try:
        if url.startswith(_SCHEMES):
            given = conninfo_to_dict(url)
    except psycopg.Error:  # its text repeats the address with the password
        given = {}
    if not given:
        raise ConfigurationError(Code.CONFIG_BAD, detail="the database needs an address such as postgresql://host/name")
    settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    options = f"{given.get('options', '')} {settings}".strip()
    return {"application_name": "bled", "connect_timeout": _CONNECT_SECONDS, "options": options}


def _prepare(engine: Engine) -> None:
    with engine.connect() as database:
        off = database.execute(_MUST_BE_ON).scalars().all()
        version = schema_version(database)
    if off:
        detail = f"PostgreSQL runs with {' and '.join(off)} off: after a crash a payment could be made twice"
        raise ConfigurationError(Code.CONFIG_BAD, detail=detail)
    if version is not None and not version.isdecimal():
        raise newer_version(version)
    with engine.connect() as database, database.begin():
        # Of several that start at once the first does it, however long it takes, and the others find it done.
        database.execute(_PATIENT)
        database.execute(WRITERS_LOCK)
        upgrade(database)
