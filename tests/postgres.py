"""A PostgreSQL of our own for tests: in a temporary folder, on a unix socket, gone afterwards."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path

import psycopg

_SECONDS = 30.0
_FAST = "/dev/shm"  # noqa: S108 - the server syncs after every commit, which takes no time there
_ROOM = 2**30
_SETTINGS = ("listen_addresses=", "max_connections=100", "shared_buffers=32MB", "autovacuum=off", "max_wal_size=256MB")


def binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL of this machine; Debian keeps them off PATH."""
    found = [Path(path).resolve().parent for path in (shutil.which("postgres"),) if path]
    found += sorted((path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")), reverse=True)
    return next((folder for folder in found if (folder / "initdb").exists()), None)


class Cluster:
    """One server with a database for each test."""

    def __init__(self, folder: Path) -> None:
        """Take the folder of the binaries; make the cluster and start it."""
        self._binaries = folder
        self._databases = count(1)
        self._as_user = _unprivileged() if os.geteuid() == 0 else {}  # PostgreSQL refuses to run as root
        self.folder = Path(tempfile.mkdtemp(prefix="bled-pg-", dir=_fast_folder()))
        if self._as_user:
            os.chown(self.folder, self._as_user["user"], self._as_user["group"])
        try:
            self._make()
            self.start()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def _make(self) -> None:
        command = [self._binaries / "initdb", "--pgdata", self.folder / "data", "--username", "bled", "--auth", "trust"]
        options = ["--encoding", "UTF8", "--no-locale", "--no-sync"]
        made = subprocess.run([*command, *options], capture_output=True, text=True, check=False, **self._process())
        assert made.returncode == 0, made.stdout + made.stderr

    def _process(self) -> dict[str, object]:
        return {"cwd": self.folder, "stdin": subprocess.DEVNULL, **self._as_user}

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        command = [self._binaries / "postgres", "-D", self.folder / "data", "-k", self.folder, *settings]
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(command, stdout=log, stderr=log, **self._process())
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                if self._server.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Stop the server at once; what was committed is kept, and all connections are cut."""
        self._server.send_signal(signal.SIGINT)
        self._server.wait(timeout=_SECONDS)

    def remove(self) -> None:
        """Stop the server and remove every trace."""
        if self._server.poll() is None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(timeout=_SECONDS)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """Return the address of a database."""
        return f"postgresql://bled@/{database}?host={self.folder}"

    def execute(self, statement: str, *values: object, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement as a stranger would."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return [] if cursor.description is None else cursor.fetchall()

    def create(self, template: str = "template0") -> str:
        """Make a new database, a copy of `template`; return its name."""
        name = f"test_{next(self._databases)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, database: str) -> None:
        """Remove a database, and cut whoever is connected."""
        self.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


def _fast_folder() -> str | None:
    """Return a folder in memory, where there is room: containers often have 64 MB of it."""
    has_room = os.access(_FAST, os.W_OK) and shutil.disk_usage(_FAST).free > _ROOM
    return _FAST if has_room else None


def _unprivileged() -> dict[str, object]:
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
