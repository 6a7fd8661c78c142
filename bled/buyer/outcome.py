"""How a meeting ended, as far as the device can know, and what of it is on the disk."""

from typing import Final

from bled.buyer.purchase import Purchase
from bled.clock import Clock
from bled.codes import Code, Failpoint
from bled.errors import BledError
from bled.failpoint import failpoint
from bled.gatt.messages import StatusCode, StatusMessage
from bled.progress import OnStep
from bled.vault.vault import Reservation, Vault

_NOTHING_YET: Final = Purchase(code=Code.CANCELLED)


class Outcome:
    """The outcome of one meeting; nothing was signed or said yet."""

    def __init__(self, vault: Vault, *, clock: Clock, on_step: OnStep) -> None:
        """Take where it is recorded."""
        self._vault = vault
        self._clock = clock
        self._on_step = on_step
        self._reservation: Reservation | None = None
        self.purchase = _NOTHING_YET
        """What the person is told."""

    def signed(self, reservation: Reservation) -> None:
        """Remember what was signed: from now on only a proof, or home, tells the outcome."""
        self._reservation = reservation

    def finish(self, status: StatusMessage, *, reader_key: bytes) -> bool:
        """Record what the till says of the end; return whether that is on the disk."""
        reservation = self._reservation
        if reservation is None:
            return False
        failpoint(Failpoint.BUYER_OUTCOME)
        code = _till_says(status)
        detail = status.text or f"the till says {status.code.name.lower()}"
        is_recorded = True
        try:
            self._vault.record_outcome(
                reservation.payer_id,
                code,
                invoice=status.invoice,
                preimage=status.preimage,
                now=self._clock.now(),
                reader_key=reader_key,
            )
        except BledError as error:
            # Anything but a bad proof is the device's own trouble, and says nothing about the payment.
            is_recorded = error.code is Code.PROOF_MISMATCH
            code = error.code if is_recorded else Code.OUTCOME_UNKNOWN
            detail = error.detail if is_recorded else f"{detail}; not recorded here: {error}"
        self.purchase = Purchase(
            code=code,
            detail=detail,
            reservation=reservation,
            amount=reservation.amount,
            preimage=status.preimage if code is Code.PAID else None,
            invoice=status.invoice,
        )
        if is_recorded:
            self._on_step("outcome recorded", {"code": code.value})
        return is_recorded

    def broken(self, error: BledError) -> None:
        """The meeting broke off. Once a signature left, only the home node knows the outcome."""
        if self.purchase is not _NOTHING_YET:
            return  # the outcome was recorded; the acknowledgement got lost
        if self._reservation is None:
            self.purchase = Purchase(code=error.code, detail=error.detail)
            return
        self.purchase = Purchase(
            code=Code.OUTCOME_UNKNOWN,
            detail=str(error),
            reservation=self._reservation,
            amount=self._reservation.amount,
        )


def _till_says(status: StatusMessage) -> Code:
    """Return what a last status is worth before its proof is looked at.

    A till that says "not paid" may still charge until the signed expiry, and a preimage without its invoice proves
    nothing: of both only home can be sure.
    """
    if status.code is not StatusCode.PAID:
        return Code.NOT_CONFIRMED
    return Code.PAID if status.invoice is not None else Code.PAID_UNPROVEN
