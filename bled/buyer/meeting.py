"""One meeting of the buyer's device with a till: session, vault and person joined over a link.

Money rule 1 lives in `_sign`: the vault has the request on disk before a byte of it can leave.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any, Final, assert_never

from bled.buyer.approval import Answer, Approver, Question
from bled.buyer.arrival import Met
from bled.clock import Clock
from bled.codes import Code, Failpoint
from bled.errors import BledError, PeerError, Unavailable
from bled.failpoint import failpoint
from bled.gatt.compare_code import grouped
from bled.gatt.frames import FramingError
from bled.gatt.messages import AbortReason, InvreqMessage, StatusCode, StatusMessage, decode_message, encode_message
from bled.progress import OnStep
from bled.session.buyer import (
    APPROVE_SECONDS,
    KEEP_ALIVE_SECONDS,
    STATUS_SECONDS,
    Action,
    BuyerSession,
    Close,
    Finish,
    Progress,
    Send,
    Show,
)
from bled.session.offer_policy import AcceptableOffer
from bled.vault.vault import Reservation, Vault
from bled_codec.units import Msat

REJOINS: Final = 5
"""How often in one meeting a link may break and be made again."""
AFTER_EXPIRY_SECONDS: Final = 15.0
"""How long after the offer's expiry the device still waits for the outcome."""


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


