"""The till of the campaign that gives money back: asks refund offers for invoices and pays whatever it is told."""

import asyncio
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bled.sandbox import plugin_hook
from bled.sandbox.fetch_invoice import _path_to
from bled.sandbox.offers_plugin import make_onion
from bled.sandbox.rpc_error import RpcError
from bled.sandbox.world import Sandbox
from bled.sandbox.xpay_args import XpayArgs
from bled_codec.blinded_path import EncryptedData
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey, sha256
from bled_codec.errors import CodecError
from bled_codec.invoice import Invoice
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request
from bled_codec.offer import Offer
from bled_codec.onion_message import OnionPayload
from bled_codec.units import Msat

if TYPE_CHECKING:  # a town has its till
    from home_town import Town

_WAITS = 8.0
"""Seconds that the till waits for an answer."""


class GivingTill:
    """Asks and pays. What it was told stands in a file, for it goes on with that when the node was started again."""

    def __init__(self, sandbox: Sandbox, town: "Town") -> None:
        self._sandbox, self._town = sandbox, town
        self._told = sandbox.folder / "told"

    async def ask(self, order: dict[str, Any]) -> None:
        """Ask once for an invoice, and pay what answers as often as told, all at once or after a while."""
        fetcher, secret = self._sandbox.merchant.fetcher, secrets.token_bytes(32)
        answer = fetcher._waiting[secret] = asyncio.get_running_loop().create_future()
        try:
            payload = OnionPayload(
                invoice_request=_request(order).encode(),
                reply_path=_path_to(self._sandbox.merchant.node_id, EncryptedData(path_id=secret)),
            )
            if order["by_network"]:
                self._send(payload, order)
            else:
                await self._town.hook(_hook_params(payload, order["secret"]))
            async with asyncio.timeout(_WAITS):
                invoice = Invoice.decode((await answer).invoice or b"")
        except (TimeoutError, CodecError, RpcError):
            return
        finally:
            del fetcher._waiting[secret]
        self._note(self._told, invoice.string)
        await asyncio.sleep(order["lag"])
        await asyncio.gather(*(self._pay(invoice.string) for _ in range(order["pays"])))

    async def pay_all_again(self) -> None:
        """Pay every invoice that any answer ever held, as a till that forgets what it has done."""
        told = self._told.read_text().split() if self._told.exists() else []
        await asyncio.gather(*(self._pay(invoice) for invoice in told[-20:]))

    def _send(self, payload: OnionPayload, order: dict[str, Any]) -> None:
        path = (_offer(order).offer_paths or ())[0]
        self._sandbox.merchant.send_along(path, make_onion(path, payload))

    async def _pay(self, invoice: str) -> None:
        with suppress(RpcError):
            await self._sandbox.payments.xpay(self._sandbox.merchant, XpayArgs.read({"invstring": invoice}))

    @staticmethod
    def _note(path: Path, line: str) -> None:
        with path.open("a") as file:
            file.write(line + "\n")


def _offer(order: dict[str, Any]) -> Offer:
    return Offer.decode(bytes.fromhex(order["offer"]))


def _request(order: dict[str, Any]) -> InvoiceRequest:
    """Return the request of a name: the same one makes the same."""
    key = SecretKey(sha256(order["name"].encode()))
    unsigned = create_invoice_request(
        _offer(order), metadata=bytes(16), payer_id=key.public_key, amount=Msat(order["amount"]), chain=REGTEST_CHAIN
    )
    return unsigned.sign(key, aux=bytes(32))


def _hook_params(payload: OnionPayload, secret: str) -> dict[str, Any]:
    assert payload.reply_path is not None
    assert payload.invoice_request is not None
    message = {
        "pathsecret": secret,
        "reply_blindedpath": plugin_hook._path(payload.reply_path),
        "invoice_request": payload.invoice_request.hex(),
        "unknown_fields": [],
    }
    return {"onion_message": message}
