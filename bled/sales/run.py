"""One sale with one buyer, from the offer to the last word. Whatever happens ends in a result."""

import asyncio
import contextlib
from typing import Final

from bled.codes import OUTCOMES, Code, Failpoint, MoneyMoved
from bled.errors import BledError, PeerError, Refused, Unavailable
from bled.failpoint import failpoint
from bled.gatt.messages import OfferMessage, StatusMessage, encode_message
from bled.link.base import Central
from bled.node.base import Cancelled
from bled.sales.conversation import Conversation
from bled.sales.greeting import Greeting, NotMet, Return
from bled.sales.judge import judge_request, tip_of
from bled.sales.result import SaleResult, result_of
from bled.sales.settlement import Settlement
from bled.sales.states import Sale, SaleState
from bled.sales.status import last_status
from bled.sales.till import NODE_AWAY, Till
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer

_DECLINED: Final = frozenset({Code.BUYER_DECLINED, Code.NOT_APPROVED_IN_TIME})
"""Silence is a no."""


class SaleRun:
    """One run of one sale: opened in the ledger, not known to the node yet."""

    def __init__(self, till: Till, sale: Sale, *, chain: bytes, greeting: Greeting) -> None:
        """Take the sale, the chain that the node is on, and the way to the buyer."""
        self._till = till
        self._greeting = greeting
        self._sale = sale
        self._chain = chain
        self._buyer: Conversation | None = None

    async def run(self, central: Central, *, buyer_seconds: float) -> SaleResult:
        """Sell, and return how it ended. Raises nothing but the cancellation of its own task."""
        try:
            failpoint(Failpoint.MERCHANT_SALE_OPENED)
            await self._sell(central, buyer_seconds)
        except BledError as error:
            return await self._interrupted(error)
        except asyncio.CancelledError:
            await self._leave()
            raise
        finally:
            if self._buyer is not None:
                await self._buyer.close()
        return result_of(self._sale)

    async def _sell(self, central: Central, buyer_seconds: float) -> None:
        self._offer = await self._make_offer()
        try:
            link = await self._greeting.run(central, seconds=buyer_seconds, opening=self._opening)
        except NotMet as error:
            await self._cancel(error)
            return
        self._sent()

        async def rejoin(status: StatusMessage | None, heard: bool) -> Return:
            seconds = min(buyer_seconds, self._till.times.rejoin)
            message = self._offer_message() if status is None else encode_message(status)
            opening = None if heard else self._opening
            self._till.on_step("link lost", {"seconds": seconds})
            back = await self._greeting.rejoin(central, seconds=seconds, message=message, opening=opening)
            if back.anew:
                self._sent()
            return back

        await self._meet(Conversation(link, self._till.clock, rejoin=rejoin))

    def _sent(self) -> None:
        """The offer has left with a first handshake."""
        if self._sale.state is SaleState.CONNECTED:
            self._sale = self._till.ledger.advance(self._sale, SaleState.AWAITING_APPROVAL)
        self._till.on_step("offer sent", {"bytes": len(self._offer.encode())})

    async def _opening(self) -> bytes:
        """Return what the till says first to a device that is there."""
        self._offer = await self._fresh_offer(self._offer)
        if self._sale.state is SaleState.OFFERED:  # one that was let go may have brought it further
            self._sale = self._till.ledger.advance(self._sale, SaleState.CONNECTED)
        return self._offer_message()

    def _offer_message(self) -> bytes:
        left = max(0, self._till.seconds_left(self._sale))
        tip_max = self._sale.tip_max or None
        return encode_message(OfferMessage(valid_for=left, offer=self._offer.encode(), tip_max=tip_max))

    async def _make_offer(self) -> Offer:
        sale = self._sale
        created = await self._till.node.create_offer(
            amount=sale.amount,
            description=sale.description,
            label=sale.sale_id,
            absolute_expiry=sale.expires_at,
            issuer=sale.issuer,
        )
        failpoint(Failpoint.MERCHANT_OFFER_CREATED)
        offer = created.offer
        self._sale = self._till.ledger.advance(
            sale,
            SaleState.OFFERED,
            offer=offer.string,
            offer_id=created.offer_id,
            expires_at=offer.offer_absolute_expiry,
        )
        facts = {"offer": offer.string, "offer_id": created.offer_id.hex(), "expires_at": self._sale.expires_at}
        self._till.on_step("offer created", facts)
        return offer

    async def _fresh_offer(self, offer: Offer) -> Offer:
        """Return an offer with enough time left: `offer`, or a new one in its place."""
        till = self._till
        if till.seconds_left(self._sale) >= till.times.offer_left:
            return offer
        if not isinstance(await till.node.cancel(offer.offer_id), Cancelled):
            raise Unavailable(Code.NODE_PROTOCOL, detail="an offer that nobody has seen was paid, or forgotten")
        expiry = till.ledger.next_expiry(till.clock.now(), till.times)
        self._sale = till.ledger.advance(self._sale, SaleState.OPENED, offer=None, offer_id=None, expires_at=expiry)
        return await self._make_offer()

    async def _meet(self, buyer: Conversation) -> None:
        self._buyer = buyer
        try:
            data = await buyer.request()
            self._till.on_step("request received", {"bytes": len(data)})
        except PeerError as error:
            await self._cancel(error)
            return
        try:
            request = self._judge(data, self._offer)
        except (PeerError, Refused) as error:
            await buyer.refuse(error.code)
            await self._cancel(error)
            return
        self._accept(request)
        await self._serve(buyer)

    def _judge(self, data: bytes, offer: Offer) -> InvoiceRequest:
        request = judge_request(
            data,
            offer=offer,
            amount=self._sale.amount,
            tip_max=self._sale.tip_max,
            chain=self._chain,
            left=self._till.times.invoice_left,
            now=self._till.clock.now(),
        )
        if self._till.ledger.has_payer(request.invreq_payer_id):  # a node would answer it with what it has for that id
            raise PeerError(Code.REQUEST_BAD, detail="its payer id was used in an earlier sale")
        return request

    def _accept(self, request: InvoiceRequest) -> None:
        self._sale = self._till.ledger.advance(
            self._sale,
            SaleState.REQUESTED,
            request=request.encode(),
            payer_id=request.invreq_payer_id,
            tip=tip_of(request, self._sale.amount),
        )
        facts = {"payer_id": request.invreq_payer_id.hex()} | self._amounts()
        self._till.on_step("request verified", facts)
        failpoint(Failpoint.MERCHANT_REQUEST_STORED)

    def _amounts(self) -> dict[str, object]:
        """Return price, tip and both together, where a tip was allowed."""
        sale = self._sale
        return {"price_msat": sale.amount, "tip_msat": sale.tip, "amount_msat": sale.total} if sale.tip_max else {}

    async def _serve(self, buyer: Conversation) -> None:
        settlement = Settlement(self._till, self._sale, buyer)
        async with buyer.accepted():
            try:
                self._sale = await settlement.run()
            except BaseException:
                self._sale = settlement.sale
                raise
            if self._sale.state is SaleState.UNKNOWN:
                await buyer.stop(Code.OUTCOME_UNKNOWN)  # every last status would be a claim
            else:
                await buyer.tell(last_status(self._sale, with_invoice=self._greeting.takes_invoice))
        if buyer.told:
            self._sale = self._till.ledger.tell_buyer(self._sale)
            self._till.on_step("buyer told", {})

    async def _cancel(self, error: BledError) -> None:
        """End a sale that nobody has signed for, for the reason in `error`."""
        end = SaleState.DECLINED if error.code in _DECLINED else SaleState.CANCELLED
        self._sale = await self._till.close(self._sale, end, error.code, error.detail)

    async def _interrupted(self, error: BledError) -> SaleResult:
        """Return what is known when the run ends before the sale."""
        if not self._sale.is_open:  # it ended; only telling the buyer went wrong
            return result_of(self._sale)
        if self._buyer is not None:
            await self._buyer.stop(error.code)
        if self._sale.request is None and error.code not in NODE_AWAY:
            with contextlib.suppress(BledError):
                await self._cancel(error)
                return result_of(self._sale)
        code = self._open_code(error)
        return result_of(self._sale, code=code, detail=error.detail if code is error.code else str(error))

    def _open_code(self, error: BledError) -> Code:
        """Return the code for a sale that stays open: after a request nobody may say that no money moved."""
        if self._sale.request is None or OUTCOMES[error.code].money_moved is not MoneyMoved.NO:
            return error.code
        return Code.NODE_DIED if error.code in NODE_AWAY else Code.OUTCOME_UNKNOWN

    async def _leave(self) -> None:
        """The till was stopped: cancel what nobody has signed for, and say what is left."""
        with contextlib.suppress(BledError, TimeoutError):
            async with asyncio.timeout(self._till.times.leave):
                if self._buyer is not None:
                    await self._buyer.stop(Code.CANCELLED)
                if self._sale.request is None:
                    await self._cancel(BledError(Code.CANCELLED, detail="stopped at the till"))
        step = "sale left open" if self._sale.is_open else f"sale {self._sale.state.value}"
        self._till.on_step(step, {"sale_id": self._sale.sale_id})