class Meeting:
    """Runs one session to its end."""

    def __init__(
        self, *, met: Met, vault: Vault, chain: bytes, clock: Clock, approve: Approver, on_step: OnStep
    ) -> None:
        """Take a till that was met, and everything the session needs; nothing happens before `run`."""
        self._met = met
        self._link = met.link
        self._vault = vault
        self._clock = clock
        self._approve = approve
        self._on_step = on_step
        self._session = BuyerSession(
            chain=chain, clock_trusted=vault.clock_trusted(clock.now()), not_before=vault.earliest_now()
        )
        self._reservation: Reservation | None = None
        self._result = Purchase(code=Code.CANCELLED)
        self._ends_at = clock.monotonic() + STATUS_SECONDS
        self._rejoins_left = REJOINS

    async def run(self) -> Purchase:
        """Meet the till and return the outcome. Raises nothing for what a till or the radio can do."""
        try:
            await self._converse()
        except BledError as error:
            self._result = self._broken(error)
            if isinstance(error, PeerError):
                await self._complain(error)
        finally:
            await self._link.close()
        return self._result

    async def _converse(self) -> None:
        message: bytes | None = self._met.opening
        open_ = True
        while open_:
            try:
                open_ = await self._take(message or await self._link.receive(seconds=self._patience()))
                message = None
            except (Unavailable, FramingError) as error:
                message = await self._rejoin(error)

    async def _complain(self, error: PeerError) -> None:
        """Tell the till what was wrong with what it sent; the link is closed next."""
        with contextlib.suppress(BledError):
            await self._act(self._session.refuse(error))

    async def _rejoin(self, error: Unavailable | FramingError) -> bytes:
        """Wait for the till after a link broke; return what it says first. Raises `error` when there is no way back."""
        rejoin = self._met.rejoin
        if not _is_lost(error) or rejoin is None or not self._rejoins_left or not self._session.lose():
            raise error
        self._rejoins_left -= 1
        self._on_step("link lost, waiting for the till", {})
        try:
            self._met = await rejoin()
        except BledError as reason:
            raise error from reason
        self._link = self._met.link
        self._on_step("the till is back", {})
        return self._met.opening

    async def _take(self, data: bytes) -> bool:
        """Take one message of the till; return whether the meeting goes on."""
        message = decode_message(data)
        if message is None:  # an odd type that this version may ignore
            return True
        return await self._act(self._session.receive(message, now=self._clock.now()))

    def _patience(self) -> float:
        """Return how long the next message may take. A till that only says WAIT does not keep the device for ever."""
        return max(0.0, min(STATUS_SECONDS, self._ends_at - self._clock.monotonic()))

    async def _act(self, actions: tuple[Action, ...]) -> bool:
        """Do the actions in order; return whether the meeting goes on."""
        for action in actions:
            match action:
                case Send():
                    await self._send(action)
                case Show():
                    return await self._act(await self._decide(action.offer))
                case Progress():
                    self._on_step(f"status {action.code.name.lower().replace('_', ' ')}", {})
                case Finish():
                    self._finish(action.status)
                case Close():
                    self._close(action.reason)
                    return False
                case _:
                    assert_never(action)
        return True

    async def _send(self, action: Send) -> None:
        await self._link.send(encode_message(action.message))
        if isinstance(action.message, InvreqMessage):
            failpoint(Failpoint.BUYER_SENT)

    async def _decide(self, accepted: AcceptableOffer) -> tuple[Action, ...]:
        try:
            question = Question(
                accepted=accepted,
                max_fee=self._vault.max_fee(accepted.amount, now=accepted.now),
                code=self._met.code,
                paid_before=self._vault.times_paid_at(self._met.reader_key),
            )
        except BledError as error:
            return self._session.refuse(error)
        self._on_step("offer shown", _facts(question))
        verdict = await self._ask(question)
        return self._sign(accepted) if verdict is None else verdict

    async def _ask(self, question: Question) -> tuple[Action, ...] | None:
        """Return None for yes. The till hears every 10 s that the person still thinks, and is heard meanwhile.

        While a broken link is made again the person is not asked anew, and the time to think stands still.
        """
        asking = asyncio.ensure_future(self._approve(question))
        hearing = asyncio.ensure_future(self._hear_while_asking())
        turns = APPROVE_SECONDS // KEEP_ALIVE_SECONDS
        try:
            while turns:
                both = {asking, hearing}
                await asyncio.wait(both, timeout=KEEP_ALIVE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                try:
                    if hearing.done():  # looked at first: a till that is gone must not get a signature
                        return hearing.result()
                    if asking.done():
                        return self._answered(asking.result())
                    await self._act(self._session.keep_alive())
                    turns -= 1
                except (Unavailable, FramingError) as error:
                    if actions := await self._pause(error):
                        return actions
                    await _stop(hearing)
                    hearing = asyncio.ensure_future(self._hear_while_asking())
        finally:
            await _stop(asking)
            await _stop(hearing)
        return self._session.decline(AbortReason.TIMEOUT)

    async def _pause(self, error: Unavailable | FramingError) -> tuple[Action, ...]:
        """Wait for the till while the person thinks; return what it asks for then, nothing for the same offer.

        Raises `error` when it does not come back.
        """
        message = decode_message(await self._rejoin(error))
        return () if message is None else self._session.receive(message, now=self._clock.now())

    def _answered(self, answer: Answer) -> tuple[Action, ...] | None:
        match answer:
            case Answer.YES:
                return None
            case Answer.NO:
                return self._session.decline()
            case Answer.CODE_DIFFERS:
                now = self._clock.now()
                self._vault.keep_open_tries(self._vault.open_tries().end(now=now))
                return self._session.decline(AbortReason.CODE_MISMATCH)
            case _:
                assert_never(answer)

    async def _hear_while_asking(self) -> tuple[Action, ...]:
        """Return what a message of the till asks for, once one does. Raises what the link raises."""
        while True:
            message = decode_message(await self._link.receive(seconds=APPROVE_SECONDS + KEEP_ALIVE_SECONDS))
            actions = () if message is None else self._session.receive(message, now=self._clock.now())
            if actions:
                return actions

    def _sign(self, accepted: AcceptableOffer) -> tuple[Action, ...]:
        try:
            self._reservation = self._vault.reserve(
                accepted.offer, amount=accepted.amount, now=accepted.now, clock_trusted=accepted.clock_trusted
            )
        except BledError as error:
            return self._session.refuse(error)
        left = accepted.expires_at - accepted.now
        self._ends_at = self._clock.monotonic() + left + AFTER_EXPIRY_SECONDS
        request = self._reservation.request
        self._on_step("request signed", {"bytes": len(request), "payer_id": self._reservation.payer_id.hex()})
        return self._session.approve(request)

    def _finish(self, status: StatusMessage) -> None:
        reservation = self._reservation
        if reservation is None:
            return
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
                reader_key=self._met.reader_key,
            )
        except BledError as error:
            # Anything but a bad proof is the device's own trouble, and says nothing about the payment.
            is_recorded = error.code is Code.PROOF_MISMATCH
            code = error.code if is_recorded else Code.OUTCOME_UNKNOWN
            detail = error.detail if is_recorded else f"{detail}; not recorded here: {error}"
        self._result = Purchase(
            code=code,
            detail=detail,
            reservation=reservation,
            amount=reservation.amount,
            preimage=status.preimage if code is Code.PAID else None,
            invoice=status.invoice,
        )
        if is_recorded:
            self._on_step("outcome recorded", {"code": code.value})

    def _close(self, reason: BledError | None) -> None:
        if reason is not None:
            self._result = self._broken(reason)

    def _broken(self, error: BledError) -> Purchase:
        """The meeting broke off. Once a signature left, only the home node knows the outcome."""
        if self._result.code is not Code.CANCELLED:
            return self._result  # the outcome was recorded; the acknowledgement got lost
        if self._reservation is None:
            return Purchase(code=error.code, detail=error.detail)
        return Purchase(
            code=Code.OUTCOME_UNKNOWN,
            detail=str(error),
            reservation=self._reservation,
            amount=self._reservation.amount,
        )


async def _stop(task: "asyncio.Future[Any]") -> None:
    task.cancel()
    await asyncio.wait({task})


def _is_lost(error: Unavailable | FramingError) -> bool:
    return error.is_late if isinstance(error, FramingError) else error.code is Code.LINK_LOST


def _till_says(status: StatusMessage) -> Code:
    """Return what a last status is worth before its proof is looked at.

    A till that says "not paid" may still charge until the signed expiry, and a preimage without its invoice proves
    nothing: of both only home can be sure.
    """
    if status.code is not StatusCode.PAID:
        return Code.NOT_CONFIRMED
    return Code.PAID if status.invoice is not None else Code.PAID_UNPROVEN


def _facts(question: Question) -> dict[str, object]:
    return {
        "amount_msat": question.amount,
        "max_fee_msat": question.max_fee,
        "description": question.description,
        "issuer": question.issuer,
        "clock_trusted": question.clock_trusted,
        "code": "read from the till" if question.code is None else grouped(question.code),
        "paid_before": question.paid_before,
    }
