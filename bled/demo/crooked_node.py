"""A till whose owner cheats: the node clients of production with one lie built in. Only the demo and tests load it."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bled.node.base import CreatedOffer, NodeInfo, invoice_label, preimage_for
from bled.node.cln_connection import ClnConnection
from bled.node.cln_grpc import ClnMerchantNode
from bled.node.cln_invoice import draft_invoice
from bled.node.cln_onions import invoice_onion
from bled.node.grpc_connection import GrpcConnection
from bled.node.issuer_book import IssuedInvoice, IssuerBook
from bled.node.lnd_grpc import LndMerchantNode
from bled.node.stubs import cln_subset_pb2 as pb
from bled_codec.blinded_path import BlindedPath
from bled_codec.crypto import SecretKey, sha256
from bled_codec.fields import encode_fields, ordered
from bled_codec.invoice import Invoice, UnsignedInvoice
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.tlv import join_records
from bled_codec.units import UnixTime

Alter = Callable[[UnsignedInvoice], UnsignedInvoice]
Forge = Callable[[InvoiceRequest, Invoice], bytes]


@dataclass(slots=True)
class Plot:
    """What the cheat does; honest until one of these is set.

    Attributes:
        before_invoice: awaited after the buyer signed, before the invoice is made.
        alter: changes the invoice before it is signed.
        forge: makes the invoice that is sent instead.
        spare: whether a second invoice for the same request is made beside the first.
        spared: that second invoice, and the path to the buyer's home.
        request: what the buyer signed.
    """

    before_invoice: Callable[[], Awaitable[None]] | None = None
    alter: Alter | None = None
    forge: Forge | None = None
    spare: bool = False
    spared: tuple[Invoice, BlindedPath] | None = None
    request: InvoiceRequest | None = None


Sign = Callable[[bytes, str], Awaitable[Invoice]]
"""Takes a seed and what to put before the label; returns the invoice that the cheat wants."""


async def _plot(plot: Plot, request: InvoiceRequest, seed: bytes, *, sign: Sign) -> Invoice | None:
    """Do what comes before the invoice; return an altered one, or None when it is to be the honest one."""
    plot.request = request
    if plot.before_invoice is not None:
        await plot.before_invoice()
    if plot.spare and request.invreq_paths:
        plot.spared = (await sign(secrets.token_bytes(32), "again-"), request.invreq_paths[0])
    return None if plot.alter is None else await sign(seed, "")


def _forged(plot: Plot, invoice: Invoice) -> bytes | None:
    return None if plot.forge is None or plot.request is None else plot.forge(plot.request, invoice)


class CrookedNode(ClnMerchantNode):
    """Core Lightning in a cheat's hands."""

    def __init__(self, connection: ClnConnection, info: NodeInfo) -> None:
        """Be honest at first."""
        super().__init__(connection, info)
        self.plot = Plot()

    async def create_invoice(
        self, request: InvoiceRequest, *, offer: CreatedOffer, seed: bytes, now: UnixTime
    ) -> Invoice:
        """Make the invoice, altered if it is to be."""

        async def sign(seed: bytes, prefix: str) -> Invoice:
            """Have the node sign what the cheat wants; a stock node knows no field 239 and signs it."""
            name = prefix + invoice_label(offer.offer_id, request.invreq_payer_id)
            preimage = preimage_for(seed, name)
            draft = draft_invoice(request, offer=offer.offer, preimage=preimage, now=now)
            wanted = draft if self.plot.alter is None else self.plot.alter(draft)
            call = pb.CreateinvoiceRequest(invstring=wanted.string, label=name, preimage=preimage)
            return Invoice.from_string(await self._create(call))

        altered = await _plot(self.plot, request, seed, sign=sign)
        return altered or await super().create_invoice(request, offer=offer, seed=seed, now=now)

    async def deliver(self, request: InvoiceRequest, *, invoice: Invoice, path: BlindedPath) -> None:
        """Send the invoice, or the forged one in its place."""
        forged = _forged(self.plot, invoice)
        if forged is None:
            await super().deliver(request, invoice=invoice, path=path)
            return
        keys = (SecretKey(secrets.token_bytes(32)), SecretKey(secrets.token_bytes(32)))
        message = invoice_onion(self._info.node_id, forged, path=path, path_session=keys[0], onion_session=keys[1])
        await self._inject(message)


class CrookedLndNode(LndMerchantNode):
    """LND in a cheat's hands, who signs whatever he wants himself."""

    def __init__(self, connection: GrpcConnection, info: NodeInfo, *, key: SecretKey, book: IssuerBook) -> None:
        """Be honest at first."""
        super().__init__(connection, info, key=key, book=book)
        self.plot = Plot()

    async def create_invoice(
        self, request: InvoiceRequest, *, offer: CreatedOffer, seed: bytes, now: UnixTime
    ) -> Invoice:
        """Make the invoice, altered if it is to be."""

        async def sign(seed: bytes, prefix: str) -> Invoice:
            name = prefix + invoice_label(offer.offer_id, request.invreq_payer_id)
            preimage = preimage_for(seed, name)
            row = IssuedInvoice(label=name, offer_id=offer.offer_id, payment_hash=sha256(preimage), text=None)
            self._book.begin_invoice(row)
            draft = await self._draft(request, offer=offer, preimage=preimage, now=now)
            wanted = draft if self.plot.alter is None else self.plot.alter(draft)
            invoice = wanted.sign(self._key, aux=secrets.token_bytes(32))
            self._book.sign_invoice(name, invoice.string)
            return invoice

        altered = await _plot(self.plot, request, seed, sign=sign)
        return altered or await super().create_invoice(request, offer=offer, seed=seed, now=now)

    async def push(self, invoice: Invoice, *, path: BlindedPath) -> None:
        """Send the invoice, or the forged one in its place."""
        forged = _forged(self.plot, invoice)
        if forged is None:
            await super().push(invoice, path=path)
        else:
            await self._messages.send(forged, path=path)


Crooked = CrookedNode | CrookedLndNode


def replaced(draft: UnsignedInvoice, **fields: object) -> UnsignedInvoice:
    """Return `draft` with these fields set to other values."""
    records = encode_fields(fields)
    types = {record.type for record in records}
    kept = [record for record in draft.records if record.type not in types]
    return UnsignedInvoice.decode(join_records(ordered([*kept, *records])))
