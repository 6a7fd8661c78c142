"""Logs: one event a line, on the stream that was given, and no secret in any of them."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from pydantic import SecretStr

from bled.log import MASK, LogFormat, configure_logging, mask_secrets
from bled_codec.crypto import SecretKey

_KEY = SecretKey(bytes(31) + b"\x07")
_PREIMAGE = "5e" * 32


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Put back what `configure_logging` changes for the whole process."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers[:], level = before
    root.setLevel(level)
    for name in ("bled", "__main__", "bumble"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        return True


def _lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def _masked(**event: object) -> dict[str, object]:
    return dict(mask_secrets(None, "info", dict(event)))


def test_an_event_is_one_line_of_json_with_time_and_level() -> None:
    stream = io.StringIO()
    configure_logging(stream=stream)
    structlog.get_logger("bled.test").info("offer sent", bytes=182)
    (line,) = _lines(stream)
    assert line.pop("timestamp")
    assert line == {"event": "offer sent", "level": "info", "bytes": 182}


def test_a_terminal_gets_text_and_a_pipe_gets_json() -> None:
    terminal = Terminal()
    configure_logging(stream=terminal)
    structlog.get_logger("bled.test").info("offer sent")
    assert "offer sent" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")


def test_text_can_be_asked_for_without_a_terminal_and_has_no_colours() -> None:
    stream = io.StringIO()
    configure_logging(stream=stream, log_format=LogFormat.CONSOLE)
    structlog.get_logger("bled.test").info("offer sent")
    assert "\x1b" not in stream.getvalue()


def test_logs_go_to_stderr_unless_told(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    structlog.get_logger("bled.test").warning("offer sent")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "offer sent" in captured.err


def test_what_is_below_the_level_is_not_written() -> None:
    stream = io.StringIO()
    configure_logging(stream=stream, level="warning")
    structlog.get_logger("bled.test").info("offer sent")
    assert stream.getvalue() == ""


def test_a_level_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="loud"):
        configure_logging(level="loud")


def test_libraries_are_heard_from_warning_up_in_the_same_form() -> None:
    stream = io.StringIO()
    configure_logging(stream=stream, level="debug")
    logging.getLogger("grpc").info("every packet")
    logging.getLogger("grpc").warning("controller %s", "gone")
    (line,) = _lines(stream)
    assert (line["event"], line["level"]) == ("controller gone", "warning")


def test_our_modules_are_heard_also_through_the_standard_library() -> None:
    stream = io.StringIO()
    configure_logging(stream=stream)
    logging.getLogger("bled.home.main").info("plugin ready")
    assert [line["event"] for line in _lines(stream)] == ["plugin ready"]


def test_configuring_twice_writes_each_event_once() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure_logging(stream=first)
    configure_logging(stream=second)
    structlog.get_logger("bled.test").info("offer sent")
    assert (first.getvalue(), len(_lines(second))) == ("", 1)


def test_context_of_a_sale_is_on_every_line() -> None:
    stream = io.StringIO()
    configure_logging(stream=stream)
    with structlog.contextvars.bound_contextvars(sale_id="s1"):
        structlog.get_logger("bled.test").info("offer sent")
    assert _lines(stream)[0]["sale_id"] == "s1"


def test_an_exception_is_written_without_local_variables() -> None:
    stream = io.StringIO()
    configure_logging(stream=stream)
    _fail_with(passphrase="correct horse battery")
    assert "ZeroDivisionError" in stream.getvalue()
    assert "horse" not in stream.getvalue()


def test_a_terminal_too_shows_an_exception_without_local_variables() -> None:
    terminal = Terminal()
    configure_logging(stream=terminal)
    _fail_with(passphrase="correct horse battery")
    assert "ZeroDivisionError" in terminal.getvalue()
    assert "horse" not in terminal.getvalue()


def _fail_with(*, passphrase: str) -> None:
    try:
        len(passphrase) / 0
    except ZeroDivisionError:
        structlog.get_logger("bled.test").exception("defect")


def test_secret_types_are_masked_under_any_name() -> None:
    assert _masked(a=_KEY, b=SecretStr("horse")) == {"a": MASK, "b": MASK}


def test_secret_names_are_masked_whatever_their_type() -> None:
    assert _masked(preimage=_PREIMAGE, payer_key="07" * 32, passphrase="horse") == {
        "preimage": MASK,
        "payer_key": MASK,
        "passphrase": MASK,
    }


def test_what_looks_like_a_secret_name_and_is_not_stays() -> None:
    assert _masked(public_key="02", monkey="ape", passphrase=None) == {
        "public_key": "02",
        "monkey": "ape",
        "passphrase": None,
    }


def test_bytes_show_their_length_only() -> None:
    assert _masked(packet=bytes(1366)) == {"packet": "(1366 bytes)"}


def test_secrets_inside_containers_are_masked() -> None:
    assert _masked(facts={"preimage": _PREIMAGE, "list": [_KEY, 1]}) == {"facts": {"preimage": MASK, "list": [MASK, 1]}}


def test_a_container_that_is_too_deep_is_masked_as_a_whole() -> None:
    deep: object = "bottom"
    for _ in range(20):
        deep = [deep]
    assert "bottom" not in repr(_masked(deep=deep))
    assert MASK in repr(_masked(deep=deep))


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_no_secret_reaches_the_stream(log_format: LogFormat) -> None:
    stream = io.StringIO()
    configure_logging(stream=stream, log_format=log_format)
    structlog.get_logger("bled.test").info("paid", key=_KEY, preimage=_PREIMAGE, raw=_KEY.reveal())
    written = stream.getvalue()
    assert written
    assert _PREIMAGE not in written
    assert _KEY.reveal().hex() not in written
    assert repr(_KEY.reveal()) not in written


def test_what_a_strangers_radio_sends_is_no_warning_of_ours() -> None:
    stream = io.StringIO()
    configure_logging(stream=stream, level="warning")
    logging.getLogger("bumble.att").warning("unknown opcode")
    assert stream.getvalue() == ""
