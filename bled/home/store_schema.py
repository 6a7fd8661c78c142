"""The version of the ledger's schema, and its way from any older one to this: migrations, each whole or not at all."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from bled.codes import Code
from bled.errors import ConfigurationError

NEWEST: Final = "0004"
"""The newest migration; so that no start has to load them all to find out that there is nothing to do."""
FIRST: Final = "0001"
"""What a SQLite file of before migrations has."""
_MIGRATIONS: Final = Path(__file__).with_name("migrations")


def upgrade(database: Connection) -> None:
    """Bring the schema to `NEWEST` inside the caller's transaction, which keeps every other writer out.

    Raises `ConfigurationError` (`STORE_VERSION`) for a ledger that a newer program has changed.
    """
    version = schema_version(database)
    if version == NEWEST:
        return
    # A tenth of a second, at the first start and after an update only.
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationContext, RevisionStep
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(_MIGRATIONS))
    known = {step.revision for step in script.walk_revisions()}
    if version is not None and version not in known:
        raise newer_version(version)

    def steps(revision: str, _: MigrationContext) -> list[RevisionStep]:
        return script._upgrade_revs("head", revision)  # noqa: SLF001 - as alembic's own manual has it

    from alembic.config import Config

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=database)
        environment.run_migrations()


def schema_version(database: Connection) -> str | None:
    """Return the last migration that a database has seen, None for an empty one."""
    if not inspect(database).has_table("alembic_version"):
        return None
    return database.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def set_first_version(database: Connection) -> None:
    """Say that a database has the tables of `FIRST` already."""
    key = "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)"
    database.execute(text(f"CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, {key})"))
    database.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": FIRST})


def newer_version(version: str) -> ConfigurationError:
    """Return the error for a ledger that this program does not know."""
    return ConfigurationError(
        Code.STORE_VERSION,
        detail=f"the ledger has version {version}, this program knows {NEWEST}; install a newer bled",
    )
