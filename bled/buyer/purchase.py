"""How a meeting ended for the buyer."""

from dataclasses import dataclass

from bled.codes import Code
from bled.vault.vault import Reservation
from bled_codec.units import Msat


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """How a meeting ended for the buyer.

    Attributes:
        code: `PAID`, or another row of the registry.
        detail: one sentence more, when there is one.
        reservation: what was signed; None when nothing was.
        amount: what was asked; None when no offer came.
        preimage: the proof; only with `PAID`, when it opens the hash of the invoice that answers the request.
        invoice: the invoice that the till supplied.
    """

    code: Code
    detail: str = ""
    reservation: Reservation | None = None
    amount: Msat | None = None
    preimage: bytes | None = None
    invoice: bytes | None = None
