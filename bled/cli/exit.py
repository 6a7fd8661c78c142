"""How commands end: the one place where errors become sentences and exit codes."""

import functools
import sys
from collections.abc import Callable
from typing import Final, ParamSpec

import typer

from bled.cli.output import Audience, report
from bled.codes import EXIT_OK, EXIT_USAGE, OUTCOMES, Code
from bled.errors import BledError

_USAGE_OF_TYPER: Final = 2
_INTERRUPTED: Final = 130

_Arguments = ParamSpec("_Arguments")


def reports_to(audience: Audience) -> Callable[[Callable[_Arguments, None]], Callable[_Arguments, None]]:
    """Return a decorator for commands: a `BledError` ends them as its row says; `--json` is `json_`."""

    def decorate(command: Callable[_Arguments, None]) -> Callable[_Arguments, None]:
        @functools.wraps(command)
        def run(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
            try:
                command(*args, **kwargs)
            except BledError as error:
                report(error, audience=audience, as_json=bool(kwargs.get("json_")))
                raise typer.Exit(error.outcome.exit_code) from None

        return run

    return decorate


def end(code: Code) -> None:
    """End the command with the exit code of an outcome; return for one that exits with 0."""
    status = OUTCOMES[code].exit_code
    if status != EXIT_OK:
        raise typer.Exit(status)


def run_app(app: typer.Typer) -> None:
    """Run the command line; usage errors exit with 64, Ctrl-C with 130."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except SystemExit as error:
        sys.exit(EXIT_USAGE if error.code == _USAGE_OF_TYPER else error.code)
