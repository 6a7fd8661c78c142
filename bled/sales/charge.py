"""One sale from the cashier's wish to its end, and the sales that an earlier run left open."""

import contextlib
import secrets
import unicodedata
from dataclasses import replace
from typing import Final

from bled.clock import Clock
from bled.codes import Code
from bled.errors import BledError
from bled.gatt.primitives import X25519Key
from bled.link.base import Central
from bled.node.base import MerchantNode
from bled.progress import OnStep
from bled.sales.fiat import Converted
from bled.sales.greeting import Greeting, Tap
from bled.sales.ledger import SaleLedger
from bled.sales.refund import settle_refunds
from bled.sales.result import SaleResult
from bled.sales.resumption import finish_sales
from bled.sales.run import SaleRun
from bled.sales.states import Sale, SaleState
from bled.sales.till import Till
from bled.sales.times import TIMES, Times
from bled.session.offer_policy import NO_TIP
from bled_codec.units import MAX_MSAT, Msat

__all__ = ["SaleResult", "charge", "resume"]

MAX_DESCRIPTION_BYTES: Final = 500
"""Longest description in UTF-8, so that every device takes the offer (1200 bytes)."""
MAX_ISSUER_BYTES: Final = 200
"""Longest issuer in UTF-8."""


async def charge(
    *,
    node: MerchantNode,
    ledger: SaleLedger,
    central: Central,
    amount: Msat,
    description: str,
    clock: Clock,
    on_step: OnStep,
    reader: X25519Key,
    engage: bool = False,
    tap: Tap | None = None,
    issuer: str | None = None,
    price: Converted | None = None,
    tip_max: Msat = NO_TIP,
    buyer_seconds: float = 120.0,
    times: Times = TIMES,
) -> SaleResult:
    """Sell one thing to one buyer nearby.

    `reader` is the lasting key of the till's reader. Between strangers the step "compare code" says what the buyer's
    device must show too; with `engage` the step "engagement" says what it must read first, and no code is compared.
    When a link breaks after its code was shown, `tap` asks the cashier for another, at most twice in a sale; without
    it that ends the sale.

    `price` says by what rate `amount` was made from a price in a currency; it is kept with the sale. `tip_max` is what
    the buyer may add to `amount`, at most as much again.

    Sales that an earlier run left open are finished first, and the step "sale resumed" tells of each before a buyer
    gets an offer: one that was paid meanwhile must not be charged for again. From then on whatever a buyer, the radio
    or the node does ends in a result: the sale has ended, or it is open in the ledger (codes with money moved
    "unknown", and the node's own) and the next run finishes it. A cancelled task cancels the offer unless a buyer has
    signed, in which case the sale stays open.

    Raises `BledError` before the sale exists: `USAGE` for terms that cannot be offered, `SALE_OPEN`, and what the
    node or the ledger raises.
    """
    _check_terms(amount, description, issuer)
    _check_tip(tip_max, amount)
    till = Till(node=node, ledger=ledger, clock=clock, on_step=on_step, times=times)
    info = await node.info()
    earlier = await finish_sales(till, info)
    await settle_refunds(node, info, ledger, clock=clock, on_step=on_step)
    sale = ledger.begin(replace(_new_sale(till, amount, description, issuer, price), tip_max=tip_max))
    greeting = Greeting(till, reader=reader, engage=engage, tap=tap)
    result = await SaleRun(till, sale, chain=info.chain, greeting=greeting).run(central, buyer_seconds=buyer_seconds)
    with contextlib.suppress(BledError):  # the next run tells it again then; better twice than not at all
        ledger.tell_cashier(sale.sale_id)
    return replace(result, earlier=earlier)


async def resume(
    *,
    node: MerchantNode,
    ledger: SaleLedger,
    clock: Clock,
    on_step: OnStep,
    times: Times = TIMES,
) -> tuple[SaleResult, ...]:
    """Finish every open sale from the node's own records, and see whether one that had ended was paid late.

    Refunds of which it is not known how they ended are looked up as well; the step "refund looked up" tells of each.

    A sale whose buyer has signed is served on for `times.resume` seconds and then cancelled; one without a request is
    cancelled at once. Raises `Unavailable` when the node does not answer: nothing is decided without it; and
    `ConfigurationError` (`CONFIG_BAD`) when a sale was made with another node.
    """
    till = Till(node=node, ledger=ledger, clock=clock, on_step=on_step, times=times)
    info = await node.info()
    finished = await finish_sales(till, info)
    await settle_refunds(node, info, ledger, clock=clock, on_step=on_step)
    return finished


def _check_terms(amount: Msat, description: str, issuer: str | None) -> None:
    if not 0 < amount <= MAX_MSAT:
        raise BledError(Code.USAGE, detail="the amount must be at least 1 msat and at most 21 million bitcoin")
    _check_text("description", description, MAX_DESCRIPTION_BYTES)
    if issuer is not None:
        _check_text("issuer", issuer, MAX_ISSUER_BYTES)


def _check_tip(tip_max: Msat, amount: Msat) -> None:
    if not 0 <= tip_max <= amount or amount + tip_max > MAX_MSAT:
        raise BledError(Code.USAGE, detail="a tip is at most the price again")


def _check_text(name: str, text: str, limit: int) -> None:
    size = len(text.encode("utf-8", "replace"))
    if not text.strip() or size > limit:
        raise BledError(Code.USAGE, detail=f"{name}: 1 to {limit} bytes of UTF-8, not {size}")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise BledError(Code.USAGE, detail=f"{name}: no control characters, and nothing that is not UTF-8")


def _new_sale(till: Till, amount: Msat, description: str, issuer: str | None, price: Converted | None) -> Sale:
    now = till.clock.now()
    return Sale(
        sale_id=secrets.token_hex(8),
        created_at=now,
        amount=amount,
        description=description,
        issuer=issuer,
        state=SaleState.OPENED,
        expires_at=till.ledger.next_expiry(now, till.times),
        preimage=secrets.token_bytes(32),
        price=None if price is None else str(price.price),
        rate=None if price is None else str(price.rate.per_bitcoin),
        rate_source=None if price is None else price.rate.source,
        rate_at=None if price is None else price.rate.at,
    )
