"""Logs go to stderr, one event a line: JSON for a journal, plain text for a person. Only this module configures them.

Secrets are masked by type and by name before anything is written, in our events and in those of libraries.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from enum import StrEnum
from typing import Any, Final, TextIO

from pydantic import SecretBytes, SecretStr

from bled_codec.crypto import SecretKey

MASK: Final = "(secret)"

_SECRET_TYPES: Final = (SecretKey, SecretStr, SecretBytes)

_SECRET_NAMES: Final = (
    "book",
    "entropy",
    "key",
    "macaroon",
    "passphrase",
    "password",
    "payer_id",
    "pin",
    "preimage",
    "rune",
    "secret",
    "signature",
    "token",
)
"""Names, or last words of names, whose value is masked whatever its type: hexadecimal text does not tell what it is."""

_PUBLIC_NAMES: Final = frozenset({"public_key", "book_key"})

_DEEPEST: Final = 6
"""Levels of containers that are looked into; what lies deeper is masked as a whole."""


class LogFormat(StrEnum):
    """How a line looks."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


def configure_logging(
    *, log_format: LogFormat = LogFormat.AUTO, level: str = "info", stream: TextIO | None = None
) -> None:
    """Send our events and those of libraries to `stream` (stderr when `None`). To be called once, by what starts.

    `AUTO` is text when the stream is a terminal, else JSON. Libraries speak from "warning" up, or from `level` if that
    is higher: below it they write what they send. Raises `ValueError` for a level that `logging` does not know.
    """
    import structlog  # here, because it loads rich, which `bled --help` must not

    stream = sys.stderr if stream is None else stream
    threshold = _threshold(level)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(log_format, stream)],
    )
    _install(stream, formatter, threshold)


def _threshold(level: str) -> int:
    try:
        return logging.getLevelNamesMapping()[level.upper()]
    except KeyError as error:
        raise ValueError(f"{level} is not a level of logging") from error


def _renderer(log_format: LogFormat, stream: TextIO) -> Any:
    import structlog  # see configure_logging

    terminal = stream.isatty()
    if log_format is LogFormat.JSON or (log_format is LogFormat.AUTO and not terminal):
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    # The plain traceback, since the pretty one shows local variables.
    return structlog.dev.ConsoleRenderer(colors=terminal, exception_formatter=structlog.dev.plain_traceback)


def _install(stream: TextIO, formatter: logging.Formatter, threshold: int) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(threshold, logging.WARNING))
    logging.getLogger("bumble").setLevel(logging.ERROR)  # it warns of whatever a stranger's radio sends
    for ours in ("bled", "__main__"):  # the second is a module of ours that was started with `python -m`
        logging.getLogger(ours).setLevel(threshold)


def mask_secrets(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return the event without secrets: a processor of structlog.

    Keys and passphrases are masked by type or by name; other bytes show their length only.
    """
    del logger, method
    return {key: value if key.startswith("_") else _mask_named(key, value, 0) for key, value in event.items()}


def _mask_named(name: object, value: object, depth: int) -> object:
    return MASK if value is not None and _names_a_secret(str(name)) else _mask(value, depth)


def _names_a_secret(name: str) -> bool:
    name = name.lower().replace("-", "_")
    return name not in _PUBLIC_NAMES and any(name == secret or name.endswith(f"_{secret}") for secret in _SECRET_NAMES)


def _mask(value: object, depth: int) -> object:
    if isinstance(value, _SECRET_TYPES) or depth > _DEEPEST:
        return MASK
    if isinstance(value, bytes | bytearray | memoryview):
        return f"({len(value)} bytes)"
    if isinstance(value, Mapping):
        return {str(_mask(key, depth + 1)): _mask_named(key, item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_mask(item, depth + 1) for item in value]
    return value
