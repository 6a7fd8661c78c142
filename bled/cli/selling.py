"""One sale from the command line: node, ledger and radio opened and closed around it, and what is printed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bled.cli.amount import format_amount
from bled.cli.output import note, print_json, report, say
from bled.cli.plain import printable
from bled.cli.radio import chosen_radio
from bled.cli.tapping import tap_on_terminal
from bled.clock import SystemClock
from bled.codes import OUTCOMES, Code
from bled.config import Settings
from bled.errors import BledError, ConfigurationError, Unavailable
from bled.gatt.profile import MAX_ATT_MTU
from bled.link.radio import open_central
from bled.node.base import MerchantNode
from bled.node.opening import NodeFiles, open_node
from bled.progress import OnStep
from bled.sales.charge import SaleResult, charge, resume
from bled.sales.fiat import Converted
from bled.sales.ledger import Sale, SaleLedger
from bled.sales.reader_key import reader_key_beside
from bled.sales.refund import Refunds, refund_node
from bled.sales.refund_states import Refund
from bled.sales.self_test import check_node_daily
from bled.session.offer_policy import NO_TIP
from bled_codec.units import Msat


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """Where a till's parts are."""

    node: str
    files: NodeFiles
    radio: str | None
    att_mtu: int
    ledger: Path

    @classmethod
    def from_settings(cls, settings: Settings, *, att_mtu: int = MAX_ATT_MTU) -> "Till":
        """Return the till that the settings describe. Raises `ConfigurationError` naming what is missing."""
        node, files = configured_node(settings)
        return cls(node=node, files=files, radio=settings.radio, att_mtu=att_mtu, ledger=ledger_path(settings))


def configured_node(settings: Settings) -> tuple[str, NodeFiles]:
    """Return the node's address and the files for it. Raises `ConfigurationError` naming what is missing."""
    files = NodeFiles(
        folder=settings.credentials,
        lnd_tls_cert=settings.lnd_tls_cert,
        lnd_macaroon=settings.lnd_macaroon,
        state=ledger_path(settings).parent,
    )
    if settings.node is None or not files.are_given:
        missing = "--node ADDRESS" if settings.node is None else "--credentials DIR"
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"the till's node is not configured; give {missing}")
    return settings.node, files


def ledger_path(settings: Settings) -> Path:
    """Return the file of the sale ledger, which may not exist yet."""
    return settings.data_dir / "merchant" / "sales.sqlite"


@asynccontextmanager
async def _node_of(till: Till) -> AsyncIterator[MerchantNode]:
    node = await open_node(till.node, till.files)
    try:
        yield node
    finally:
        await node.close()


async def refund_once(
    till: Till, sale_id: str, *, amount: Msat | None, max_fee: Msat | None, on_step: OnStep
) -> Refund:
    """Give money of one sale back."""
    with SaleLedger.open(till.ledger) as ledger:
        async with _node_of(till) as node:
            refunds = Refunds(refund_node(node), await node.info(), ledger, clock=SystemClock(), on_step=on_step)
            return await refunds.pay(sale_id, amount=amount, max_fee=max_fee)


async def charge_once(
    till: Till,
    *,
    amount: Msat,
    description: str,
    issuer: str | None,
    price: Converted | None = None,
    tip_max: Msat,
    buyer_seconds: float,
    engage: bool,
    on_step: OnStep,
) -> SaleResult:
    """Run one sale to its end."""
    with SaleLedger.open(till.ledger) as ledger:
        reader = reader_key_beside(till.ledger)
        async with _node_of(till) as node:
            await check_node_daily(node, state=till.ledger.parent, now=SystemClock().now(), on_step=on_step)
            central = await open_central(chosen_radio(till.radio), att_mtu=till.att_mtu)
            try:
                return await charge(
                    node=node,
                    ledger=ledger,
                    central=central,
                    amount=amount,
                    description=description,
                    clock=SystemClock(),
                    on_step=on_step,
                    reader=reader,
                    engage=engage,
                    tap=tap_on_terminal(),
                    issuer=issuer,
                    price=price,
                    tip_max=tip_max,
                    buyer_seconds=buyer_seconds,
                )
            finally:
                await central.close()


