"""Errors of a Core Lightning node as its callers see them, to the letter."""

from collections.abc import Mapping
from typing import Final

JsonValue = str | int | bool
"""What stands in the `data` of an error here."""

INVALID_PARAMS: Final = -32602
LIGHTNINGD: Final = -1
OFFER_EXISTS: Final = 1000
OFFER_NOT_ACTIVE: Final = 1001
OFFER_ALREADY_ACTIVE: Final = 1006
OFFER_USED: Final = 1007
LABEL_EXISTS: Final = 900
EXPIRED_DURING_WAIT: Final = 903
INVOICE_NOT_FOUND: Final = 905
INVOICE_STATUS_UNEXPECTED: Final = 906
INVOICE_OFFER_INACTIVE: Final = 907
UNKNOWN_PAYMENT: Final = 203

_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}


class RpcError(Exception):
    """A command failed in the node.

    Attributes:
        code: lightningd's error code; None when it is the gRPC plugin that failed.
        message: lightningd's text.
        data: members of the error's `data`, if it has any.
    """

    def __init__(self, code: int | None, message: str, data: Mapping[str, JsonValue] | None = None) -> None:
        self.code = code
        self.message = message
        self.data = data
        super().__init__(code, message)

    def details(self, command: str) -> str:
        """Return the status details that the gRPC plugin makes of this error for `command`."""
        code = "None" if self.code is None else f"Some({self.code})"
        fields = f"code: {code}, message: {_debug(self.message)}, data: {_debug_data(self.data)}"
        return f"Error calling method {command}: RpcError {{ {fields} }}"


class HandlerCrashed(Exception):
    """The gRPC plugin's handler broke on this request: the stream is reset, the node lives on."""


class NodeDied(Exception):
    """lightningd is gone. Calls under way end without an answer; nobody listens until it is started again."""


def bad_parameter(name: str, problem: str, token: str) -> RpcError:
    """Return lightningd's error for a parameter it cannot use; `token` is the value as JSON."""
    return RpcError(INVALID_PARAMS, f"{name}: {problem}: invalid token '{token}'")


def _debug(text: str) -> str:
    """Return `text` as Rust's Debug format writes a string."""
    return '"' + "".join(_ESCAPES.get(character) or _visible(character) for character in text) + '"'


def _visible(character: str) -> str:
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"


def _debug_data(data: Mapping[str, JsonValue] | None) -> str:
    if data is None:
        return "None"
    members = ", ".join(f"{_debug(name)}: {_debug_value(data[name])}" for name in sorted(data))
    return f"Some(Object {{{members}}})"


def _debug_value(value: JsonValue) -> str:
    if isinstance(value, bool):
        return f"Bool({str(value).lower()})"
    return f"Number({value})" if isinstance(value, int) else f"String({_debug(value)})"
