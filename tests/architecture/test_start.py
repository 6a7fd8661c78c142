"""`bled --help` answers at once: what is heavy is loaded by the commands that need it."""

import subprocess
import sys
from pathlib import Path

import pytest

# Not pydantic: typer itself uses it for what follows a subcommand.
HEAVY = (
    *("PIL", "asyncio", "bleak", "bless", "bumble", "coincurve", "cryptography", "google", "grpc", "rich", "segno"),
    *("sqlalchemy", "zxingcpp"),
)

_PROGRAM = """
import sys
from bled.cli.main import main
sys.argv = ["bled", *sys.argv[1:]]
try:
    main()
finally:
    print("\\nloaded:", *sorted(name for name in sys.modules if "." not in name), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["buyer", "--help"], ["merchant", "charge", "--help"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    loaded = ended.stderr.partition("loaded: ")[2].split()
    assert "typer" in loaded
    assert set(HEAVY) & set(loaded) == set()


def test_the_back_up_words_need_no_database(tmp_path: Path) -> None:
    secret = tmp_path / "master.secret"
    secret.touch(mode=0o600)
    secret.write_bytes(bytes(32))
    command = [sys.executable, "-c", _PROGRAM, "home", "backup", "--folder", str(tmp_path), "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    loaded = ended.stderr.partition("loaded: ")[2].split()
    assert {"sqlalchemy", "psycopg", "grpc"} & set(loaded) == set()


def test_the_modules_in_this_list_would_be_seen() -> None:
    command = [sys.executable, "-c", f"import rich\n{_PROGRAM}", "--version"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "rich" in ended.stderr.partition("loaded: ")[2].split()
