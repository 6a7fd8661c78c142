"""One meeting from the command line: the radio, the session, and what is printed of it."""

import asyncio

from bled.buyer.approval import approve_below
from bled.buyer.pay_screen import PayScreen
from bled.buyer.purchase import Purchase
from bled.cli.amount import format_amount
from bled.cli.output import print_json, report, say
from bled.cli.prompt import ask_on_terminal
from bled.cli.radio import chosen_radio
from bled.clock import SystemClock
from bled.codes import OUTCOMES, Code
from bled.config import Settings
from bled.errors import BledError, Refused
from bled.gatt.engagement import Engagement
from bled.link.radio import open_peripheral
from bled.progress import OnStep
from bled.vault.vault import Vault
from bled_codec.units import UnixTime


def pay_once(
    vault: Vault,
    settings: Settings,
    *,
    engagement: Engagement | None,
    att_mtu: int,
    seconds: float,
    on_step: OnStep,
) -> Purchase:
    """Be visible for at most `seconds`, meet a till, another when that one let go, and return the outcome.

    Raises `Refused` (`NO_GRANT_LEFT`) with nothing to pay with, and `BledError` when no till came, or none with which a
    private connection came about.
    """
    clock = SystemClock()
    _check_can_pay(vault, now=clock.now())
    approve = approve_below(settings.auto_approve_below_msat, ask_on_terminal)
    radio = chosen_radio(settings.radio)

    async def meet() -> Purchase:
        peripheral = await open_peripheral(radio, att_mtu=att_mtu)
        try:
            screen = PayScreen(
                peripheral=peripheral,
                vault=vault,
                engagement=engagement,
                chain=settings.chain_hash,
                clock=clock,
                approve=approve,
                on_step=on_step,
                allows_refund=settings.allow_refund,
            )
            return await screen.run(seconds=seconds)
        finally:
            await peripheral.close()

    return asyncio.run(meet())


def _check_can_pay(vault: Vault, *, now: UnixTime) -> None:
    books = vault.books(now=now)
    if not any(book.ids_left and book.remaining_msat for book in books):
        detail = "every book is used up or has ended" if books else "no grant book is on this device"
        raise Refused(Code.NO_GRANT_LEFT, detail=detail)


def print_purchase(purchase: Purchase, *, as_json: bool) -> None:
    """Print how the meeting ended."""
    if as_json:
        print_json(describe(purchase))
    elif purchase.code is Code.PAID:
        tip = 0 if purchase.reservation is None else purchase.reservation.tip
        say(f"Paid {format_amount(purchase.amount or 0)}{f', {format_amount(tip)} of it a tip' if tip else ''}.")
        if purchase.preimage is not None:
            say(f"Proof (preimage): {purchase.preimage.hex()}")
    else:
        report(BledError(purchase.code, detail=purchase.detail), audience="buyer", as_json=False)


def describe(purchase: Purchase) -> dict[str, object]:
    """Return the purchase for `--json`."""
    reservation = purchase.reservation
    return {
        "outcome": purchase.code.value,
        "detail": purchase.detail,
        "money_moved": OUTCOMES[purchase.code].money_moved.value,
        "amount_msat": purchase.amount,
        "tip_msat": None if reservation is None else reservation.tip,
        "payer_id": None if reservation is None else reservation.payer_id.hex(),
        "preimage": None if purchase.preimage is None else purchase.preimage.hex(),
    }
