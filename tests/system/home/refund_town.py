"""A sandbox in this process, whose home is a plugin of its own and has issued a book; and a merchant who gives back."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from bled.errors import Unavailable
from bled.grants.book import decode_book
from bled.grants.wrapping import unwrap_book
from bled.node.base import invoice_label
from bled.node.cln_onions import invoice_onion
from bled.node.lightning_rpc import LightningRpc
from bled.sandbox.books_rows import InvoiceStatus, OfferArgs
from bled.sandbox.fetch_invoice import FetchArgs
from bled.sandbox.rpc_error import RpcError
from bled.sandbox.world import Sandbox
from bled.sandbox.xpay_args import XpayArgs
from bled.vault.signing import sign_request
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import Invoice, create_invoice
from bled_codec.offer import Offer
from bled_codec.units import Msat, UnixTime

AMOUNT = Msat(15_000)
SILENCE = 1.0


def now() -> UnixTime:
    return UnixTime(int(time.time()))


def fresh_key() -> SecretKey:
    return SecretKey(secrets.token_bytes(32))


class Town:
    """A sandbox whose home has issued a book, and its merchant."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.merchant, self.rpc = sandbox, sandbox.merchant, LightningRpc(sandbox.home_rpc)

    async def issue(self) -> None:
        issued = await self.rpc.call("bled-issue", {"device": "phone", "ids": 3, "total_msat": 1_000_000})
        clear = unwrap_book(bytes.fromhex(issued["book"]), passphrase=issued["passphrase"])
        self.book = decode_book(clear, chain=REGTEST_CHAIN, now=now())

    def refund_offer(self, index: int = 0) -> Offer:
        return Offer.decode(self.book.grants[index].refund_offer or b"")

    async def buy(self, index: int = 0, *, allows_refund: bool = True) -> None:
        """Have the device sign, the merchant send its invoice, and home pay."""
        what, ends = f"coffee {index}", UnixTime(now() + 300)
        args = OfferArgs(amount=f"{AMOUNT}msat", description=what, absolute_expiry=ends, single_use=True)
        offer = Offer.from_string(self.merchant.books.offer(args).bolt12)
        request = sign_request(
            self.book.grants[index], offer, amount=AMOUNT, chain=REGTEST_CHAIN, aux=bytes(32), now=now(),
            allows_refund=allows_refund,
        )  # fmt: skip
        preimage = secrets.token_bytes(32)
        draft = create_invoice(
            request, payment_hash=sha256(preimage), created_at=now(), node_id=self.merchant.node_id, amount=AMOUNT,
            relative_expiry=300,
        )  # fmt: skip
        label = invoice_label(offer.offer_id, request.invreq_payer_id)
        invoice = Invoice.from_string(self.merchant.books.create_invoice(draft.string, label, preimage).bolt12)
        (path,) = [path for path in invoice.invreq_paths or () if path.introduction == self.sandbox.hop.node_id]
        onion = invoice_onion(
            self.merchant.node_id, invoice.encode(), path=path, path_session=fresh_key(), onion_session=fresh_key()
        )
        self.merchant.inject_onion(onion.path_key, onion.onion)
        paid = (request.invreq_payer_id.hex(), "paid")
        await self.until(lambda found: [each for each in found if (each["payer_id"], each["state"]) == paid])

    async def until(self, holds):
        """Wait until what home says of its payments fits."""
        async with asyncio.timeout(15):
            while True:
                await self.sandbox.plugin.ready()
                with suppress(Unavailable):  # it has just died
                    if found := holds((await self.rpc.call("bled-payments"))["payments"]):
                        return found
                await asyncio.sleep(0.05)

    async def fetch(self, amount: int = AMOUNT, *, offer: Offer | None = None, seconds: float = 10) -> Invoice:
        chosen = offer or self.refund_offer()
        return await self.merchant.fetcher.fetch(FetchArgs(offer=chosen.string, amount=Msat(amount), seconds=seconds))

    async def silence(self, amount: int = AMOUNT, *, offer: Offer | None = None) -> bool:
        """Say whether nobody answers a request for a refund."""
        try:
            await self.fetch(amount, offer=offer, seconds=SILENCE)
        except RpcError as error:
            return error.message == "Timeout waiting for response"
        return False

    async def pay(self, invoice: Invoice) -> None:
        await self.sandbox.payments.xpay(self.merchant, XpayArgs.read({"invstring": invoice.string}))

    async def came(self, amount: int) -> None:
        """Wait until home knows that so much came back of its one payment."""
        await self.until(lambda payments: payments[-1]["refunded_msat"] == amount)

    def kept(self, status: InvoiceStatus) -> int:
        """Return how many invoices of a status the home node keeps."""
        return sum(row.status is status for row in self.sandbox.home.books.list_invoices())


@asynccontextmanager
async def town_in(folder: Path, **how: Any) -> AsyncIterator[Town]:
    """Run a sandbox in a folder, as `how` says, and have its home issue a book."""
    async with Sandbox.run(folder, **how) as sandbox:
        town = Town(sandbox)
        await town.issue()
        yield town
