"""`fetchinvoice` of Core Lightning's offers plugin: asks the maker of an offer for an invoice by an onion message."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bled.sandbox.offers_plugin import make_onion, path_secret
from bled.sandbox.rpc_error import INVALID_PARAMS, LIGHTNINGD, RpcError
from bled_codec.blinded_path import BlindedPath, EncryptedData, create_blinded_path
from bled_codec.checks import check_invoice_for_request, check_offer_usable
from bled_codec.crypto import SecretKey
from bled_codec.errors import CodecError, Rule
from bled_codec.invoice import Invoice
from bled_codec.invoice_error import InvoiceError
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request
from bled_codec.offer import Offer
from bled_codec.onion_message import OnionPayload, Received
from bled_codec.units import Msat, Point

if TYPE_CHECKING:  # a node fetches, and what fetches sends from its node
    from bled.sandbox.node import SandboxNode

_OFFER_EXPIRED: Final = 1002
_NO_ROUTE: Final = 1003
_BAD_REPLY: Final = 1004
_TIMEOUT: Final = 1005
FETCH_SECONDS: Final = 60.0
"""How long lightningd waits for an answer unless it is told."""
_METADATA_BYTES: Final = 16
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchArgs:
    """Parameters of `fetchinvoice` that count in the sandbox. `seconds`: how long to wait for an answer."""

    offer: str
    amount: Msat | None = None
    quantity: int | None = None
    payer_note: str | None = None
    seconds: float = FETCH_SECONDS


class InvoiceFetcher:
    """What a node has asked for and waits for the answer to, by the secret of the way back."""

    def __init__(self, node: "SandboxNode") -> None:
        """Ask in the name of `node`."""
        self._node = node
        self._waiting: dict[bytes, asyncio.Future[OnionPayload]] = {}

    def take(self, received: Received) -> bool:
        """Say whether a message is an answer that is waited for, and pass it on."""
        answer = self._waiting.get(path_secret(received) or b"")
        if answer is None:
            return False
        if not answer.done():
            answer.set_result(received.payload)
        return True

    async def fetch(self, args: FetchArgs) -> Invoice:
        """Return the invoice that answers.

        Raises `RpcError`: -32602 for what is no offer, 1002 for one that has expired, 1003 without a way to who made
        it, 1004 for a refusal or an invoice for something else, 1005 when nobody answers.
        """
        request = self._request(args)
        secret = secrets.token_bytes(_SECRET_BYTES)
        answer = self._waiting[secret] = asyncio.get_running_loop().create_future()
        try:
            self._send(request, secret)
            async with asyncio.timeout(args.seconds):
                return self._read(await answer, request)
        except TimeoutError:
            raise RpcError(_TIMEOUT, "Timeout waiting for response") from None
        finally:
            del self._waiting[secret]

    def _request(self, args: FetchArgs) -> InvoiceRequest:
        network = self._node.network
        try:
            offer = Offer.from_string(args.offer)
            check_offer_usable(offer, chain=network.chain, now=network.clock.now())
            key = SecretKey(secrets.token_bytes(32))
            unsigned = create_invoice_request(
                offer,
                metadata=secrets.token_bytes(_METADATA_BYTES),
                payer_id=key.public_key,
                amount=args.amount,
                chain=network.chain,
                quantity=args.quantity,
                payer_note=args.payer_note,
            )
            return unsigned.sign(key, aux=secrets.token_bytes(32))
        except CodecError as error:
            if error.rule is Rule.OFFER_EXPIRED:
                raise RpcError(_OFFER_EXPIRED, "Offer expired") from error
            raise RpcError(INVALID_PARAMS, f"offer: {error}") from error

    def _send(self, request: InvoiceRequest, secret: bytes) -> None:
        back = _path_to(self._node.node_id, EncryptedData(path_id=secret))
        payload = OnionPayload(invoice_request=request.encode(), reply_path=back)
        for path in self._paths_to(request):
            try:
                self._node.send_along(path, make_onion(path, payload))
            except RpcError:
                continue
            return
        raise RpcError(_NO_ROUTE, "Could not find a way to the node that made the offer")

    def _paths_to(self, request: InvoiceRequest) -> tuple[BlindedPath, ...]:
        if request.offer_paths:
            return request.offer_paths
        if request.offer_issuer_id is None:
            return ()
        return (_path_to(request.offer_issuer_id, EncryptedData()),)

    def _read(self, payload: OnionPayload, request: InvoiceRequest) -> Invoice:
        network = self._node.network
        if payload.invoice_error is not None:
            said = {"error": _words(payload.invoice_error)}
            raise RpcError(_BAD_REPLY, "Remote node sent failure message", said)
        try:
            invoice = Invoice.decode(payload.invoice or b"")
            check_invoice_for_request(invoice, request=request, chain=network.chain, now=network.clock.now())
        except CodecError as error:
            raise RpcError(_BAD_REPLY, f"Invalid invoice: {error}") from error
        return invoice


def _path_to(node_id: Point, data: EncryptedData) -> BlindedPath:
    session = SecretKey(secrets.token_bytes(32))
    return create_blinded_path([node_id], [data.encode()], session_key=session)


def _words(data: bytes) -> str:
    try:
        return InvoiceError.decode(data).error
    except CodecError:
        raise RpcError(LIGHTNINGD, "the answer cannot be read") from None
