"""The person at the device: asked once in a meeting, again after each tip, and the answer is taken once."""

import asyncio
from dataclasses import replace

from bled.buyer.approval import Answer, Approver, Question, Reply, WithTip
from bled.codes import Code
from bled.errors import BledError, Refused
from bled.gatt.compare_code import CompareCode, grouped
from bled.progress import OnStep
from bled.session.offer_policy import AcceptableOffer
from bled.vault.vault import Reservation, Vault
from bled_codec.units import Msat


class Person:
    """Who decides in one meeting."""

    def __init__(self, vault: Vault, *, approve: Approver, on_step: OnStep, allows_refund: bool = False) -> None:
        """Take where what is approved gets signed, and the way to ask. `allows_refund`: refund offers go along."""
        self._allows_refund = allows_refund
        self._vault = vault
        self._approve = approve
        self._on_step = on_step
        self._question: Question | None = None
        self.thinking: asyncio.Future[Reply] | None = None
        """What is waited for; None before the question and after its answer was taken."""

    def ask(self, accepted: AcceptableOffer, *, code: CompareCode | None, reader_key: bytes) -> None:
        """Show what is asked. Raises `BledError` when the device may not pay it: nobody is asked then."""
        question = Question(
            accepted=accepted,
            max_fee=self._vault.max_fee(accepted.amount, now=accepted.now),
            code=code,
            paid_before=self._vault.times_paid_at(reader_key),
        )
        self._show(question)

    def _show(self, question: Question) -> None:
        self._on_step("offer shown", _facts(question))
        self._question = question
        self.thinking = asyncio.ensure_future(self._approve(question))

    def answer(self) -> Answer | None:
        """Return what the person said, once; None while there is nothing, and when they are asked again."""
        if self.thinking is None or not self.thinking.done():
            return None
        reply, self.thinking = self.thinking.result(), None
        if not isinstance(reply, WithTip):
            return reply
        if self._question is not None:
            self._show(self._with_tip(self._question, reply.tip))
        return None

    def _with_tip(self, question: Question, tip: Msat) -> Question:
        """Return the question with `tip` in it, or as it was with a note that says why not."""
        most = question.accepted.tip_max
        if not 0 <= tip <= most:
            return replace(question, note=f"{tip} msat is no tip here, the till takes {most} msat at most")
        try:
            max_fee = self._vault.max_fee(Msat(question.price + tip), now=question.accepted.now)
        except Refused as error:
            return replace(question, note=f"with {tip} msat more it would be over a limit: {error}")
        return replace(question, tip=tip, max_fee=max_fee, note="")

    def sign(self) -> Reservation:
        """Have what was shown last signed and on the disk. Raises `BledError` as `Vault.reserve` does."""
        question = self._question
        if question is None:
            raise BledError(Code.INTERNAL, detail="nobody was asked")
        accepted = question.accepted
        reservation = self._vault.reserve(
            accepted.offer,
            amount=question.amount,
            now=accepted.now,
            clock_trusted=accepted.clock_trusted,
            allows_refund=self._allows_refund,
        )
        facts = {"bytes": len(reservation.request), "payer_id": reservation.payer_id.hex()}
        self._on_step("request signed", facts)
        return reservation


def _facts(question: Question) -> dict[str, object]:
    return {
        "amount_msat": question.amount,
        "max_fee_msat": question.max_fee,
        "description": question.description,
        "issuer": question.issuer,
        "clock_trusted": question.clock_trusted,
        "code": "read from the till" if question.code is None else grouped(question.code),
        "paid_before": question.paid_before,
    } | ({"tip_msat": question.tip, "tip_max_msat": question.accepted.tip_max} if question.accepted.tip_max else {})
