"""How commands end."""

import json

import pytest
import typer
from typer.testing import CliRunner

from bled.cli.exit import end, reports_to, run_app
from bled.codes import OUTCOMES, Code
from bled.errors import BledError, Refused


def _app(error: BledError) -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

    @app.command()
    @reports_to("buyer")
    def command(json_: bool = typer.Option(False, "--json")) -> None:
        raise error

    return app


@pytest.mark.parametrize("code", list(Code))
def test_every_outcome_ends_with_the_exit_code_of_its_row(code: Code) -> None:
    result = CliRunner().invoke(_app(BledError(code, detail="why")), [])
    assert result.exit_code == OUTCOMES[code].exit_code
    assert result.stdout == ""
    assert (OUTCOMES[code].buyer or OUTCOMES[code].cashier) in result.stderr
    assert f"{code.value}: why" in result.stderr


@pytest.mark.parametrize("code", list(Code))
def test_every_outcome_is_one_object_on_stdout_with_json(code: Code) -> None:
    result = CliRunner().invoke(_app(BledError(code)), ["--json"])
    told = json.loads(result.stdout)
    assert told["outcome"] == code.value
    assert told["money_moved"] == OUTCOMES[code].money_moved.value
    assert told["exit_code"] == result.exit_code


def test_the_details_of_a_stranger_cannot_move_the_cursor() -> None:
    result = CliRunner().invoke(_app(Refused(Code.BUYER_DECLINED, detail="\x1b[2J")), [])
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("code", list(Code))
def test_a_command_ends_quietly_only_for_what_exits_with_zero(code: Code) -> None:
    if OUTCOMES[code].exit_code == 0:
        end(code)
    else:
        with pytest.raises(typer.Exit) as caught:
            end(code)
        assert caught.value.exit_code == OUTCOMES[code].exit_code


def test_a_usage_error_exits_with_64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["bled", "--nonsense"])
    with pytest.raises(SystemExit) as caught:
        run_app(_app(BledError(Code.PAID)))
    assert caught.value.code == 64
