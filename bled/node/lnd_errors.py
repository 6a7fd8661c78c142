"""Errors of LND's gRPC interface, told apart by what they mean for money.

LND answers most of its own errors with status UNKNOWN and a sentence; the few that are read are named here.
"""

from typing import Final

from bled.codes import Code
from bled.errors import BledError, Unavailable
from bled.node.grpc_errors import LONGEST_DETAIL, classify_transport, short_error

_OWN: Final = frozenset({"UNKNOWN", "NOT_FOUND", "INVALID_ARGUMENT", "FAILED_PRECONDITION", "ALREADY_EXISTS"})
"""Statuses that come with a sentence of LND's own: the call was understood and refused."""
_NOT_READY: Final = (
    "wallet locked",
    "wallet not created",
    "waiting to start",
    "in the process of starting up",
    "server is still in the process of starting",
)
_GOING_DOWN: Final = ("server is shutting down", "shutting down", "context canceled")
_DUPLICATE: Final = "invoice with payment hash already exists"
_UNKNOWN_INVOICE: Final = ("unable to locate invoice", "there are no existing invoices")
_SETTLED: Final = "invoice already settled"
_NOT_CONNECTED: Final = "peer is not connected"
_CONNECTED: Final = "already connected to peer"


class LndFailure(Unavailable):
    """LND understood the call and refused it.

    Attributes:
        method: the method's name.
        message: LND's own words.
    """

    def __init__(self, method: str, message: str) -> None:
        self.method = method
        self.message = message
        super().__init__(Code.NODE_REFUSED, detail=f"{method}: {message}"[:LONGEST_DETAIL])

    @property
    def is_duplicate(self) -> bool:
        """The payment hash has an invoice already."""
        return _DUPLICATE in self.message

    @property
    def is_unknown_invoice(self) -> bool:
        """LND has no such invoice."""
        return any(words in self.message for words in _UNKNOWN_INVOICE)

    @property
    def is_settled(self) -> bool:
        """Too late to cancel: the invoice was paid."""
        return _SETTLED in self.message

    @property
    def is_not_connected(self) -> bool:
        """The peer of a message is none just now."""
        return _NOT_CONNECTED in self.message

    @property
    def is_connected_already(self) -> bool:
        """There is a connection to that peer."""
        return _CONNECTED in self.message


def classify(method: str, status: str, details: str) -> BledError:
    """Return the error for a gRPC status (by name) and its text.

    `NODE_UNREACHABLE` and `NODE_TLS` promise that nothing was done. `NODE_DIED` promises nothing.
    """
    if status not in _OWN:
        return classify_transport(status, details)
    words = details.lower()
    if any(text in words for text in _NOT_READY):
        return short_error(Code.NODE_UNREACHABLE, f"LND is not ready: {details}")
    if any(text in words for text in _GOING_DOWN):
        return short_error(Code.NODE_DIED, details)
    return LndFailure(method, details)
