"""How commands end: the one place where errors become sentences and exit codes."""

import contextlib
import errno
import functools
import os
import signal
import sys
from collections.abc import Callable
from typing import Final, ParamSpec

import typer

from bled.cli.output import Audience, report
from bled.codes import EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, OUTCOMES, Code
from bled.errors import BledError, ConfigurationError

_USAGE_OF_TYPER: Final = 2
_OUTPUT_BROKEN: Final = frozenset({errno.ENOSPC, errno.EPIPE, errno.EIO, errno.EDQUOT, errno.EFBIG})
"""What writing to stdout can end in."""

_STOPPING: Final = (signal.SIGTERM, signal.SIGHUP)

_Arguments = ParamSpec("_Arguments")


def reports_to(audience: Audience) -> Callable[[Callable[_Arguments, None]], Callable[_Arguments, None]]:
    """Return a decorator for commands: a `BledError` ends them as its row says; `--json` is `json_`.

    Ctrl-C, SIGTERM, SIGHUP and a package that is not installed end them with a row of their own.
    """

    def decorate(command: Callable[_Arguments, None]) -> Callable[_Arguments, None]:
        @functools.wraps(command)
        def run(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
            try:
                with _terminated_like_ctrl_c():
                    command(*args, **kwargs)
            except KeyboardInterrupt:
                error = BledError(Code.INTERRUPTED)
            except ModuleNotFoundError as missing:
                error = _not_installed(missing)
            except BledError as caught:
                error = caught
            else:
                return
            report(error, audience=audience, as_json=bool(kwargs.get("json_")))
            raise typer.Exit(error.outcome.exit_code) from None

        return run

    return decorate


class _terminated_like_ctrl_c:  # noqa: N801 (used as a statement, like contextlib's own)
    """While inside, SIGTERM and a terminal that goes away do what Ctrl-C does: what is under way is left in order.

    A signal that is ignored (`nohup`) stays ignored. A terminal that goes away says so several times: only the first
    counts, else the second would break into the tidying up.
    """

    def __enter__(self) -> None:
        self._before = {number: signal.getsignal(number) for number in _STOPPING}
        for number, before in self._before.items():
            if before is not signal.SIG_IGN:
                signal.signal(number, _stop)

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            if signal.getsignal(number) is _stop:
                signal.signal(number, before)


def _stop(number: int, _frame: object) -> None:
    if number == signal.SIGHUP:
        signal.signal(number, signal.SIG_IGN)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a script's `command &`: Ctrl-C is not for it, SIGTERM is
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)


def _not_installed(missing: ModuleNotFoundError) -> ConfigurationError:
    """Return the error for a role whose extra was left out; a module of ours that is missing is a defect."""
    name = (missing.name or "").partition(".")[0]
    if name in ("", "bled", "bled_codec"):
        raise missing
    extras = "pip install 'bled[merchant]', 'bled[buyer]', 'bled[home]' or 'bled[all]'"
    return ConfigurationError(Code.EXTRA_MISSING, detail=f"{name} is not installed: {extras}")


def end(code: Code) -> None:
    """End the command with the exit code of an outcome; return for one that exits with 0."""
    status = OUTCOMES[code].exit_code
    if status != EXIT_OK:
        raise typer.Exit(status)


def run_app(app: typer.Typer) -> None:
    """Run the command line; usage errors exit with 64, and with `--json` as an object on stdout as well."""
    try:
        app()
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except SystemExit as error:
        sys.exit(_usage() if error.code == _USAGE_OF_TYPER else error.code)
    except OSError as error:
        if error.errno not in _OUTPUT_BROKEN or error.filename is not None:
            raise  # of a file or a socket: those who use them say so themselves
        sys.exit(_cannot_print(error))


def _usage() -> int:
    if "--json" in sys.argv:
        told = BledError(Code.USAGE, detail="the command line was not understood; stderr says where")
        report(told, audience="buyer", as_json=True)
    return EXIT_USAGE


def _cannot_print(error: OSError) -> int:
    """Whoever read our output is gone, or the disk is full: say so where it can still be said."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in the buffer goes nowhere
    if not isinstance(error, BrokenPipeError):
        with contextlib.suppress(OSError):  # of a terminal that is gone both streams are
            sys.stderr.write(f"bled: the output cannot be written: {error.strerror}\n")
    return EXIT_INTERNAL
