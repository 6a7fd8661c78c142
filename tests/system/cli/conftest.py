"""The sandbox in a process of its own, and the commands of each role as people run them."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_BLED = Path(sys.executable).parent / "bled"


@dataclass(kw_only=True)
class Shop:
    """A running sandbox, and the folder of everybody's files."""

    folder: Path
    env: Mapping[str, str]
    children: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *arguments: str, stdin: int | None = None, **env: str) -> subprocess.Popen[str]:
        """Start a command of bled; `stdin` is what it reads from, nothing unless told."""
        child = subprocess.Popen(
            [_BLED, *arguments],
            env={**self.env, **env},
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.children.append(child)
        return child

    def run(self, *arguments: str, **env: str) -> "Ended":
        """Run a command of bled to its end."""
        return ended(self.start(*arguments, **env))

    def charge(self, *options: str, **env: str) -> tuple[subprocess.Popen[str], str]:
        """Start a till that sells a flat white; return it and the code that its screen shows for the buyer to read."""
        till = self.start("merchant", "charge", "2500", "--description", "flat white", "--engage", *options, **env)
        return till, shown(till, r"bled1:[A-Za-z0-9_-]{43}")

    def book(self, name: str = "phone", *, budget: str = "50000sat", ids: int = 10) -> tuple[Path, Path]:
        """Issue a book at home; return its file and the file of its passphrase."""
        out, passphrase = self.folder / f"{name}.book", self.folder / f"{name}.passphrase"
        issued = self.run(
            "home", "issue", str(out), "--device", name, "--budget", budget, "--count", str(ids), "--json"
        )
        assert issued.code == 0, issued.err
        passphrase.write_text(issued.object["passphrase"] + "\n")
        return out, passphrase

    def phone(self, name: str = "phone") -> dict[str, str]:
        """Issue and import a book; return the environment of its device."""
        env = {"BLED_DATA_DIR": str(self.folder / name)}
        out, passphrase = self.book(name)
        imported = self.run("buyer", "import", str(out), "--passphrase-file", str(passphrase), **env)
        assert imported.code == 0, imported.err
        return env


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def object(self) -> dict[str, Any]:
        """The one JSON object that it printed."""
        return dict(json.loads(self.out))


def shown(child: subprocess.Popen[str], pattern: str) -> str:
    """Wait until a command has shown what `pattern` fits on stderr; return it."""
    assert child.stderr is not None
    for line in child.stderr:
        if found := re.search(pattern, line):
            return found.group()
    raise AssertionError(f"it ended without showing {pattern}")


def ended(child: subprocess.Popen[str]) -> Ended:
    """Wait for a command's end."""
    out, err = child.communicate(timeout=60)
    return Ended(code=child.returncode, out=out, err=err)


@pytest.fixture
def shop_less(tmp_path: Path) -> Shop:
    """A machine on which nothing runs."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BLED_")}
    return Shop(folder=tmp_path, env=clean | {"XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)})


@pytest.fixture
def shop(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A sandbox; its merchant has Core Lightning unless the test asks for another kind."""
    with opened(tmp_path_factory.mktemp("shop"), merchant=getattr(request, "param", "cln")) as shop:
        yield shop


@pytest.fixture(scope="module")
def lasting_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A sandbox that the tests of a file share: each has devices and books of its own."""
    with opened(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


@contextmanager
def opened(folder: Path, *, merchant: str = "cln") -> Iterator[Shop]:
    """Run a sandbox for as long as the block lasts."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BLED_")}
    clean |= {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_DATA_HOME": str(folder / "data")}
    shop = Shop(folder=folder, env=clean)
    sandbox = shop.start("sandbox", "run", "--json", "--data", str(folder / "till"), "--merchant", merchant)
    assert sandbox.stdout is not None
    line = sandbox.stdout.readline()
    assert line, sandbox.communicate()[1]
    shop.env = {**clean, **json.loads(line)["settings"]}
    yield shop
    for child in reversed(shop.children):
        if child.poll() is None:
            child.terminate()
        ended(child)
    assert sandbox.returncode == 0
