"""LND as a till's node, over its gRPC interface. LND knows no BOLT 12: the till signs offers and invoices itself.

LND gives the payment hash and blinded paths to itself, takes the money, and carries the onion message. What is said
here of its behaviour was read in the source of 0.21.
"""

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from bled.codes import Code
from bled.errors import Unavailable
from bled.node.base import (
    AlreadyPaid,
    Cancelled,
    CreatedOffer,
    Echo,
    Forgotten,
    InvoiceState,
    InvoiceStatus,
    MerchantNode,
    NodeInfo,
    Way,
    invoice_label,
    preimage_for,
)
from bled.node.cln_invoice import check_signed, draft_invoice
from bled.node.grpc_connection import GrpcConnection
from bled.node.issuer_book import IssuedInvoice, IssuedOffer, IssuerBook
from bled.node.lnd_connection import LIGHTNING, READ_SECONDS, connect_lnd
from bled.node.lnd_credentials import LndCredentials
from bled.node.lnd_echo import LndEcho
from bled.node.lnd_invoices import LndInvoices
from bled.node.lnd_messages import LndMessages
from bled.node.lnd_records import read_info, what_is_wrong
from bled.node.stubs import lnd_subset_pb2 as pb
from bled.node.tls_probe import probe
from bled_codec.blinded_path import BlindedPath
from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import Invoice, UnsignedInvoice
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer, create_offer
from bled_codec.units import Msat, UnixTime

NODE_EXPIRY_SECONDS: Final = 3600
"""How long LND itself would take the money. Its blinded paths are good for twice as many blocks as that is in tens of
minutes; for the five minutes of an offer that would be none, and the next block would break them. The invoice that the
buyer's home gets ends with the offer all the same, and LND's is cancelled then."""
INFO_SECONDS: Final = 5.0
"""How long what `GetInfo` said at `connect` is good for the sale that begins then."""
_ISSUER_FILE: Final = "issuer.sqlite"


