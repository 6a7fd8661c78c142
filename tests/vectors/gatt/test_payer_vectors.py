"""A till's whole sale refuses the payer id of an earlier one: ledger, run and conversation, joined to a link."""

import json
from pathlib import Path
from typing import Any

import pytest

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.messages import decode_message
from bled.gatt.vocabulary import Message
from bled.node.base import Cancelled, CreatedOffer
from bled.progress import ignore_steps
from bled.sales.ledger import SaleLedger
from bled.sales.run import SaleRun
from bled.sales.states import Sale, SaleState
from bled.sales.till import Till
from bled.sales.times import TIMES
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.units import UnixTime

from . import machines
from .scene import AMOUNT, NOW, OFFER

FILE = json.loads((Path(__file__).parent / "answers.json").read_text(encoding="utf-8"))
CASES = [pytest.param(case, id=case["name"]) for case in FILE["messages"] if "payer_ids_before" in case]


class SetClock:
    """Says what it was set to."""

    time = NOW

    def now(self) -> UnixTime:
        return self.time

    def monotonic(self) -> float:
        return 0.0


class Node:
    """Makes the purchase's offer, and no invoice."""

    async def create_offer(self, **_: Any) -> CreatedOffer:
        return CreatedOffer(offer=OFFER, offer_id=OFFER.offer_id)

    async def cancel(self, offer_id: bytes) -> Cancelled:
        return Cancelled(invoices=())

    def __getattr__(self, name: str) -> Any:
        raise Unavailable(Code.NODE_PROTOCOL, detail=name)


class Door:
    """A device is there, says what it is given once it has the offer, and goes away."""

    takes_invoice = False

    def __init__(self, clock: SetClock, case: dict[str, Any]) -> None:
        self.said: list[Message] = []
        self._clock, self._case = clock, case
        self._arrivals = [bytes.fromhex(case["hears"])]

    async def run(self, central: Any, *, seconds: float, opening: Any) -> "Door":
        await opening()
        self._clock.time = UnixTime(self._case.get("clock", NOW))
        return self

    async def rejoin(self, *_: Any, **__: Any) -> Any:
        raise Unavailable(Code.NO_BUYER)

    async def receive(self, *, seconds: float) -> bytes:
        if not self._arrivals:
            raise Unavailable(Code.LINK_LOST)
        return self._arrivals.pop()

    async def send(self, message: bytes) -> None:
        self.said.append(decode_message(message))

    async def close(self) -> None:
        self._arrivals.clear()


def opened(ledger: SaleLedger, number: int, expires_at: int) -> Sale:
    sale = Sale(
        sale_id=f"{number:016x}",
        created_at=NOW,
        amount=AMOUNT,
        description="Flat white",
        issuer="Corner Coffee",
        state=SaleState.OPENED,
        expires_at=UnixTime(expires_at),
        preimage=bytes(32),
    )
    return ledger.begin(sale)


def sell_before(ledger: SaleLedger, number: int, payer_id: bytes) -> None:
    sale = opened(ledger, number, NOW + number)
    sale = ledger.advance(sale, SaleState.OFFERED, offer="lno1", offer_id=bytes([number]) * 32)
    sale = ledger.advance(ledger.advance(sale, SaleState.CONNECTED), SaleState.AWAITING_APPROVAL)
    sale = ledger.advance(sale, SaleState.REQUESTED, request=b"request", payer_id=payer_id)
    ledger.advance(sale, SaleState.UNKNOWN, code=Code.OUTCOME_UNKNOWN)


@pytest.mark.parametrize("case", CASES)
async def test_the_tills_sale_answers_so(tmp_path: Path, case: dict[str, Any]) -> None:
    clock = SetClock()
    door = Door(clock, case)
    with SaleLedger.open(tmp_path / "till" / "sales.sqlite") as ledger:
        for number, known in enumerate(case["payer_ids_before"], start=1):
            sell_before(ledger, number, bytes.fromhex(known))
        sale = opened(ledger, 99, NOW + 300)
        till = Till(node=Node(), ledger=ledger, clock=clock, on_step=ignore_steps, times=TIMES)
        await SaleRun(till, sale, chain=REGTEST_CHAIN, greeting=door).run(None, buyer_seconds=1.0)
        sold = ledger.find(sale.sale_id)
    assert [machines.word(door.said[0])] == case["answers"]
    assert (sold.request is None) is case["closes"]
