"""Runs a sandbox, makes an invoice there and pays it, unless something kills the process on the way."""

import asyncio
import os
import sys
from pathlib import Path

from bled.sandbox.books_rows import OfferArgs
from bled.sandbox.world import Sandbox
from bled.sandbox.xpay_args import XpayArgs
from bled_codec.bolt12_string import INVOICE_PREFIX, format_string
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.invoice_request import create_invoice_request
from bled_codec.offer import Offer
from bled_codec.units import Msat

PLUGIN = (sys.executable, str(Path(__file__).with_name("echo_plugin.py")))


async def main(folder: Path) -> None:
    async with Sandbox.run(folder, plugin=PLUGIN) as sandbox:
        args = OfferArgs(amount="15000msat", description="coffee", single_use=True)
        offer = Offer.from_string(sandbox.merchant.books.offer(args).bolt12)
        payer = SecretKey(os.urandom(32))
        request = create_invoice_request(
            offer, metadata=bytes(16), payer_id=payer.public_key, amount=Msat(15_000), chain=REGTEST_CHAIN
        )
        answer = sandbox.merchant.books.answer(request.sign(payer, aux=bytes(32)).encode(), None)
        text = format_string(INVOICE_PREFIX, answer.invoice or b"")
        (folder / "invoice").write_text(text)
        await sandbox.payments.xpay(sandbox.home, XpayArgs.read([text]))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
