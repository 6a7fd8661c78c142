"""Errors of Core Lightning's gRPC interface, told apart by what they mean for money.

The node's own errors come as status UNKNOWN with Rust's debug form of `RpcError` as text. Only the method, the code
and the message in it are read: `data` may be cut short, and everything in it can be asked for again.
"""

import re
from typing import Final

from bled.codes import Code
from bled.errors import BledError, Unavailable
from bled.node.grpc_errors import LONGEST_DETAIL, classify_transport, short_error

DUPLICATE_LABEL: Final = 900
INVOICE_EXPIRED_DURING_WAIT: Final = 903
OFFER_ALREADY_EXISTS: Final = 1000
OFFER_NOT_ACTIVE: Final = 1001
UNKNOWN_LABEL_OR_OFFER: Final = -1

_RPC_ERROR: Final = re.compile(
    r"\AError calling method (?P<method>\w+): RpcError \{ "
    r'code: (?:Some\((?P<code>-?\d{1,9})\)|None), message: "(?P<message>(?:[^"\\]|\\.)*)"',
    re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|(.))", re.DOTALL)
_PLAIN_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}
# cln-grpc's own words, without a code, when lightningd went away behind it: after it was asked, or before.
_LIGHTNINGD_GONE: Final = (
    "no response from lightningd",
    "reading response from socket",
    "Error passing request to lightningd",
)
_NO_LIGHTNINGD: Final = ("Connection refused", "No such file or directory")
_ANSWER_UNREADABLE: Final = "Failed to deserialize response"


class RpcFailure(Unavailable):
    """The node understood the call and refused it.

    Attributes:
        method: the method as the node names it.
        rpc_code: the node's error code, None when it gave none.
        message: the node's own words.
    """

    def __init__(self, method: str, rpc_code: int | None, message: str) -> None:
        self.method = method
        self.rpc_code = rpc_code
        self.message = message
        number = "" if rpc_code is None else f" ({rpc_code})"
        super().__init__(Code.NODE_REFUSED, detail=f"{method}: {message}{number}"[:LONGEST_DETAIL])

    @property
    def answer_was_unreadable(self) -> bool:
        """Whether the call succeeded and only the answer did not fit the node's own gRPC types."""
        return self.rpc_code is None and self.message.startswith(_ANSWER_UNREADABLE)


def classify(status: str, details: str) -> BledError:
    """Return the error for a gRPC status (by name) and its text.

    `NODE_UNREACHABLE` and `NODE_TLS` promise that the call was never sent. `NODE_DIED` promises nothing.
    """
    if status == "INTERNAL" and details.startswith(_NO_LIGHTNINGD):
        return short_error(Code.NODE_UNREACHABLE, f"lightningd is not there: {details}")
    return _own_error(details) if status == "UNKNOWN" else classify_transport(status, details)


def _own_error(details: str) -> BledError:
    found = _RPC_ERROR.match(details)
    if found is None:
        return short_error(Code.NODE_PROTOCOL, details)
    message = _ESCAPE.sub(_unescape, found["message"])
    if found["code"] is None and message.startswith(_LIGHTNINGD_GONE):
        return short_error(Code.NODE_DIED, message)
    return RpcFailure(found["method"], None if found["code"] is None else int(found["code"]), message)


def _unescape(found: re.Match[str]) -> str:
    number, character = found.groups()
    if number is None:
        return _PLAIN_ESCAPES.get(character, character)
    value = int(number, 16)
    return chr(value) if value <= 0x10FFFF else "\ufffd"