class LndMerchantNode(MerchantNode):
    """A node, reached over TLS with a macaroon. Every call has a deadline; none is repeated here."""

    def __init__(self, connection: GrpcConnection, info: NodeInfo, *, key: SecretKey, book: IssuerBook) -> None:
        """Take a connection that works, what `GetInfo` said over it, the issuer's key and its book."""
        self._connection = connection
        self._info = info
        self._key = key
        self._book = book
        self._invoices = LndInvoices(connection)
        self._messages = LndMessages(connection, info.node_id)
        self._fresh_until = asyncio.get_running_loop().time() + INFO_SECONDS

    @classmethod
    async def connect(cls, target: str, credentials: LndCredentials, *, key: SecretKey, state: Path) -> Self:
        """Return the node at `target` (host:port), having asked it who it is.

        `key` signs offers and invoices, `state` is the folder that keeps the book of them. Raises `ConfigurationError`
        (`CONFIG_BAD` for an address, a version before 0.21 or another node's book, `NODE_TLS` for a certificate) and
        `Unavailable` (`NODE_UNREACHABLE`, or what `GetInfo` can raise).
        """
        await probe(target, credentials.tls_context(), name=credentials.tls_name)
        connection = connect_lnd(target, credentials)
        try:
            answer = await connection.unary(
                LIGHTNING + "GetInfo", pb.GetInfoRequest(), pb.GetInfoResponse, seconds=READ_SECONDS
            )
            info = read_info(answer, issuer_id=key.public_key)
            return cls(connection, info, key=key, book=_open_book(state / _ISSUER_FILE, info))
        except BaseException:
            await connection.close()
            raise

    @property
    def ways(self) -> Sequence[Way]:
        """The till's own message alone: LND answers no request."""
        return (Way.PUSH,)

    @property
    def refunds(self) -> None:
        """LND pays no BOLT 12 offer, so that a refund is paid by hand."""

    async def info(self) -> NodeInfo:
        """Return who the node is: the first time what it said at `connect`, if that was just now.

        A node that changed its id or network since `connect` is refused.
        """
        if asyncio.get_running_loop().time() < self._fresh_until:
            self._fresh_until = 0.0
            return self._info
        info = read_info(await self._getinfo(), issuer_id=self._key.public_key)
        if (info.node_id, info.chain) != (self._info.node_id, self._info.chain):
            raise Unavailable(Code.NODE_PROTOCOL, detail="another node answers at this address now")
        self._info = info
        return info

    async def self_test(self) -> Sequence[str]:
        """Return what would keep this node from serving a sale, as sentences."""
        return what_is_wrong(await self._getinfo())

    async def is_private(self) -> bool:
        """LND puts paths into every invoice, so the till never builds one."""
        return False

    async def echo(self) -> Echo:
        """Send an onion message to the node itself, through up to three peers one after the other."""
        return await LndEcho(self._connection, self._messages, self._info.node_id).run()

    async def create_offer(
        self, *, amount: Msat, description: str, label: str, absolute_expiry: UnixTime, issuer: str | None = None
    ) -> CreatedOffer:
        """Make an offer; LND hears nothing of it. No two are alike."""
        offer = create_offer(
            description=description,
            amount=amount,
            chains=None if self._info.chain == BITCOIN_CHAIN else [self._info.chain],
            absolute_expiry=absolute_expiry,
            issuer=issuer,
            issuer_id=self._key.public_key,
            metadata=secrets.token_bytes(16),
        )
        self._book.add_offer(IssuedOffer(offer_id=offer.offer_id, label=label, text=offer.string, is_open=True))
        return CreatedOffer(offer_id=offer.offer_id, offer=offer)

    async def find_offers(self, label: str) -> Sequence[CreatedOffer]:
        """Return all offers under `label`."""
        return [
            CreatedOffer(offer_id=row.offer_id, offer=Offer.from_string(row.text))
            for row in self._book.offers_under(label)
        ]

    async def create_invoice(
        self, request: InvoiceRequest, *, offer: CreatedOffer, seed: bytes, now: UnixTime
    ) -> Invoice:
        """Have LND make its invoice, then make and sign the one that answers `request`.

        Raises `Unavailable` also for an offer that is closed (`NODE_REFUSED`) or a request that has an invoice with
        another seed (`NODE_PROTOCOL`): a request has one invoice for ever.
        """
        label = invoice_label(offer.offer_id, request.invreq_payer_id)
        preimage = preimage_for(seed, label)
        draft = draft_invoice(request, offer=offer.offer, preimage=preimage, now=now)
        row = IssuedInvoice(label=label, offer_id=offer.offer_id, payment_hash=sha256(preimage), text=None)
        self._book.begin_invoice(row)
        known = self._book.invoice(label)
        if known is not None and known.text is not None:
            return check_signed(known.text, request=request, draft=draft, chain=self._info.chain, now=now)
        draft = await self._draft(request, offer=offer, preimage=preimage, now=now)
        text = draft.sign(self._key, aux=secrets.token_bytes(32)).string
        invoice = check_signed(text, request=request, draft=draft, chain=self._info.chain, now=now)
        self._book.sign_invoice(label, text)
        return invoice

    async def _draft(
        self, request: InvoiceRequest, *, offer: CreatedOffer, preimage: bytes, now: UnixTime
    ) -> UnsignedInvoice:
        """Return the invoice for `request`, unsigned, over the paths that LND made for `preimage`."""
        draft = draft_invoice(request, offer=offer.offer, preimage=preimage, now=now)
        amount = Msat(draft.invoice_amount or 0)
        left = (offer.offer.offer_absolute_expiry or now) - now
        paths = await self._invoices.add(
            preimage, amount=amount, memo=offer.offer.offer_description or "", seconds=max(left, NODE_EXPIRY_SECONDS)
        )
        return draft_invoice(request, offer=offer.offer, preimage=preimage, now=now, paths=paths)

    async def deliver(self, request: InvoiceRequest, *, invoice: Invoice, path: BlindedPath) -> None:  # noqa: ARG002 (LND answers no request)
        """Send `invoice` as `push` does."""
        await self.push(invoice, path=path)

    async def push(self, invoice: Invoice, *, path: BlindedPath) -> None:
        """Send `invoice` over `path`, connecting to the introduction when there is no connection."""
        await self._messages.send(invoice.encode(), path=path)

    async def reach(self, path: BlindedPath) -> None:
        """Connect to the introduction of `path`. Raises `Unavailable` (`NODE_REFUSED`) when that cannot be done."""
        await self._messages.reach(path)

    async def wait_paid(self, label: str, *, seconds: float) -> InvoiceState | None:
        """Wait for the payment, or the cancelling, of an invoice. LND tells of both; the wait ends by our clock too."""
        row = self._book.invoice(label)
        return None if row is None else await self._invoices.wait(row, seconds=seconds)

    async def lookup(self, label: str) -> InvoiceState | None:
        """Return LND's record of an invoice; None when it has none, or when the till never made it."""
        row = self._book.invoice(label)
        return None if row is None else await self._invoices.lookup(row)

    async def invoices_of(self, offer_id: bytes) -> Sequence[InvoiceState]:
        """Return every invoice for an offer that LND has."""
        found = [await self._invoices.lookup(row) for row in self._book.invoices_of(offer_id)]
        return [state for state in found if state is not None]

    async def cancel(self, offer_id: bytes) -> Cancelled | AlreadyPaid | Forgotten:
        """Close the offer in the book, cancel its invoices at LND, then see what became of them.

        LND refuses to cancel what was paid. A refusal proves nothing by itself: only the reading does.
        """
        self._book.close_offer(offer_id)
        rows = self._book.invoices_of(offer_id)
        for row in rows:
            await self._invoices.cancel(row)
        states = {row.label: await self._invoices.lookup(row) for row in rows}
        return self._end_of_offer(offer_id, rows, [state for state in states.values() if state is not None])

    def _end_of_offer(
        self, offer_id: bytes, rows: Sequence[IssuedInvoice], states: Sequence[InvoiceState]
    ) -> Cancelled | AlreadyPaid | Forgotten:
        paid = [state for state in states if state.status is InvoiceStatus.PAID]
        if paid:
            return AlreadyPaid(invoice=paid[0])
        if any(state.status is InvoiceStatus.UNPAID for state in states):
            raise Unavailable(Code.NODE_PROTOCOL, detail="an invoice that was cancelled can still be paid")
        if self._book.offer(offer_id) is None:
            return Forgotten(detail="the till's own book does not know the offer any more")
        known = {state.label for state in states}
        if any(row.text is not None and row.label not in known for row in rows):
            return Forgotten(detail="the node does not know the sale's invoice any more")
        return Cancelled(invoices=tuple(states))

    async def close(self) -> None:
        """Close the connection and the book."""
        self._book.close()
        await self._connection.close()

    async def _getinfo(self) -> pb.GetInfoResponse:
        call = pb.GetInfoRequest()
        return await self._connection.unary(LIGHTNING + "GetInfo", call, pb.GetInfoResponse, seconds=READ_SECONDS)


def _open_book(path: Path, info: NodeInfo) -> IssuerBook:
    book = IssuerBook(path)
    try:
        book.belong_to(info.node_id, info.issuer_id)
    except BaseException:
        book.close()
        raise
    return book
