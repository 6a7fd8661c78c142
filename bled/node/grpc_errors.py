"""What gRPC itself says of a call that brought no answer, told apart by what it means for money."""

from typing import Final

from bled.codes import Code
from bled.errors import BledError, Unavailable

LONGEST_DETAIL: Final = 300
"""Characters of a node's own words that are passed on."""

_TLS_WORDS: Final = ("handshake", "ssl_error", "certificate", "tls")
_NEVER_CONNECTED: Final = ("failed to connect", "connection refused", "dns resolution", "no route to host")
_DEADLINE_AT_SERVER: Final = "Timeout expired"
"""Real cln-grpc (v26.06.6) keeps to the call's deadline itself, and its word can be here before our own clock's."""
_HUNG_UP: Final = ("endpoint closing", "handshaker shutdown")


class NoAnswerInTime(Unavailable):
    """The call's deadline passed. Whether the node did what was asked is not known."""

    def __init__(self) -> None:
        super().__init__(Code.NODE_DIED, detail="no answer in time")


def classify_transport(status: str, details: str) -> BledError:
    """Return the error for a gRPC status (by name) that is not the node's own word, and its text.

    `NODE_UNREACHABLE` and `NODE_TLS` promise that the call was never sent. `NODE_DIED` promises nothing.
    """
    match status:
        case "UNAVAILABLE":
            return _unavailable(details)
        case "DEADLINE_EXCEEDED":
            return NoAnswerInTime()
        case "CANCELLED" if details == _DEADLINE_AT_SERVER:
            return NoAnswerInTime()
        case "UNAUTHENTICATED" | "PERMISSION_DENIED":
            return short_error(Code.NODE_REFUSED, details)
        case _:
            # CANCELLED with RST_STREAM: the server's handler broke on this call. UNIMPLEMENTED: too old a node.
            return short_error(Code.NODE_PROTOCOL, f"{status}: {details}")


def short_error(code: Code, details: str) -> Unavailable:
    """Return an error with a text that may be long, cut."""
    return Unavailable(code, detail=details[:LONGEST_DETAIL])


def _unavailable(details: str) -> BledError:
    words = details.lower()
    if any(
        word in words for word in _HUNG_UP
    ):  # in the middle of the handshake: too busy or on its way down, not a refusal of ours
        return short_error(Code.NODE_UNREACHABLE, details)
    if any(word in words for word in _TLS_WORDS):
        return short_error(Code.NODE_TLS, details)
    if any(word in words for word in _NEVER_CONNECTED):
        return short_error(Code.NODE_UNREACHABLE, details)
    return short_error(Code.NODE_DIED, details)
