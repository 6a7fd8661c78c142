"""Builds of the till with one rule broken each. The auditor has to catch every one of them, or it proves nothing."""

import secrets
from collections.abc import Callable

import bled.node.cln_grpc
import bled.node.lnd_grpc
from bled.codes import Code
from bled.node.base import invoice_label
from bled.sales.settlement import Settlement
from bled.sales.states import Sale, SaleState
from bled.sales.till import Till


def decide_alone() -> None:
    """End a sale without closing it at the node and without reading there what became of it."""

    async def close(till: Till, sale: Sale, end: SaleState, code: Code, detail: str) -> Sale:
        return till.ledger.advance(sale, end, code=code, detail=detail)

    Till.close = close


def draw_anew() -> None:
    """Make an invoice under a name and with a preimage of the moment: each call makes another one."""
    for module in (bled.node.cln_grpc, bled.node.lnd_grpc):
        module.invoice_label = lambda offer_id, payer_id: invoice_label(offer_id, payer_id) + secrets.token_hex(4)
        module.preimage_for = lambda seed, label: secrets.token_bytes(32)


def believe_in_sending() -> None:
    """Call a sale paid when its invoice was sent."""

    async def run(settlement: Settlement) -> Sale:
        await settlement._send_first(await settlement._invoice())
        return settlement._till.ledger.advance(settlement.sale, SaleState.PAID, code=Code.PAID)

    Settlement.run = run


DEFECTS: dict[str, Callable[[], None]] = {
    "decide_alone": decide_alone,
    "draw_anew": draw_anew,
    "believe_in_sending": believe_in_sending,
}
EXPECTED = {"decide_alone": "left_open", "draw_anew": "second_live", "believe_in_sending": "unproven"}
"""Under which name the auditor has to find each."""