def echo_terms(
    amount: Msat, description: str, issuer: str | None, price: Converted | None = None, *, tip_max: Msat = NO_TIP
) -> None:
    """Tell the cashier what is about to be charged, as it was understood, before anybody else hears of it."""
    shop = f", in the name of {printable(issuer)}" if issuer is not None else ""
    if price is not None:
        rate = price.rate
        source = f"{printable(rate.source)}, {SystemClock().now() - rate.at} s old"
        note(f"{price.price} at {rate.per_bitcoin} {rate.currency} for one bitcoin ({source}).")
    note(f"Charging {format_amount(amount)} for {printable(description, limit=None)}{shop}.")
    if tip_max:
        note(f"The buyer may add a tip of up to {format_amount(tip_max)}.")


async def resume_sales(till: Till, *, on_step: OnStep) -> tuple[SaleResult, ...]:
    """Bring every open sale to the state that the node's own records show."""
    with SaleLedger.open(till.ledger) as ledger:
        try:
            async with _node_of(till) as node:
                return await resume(node=node, ledger=ledger, clock=SystemClock(), on_step=on_step)
        except BledError as error:
            raise _still_open(ledger, error) from error


def _still_open(ledger: SaleLedger, error: BledError) -> BledError:
    """Return what to say when the node could not be asked: a sale that was signed for may have been paid."""
    signed = [sale for sale in ledger.open_sales() if sale.request is not None]
    return BledError(Code.OUTCOME_UNKNOWN, detail=f"sale {signed[0].sale_id}: {error}") if signed else error


def print_sale(result: SaleResult, *, as_json: bool) -> None:
    """Print how a sale ended."""
    if as_json:
        print_json(describe_sale(result))
    elif result.code is Code.PAID:
        told = "" if result.buyer_told else " The buyer's device does not know it yet."
        tip = f", {format_amount(result.tip)} of it a tip" if result.tip else ""
        say(f"Paid {format_amount(result.amount)}{tip}. Sale {result.sale_id}.{told}")
        if result.detail:
            say(f"Note: {printable(result.detail)}.")
    else:
        report(BledError(result.code, detail=result.detail), audience="cashier", as_json=False)


def describe_sale(result: SaleResult) -> dict[str, object]:
    """Return a sale's end for `--json`."""
    return {
        "outcome": result.code.value,
        "detail": result.detail,
        "money_moved": OUTCOMES[result.code].money_moved.value,
        "sale_id": result.sale_id,
        "amount_msat": result.amount,
        "tip_msat": result.tip,
        "offer": result.offer,
        "invoice_request": result.invoice_request,
        "invoice": result.invoice,
        "payment_hash": None if result.payment_hash is None else result.payment_hash.hex(),
        "preimage": None if result.preimage is None else result.preimage.hex(),
        "buyer_told": result.buyer_told,
        "earlier": [describe_sale(sale) for sale in result.earlier],
    }


def read_sales(settings: Settings) -> tuple[tuple[Sale, tuple[Refund, ...]], ...]:
    """Return every sale with its refunds, oldest first, also while a sale has the ledger."""
    with _look_into(ledger_path(settings)) as ledger:
        refunds = ledger.refunds.all()
        return tuple(
            (sale, tuple(refund for refund in refunds if refund.sale_id == sale.sale_id)) for sale in ledger.sales()
        )


def _look_into(path: Path) -> SaleLedger:
    try:
        return SaleLedger.open(path)
    except Unavailable as error:
        if error.code is not Code.STORE_LOCKED:
            raise
    note("A sale is running at this till; this is what was there a moment ago.")
    return SaleLedger.read(path)
