"""The PostgreSQL of the campaign against a home with workers: a server of its own, or one that it is given."""

import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import dict_row

sys.path.insert(1, str(Path(__file__).parents[1]))

import postgres

_CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"


class Server:
    """Makes a database for each round."""

    def __init__(self, url: str | None) -> None:
        """Take the address of a database in which others may be made; without one, start a server."""
        self._cluster: postgres.Cluster | None = None
        if url is None:
            folder = postgres.binaries()
            if folder is None:
                raise SystemExit("campaign: needs PostgreSQL (Debian's package postgresql), or --database URL")
            self._cluster = postgres.Cluster(folder)
            url = self._cluster.url("postgres")
        self._url = url
        self._numbers = count(1)

    @property
    def is_own(self) -> bool:
        """Whether it may be crashed."""
        return self._cluster is not None

    def create(self) -> "Database":
        """Make an empty database."""
        database = Database(self, self._url, f"bled_campaign_{os.getpid()}_{next(self._numbers)}")
        database.manage("CREATE DATABASE {} TEMPLATE template0")
        return database

    def crash(self) -> None:
        """End the server as a crash does, and start it again: it recovers what was committed."""
        assert self._cluster is not None
        self._cluster._server.send_signal(signal.SIGQUIT)
        self._cluster._server.wait(timeout=30)
        self._cluster.start()

    def remove(self) -> None:
        """Stop a server of our own."""
        if self._cluster is not None:
            self._cluster.remove()


class Database:
    """One round's ledger."""

    def __init__(self, server: Server, url: str, name: str) -> None:
        self.server, self._name, self._server_url = server, name, url
        self.url = urlsplit(url)._replace(path=f"/{name}").geturl()

    def manage(self, statement: str, *values: object) -> None:
        """Run a statement from outside of the database; `{}` is its name."""
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(statement.replace("{}", self._name), values or None)

    def read(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(sql).fetchall()

    def write(self, sql: str) -> None:
        """Run a statement in the database."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql)

    def cut(self) -> None:
        """End every session of home's."""
        self.manage(_CUT, self._name)

    def drop(self) -> None:
        """Remove it, and cut whoever is connected."""
        self.manage("DROP DATABASE IF EXISTS {} WITH (FORCE)")
