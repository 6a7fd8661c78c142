"""Ends of commands that no outcome of a sale describes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bled.cli.exit import reports_to, run_app
from bled.codes import OUTCOMES, Code

_BLED = Path(sys.executable).parent / "bled"


def _app(command: "typer.models.CommandFunctionType") -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(reports_to("cashier")(command))
    return app


def _stopped(number: int) -> typer.Typer:
    def command(json_: bool = typer.Option(False, "--json")) -> None:
        os.kill(os.getpid(), number)
        signal.pause()

    return _app(command)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_stopped_says_so_and_what_to_do(number: int) -> None:
    result = CliRunner().invoke(_stopped(number), [])
    assert result.exit_code == 130
    assert OUTCOMES[Code.INTERRUPTED].cashier in result.stderr
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    told = json.loads(CliRunner().invoke(_stopped(number), ["--json"]).stdout)
    assert (told["outcome"], told["money_moved"]) == ("interrupted", "unknown")


@pytest.fixture(autouse=True)
def _signals_are_again_what_they_were():
    """A command that was stopped leaves them as it needs them: its process is about to end, and this one is not."""
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_again_what_it_was_after_a_command(number: int) -> None:
    before = signal.getsignal(number)
    CliRunner().invoke(_app(lambda: None), [])
    assert signal.getsignal(number) is before


def test_a_terminal_that_goes_away_stops_a_command_once() -> None:
    def command() -> None:
        try:
            os.kill(os.getpid(), signal.SIGHUP)
        finally:
            os.kill(os.getpid(), signal.SIGHUP)
            tidied.append(True)

    tidied: list[bool] = []
    assert CliRunner().invoke(_app(command), []).exit_code == 130
    assert tidied == [True]


def test_a_command_under_nohup_outlives_its_terminal() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert CliRunner().invoke(_app(lambda: os.kill(os.getpid(), signal.SIGHUP)), []).exit_code == 0


def test_a_command_that_a_script_began_in_the_background_is_stopped_by_sigterm() -> None:
    """A shell without job control lets such a command ignore Ctrl-C, which SIGTERM must not become then."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert CliRunner().invoke(_stopped(signal.SIGTERM), []).exit_code == 130


def _needs(module: str) -> typer.Typer:
    def command(json_: bool = typer.Option(False, "--json")) -> None:
        raise ModuleNotFoundError(name=module)

    return _app(command)


def test_a_role_without_its_packages_names_what_to_install() -> None:
    result = CliRunner().invoke(_needs("grpc.aio"), [])
    assert result.exit_code == 78
    assert "grpc is not installed: pip install 'bled[merchant]'" in result.stderr


def test_a_module_of_ours_that_is_missing_is_a_defect() -> None:
    assert isinstance(CliRunner().invoke(_needs("bled.nowhere"), []).exception, ModuleNotFoundError)


@pytest.mark.parametrize("arguments", [["demo", "--nope"], ["home", "budget"], ["home", "revoke", "99"]])
def test_a_command_line_that_is_not_understood_is_an_object_too_with_json(arguments: list[str]) -> None:
    run = subprocess.run([_BLED, *arguments, "--json"], capture_output=True, text=True, timeout=30, check=False)
    assert run.returncode == 64
    assert json.loads(run.stdout)["outcome"] == "usage"
    assert run.stderr


def test_output_that_cannot_be_written_is_said_in_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(
            [_BLED, "--version"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=30, check=False
        )
    assert run.returncode == 70
    assert run.stderr == "bled: the output cannot be written: No space left on device\n"


def test_a_reader_that_goes_away_early_is_no_error_to_talk_about() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        run = subprocess.run(
            [_BLED, "--version"], stdout=gone, stderr=subprocess.PIPE, text=True, timeout=30, check=False
        )
    assert run.returncode != 0
    assert run.stderr == ""


def test_an_error_that_is_not_of_the_output_is_not_called_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def app() -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("sys.argv", ["bled"])
    with pytest.raises(PermissionError):
        run_app(app)
