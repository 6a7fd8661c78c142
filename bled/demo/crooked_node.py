"""A till whose owner cheats: the node client of production with one lie built in. Only the demo and tests load it."""

import secrets
from collections.abc import Awaitable, Callable

from bled.node.base import CreatedOffer, invoice_label, preimage_for
from bled.node.cln_grpc import ClnMerchantNode
from bled.node.cln_invoice import draft_invoice
from bled.node.cln_onions import invoice_onion
from bled.node.stubs import cln_subset_pb2 as pb
from bled_codec.blinded_path import BlindedPath
from bled_codec.crypto import SecretKey
from bled_codec.fields import encode_fields, ordered
from bled_codec.invoice import Invoice, UnsignedInvoice
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.tlv import join_records
from bled_codec.units import UnixTime

Alter = Callable[[UnsignedInvoice], UnsignedInvoice]
Forge = Callable[[InvoiceRequest, Invoice], bytes]


class CrookedNode(ClnMerchantNode):
    """Honest until one of its attributes is set.

    Attributes:
        before_invoice: awaited after the buyer signed, before the invoice is made.
        alter: changes the invoice before the merchant's node signs it.
        forge: makes the invoice that is sent instead of the node's own.
        spare: whether a second invoice for the same request is made beside the first.
        spared: that second invoice, and the path to the buyer's home.
    """

    before_invoice: Callable[[], Awaitable[None]] | None = None
    alter: Alter | None = None
    forge: Forge | None = None
    spare: bool = False
    spared: tuple[Invoice, BlindedPath] | None = None

    async def create_invoice(
        self, request: InvoiceRequest, *, offer: CreatedOffer, seed: bytes, now: UnixTime
    ) -> Invoice:
        """Make the invoice, altered if it is to be."""
        if self.before_invoice is not None:
            await self.before_invoice()
        if self.spare and request.invreq_paths:
            second = await self._sign(request, offer=offer, seed=secrets.token_bytes(32), now=now, label="again-")
            self.spared = (second, request.invreq_paths[0])
        if self.alter is None:
            return await super().create_invoice(request, offer=offer, seed=seed, now=now)
        return await self._sign(request, offer=offer, seed=seed, now=now)

    async def _sign(
        self, request: InvoiceRequest, *, offer: CreatedOffer, seed: bytes, now: UnixTime, label: str = ""
    ) -> Invoice:
        """Have the node sign what the cheat wants; a stock node knows no field 239 and signs it."""
        name = label + invoice_label(offer.offer_id, request.invreq_payer_id)
        preimage = preimage_for(seed, name)
        draft = draft_invoice(request, offer=offer.offer, preimage=preimage, now=now)
        wanted = draft if self.alter is None else self.alter(draft)
        call = pb.CreateinvoiceRequest(invstring=wanted.string, label=name, preimage=preimage)
        return Invoice.from_string(await self._create(call))

    async def deliver(self, request: InvoiceRequest, *, invoice: Invoice, path: BlindedPath) -> None:
        """Send the invoice, or the forged one in its place."""
        if self.forge is None:
            await super().deliver(request, invoice=invoice, path=path)
        else:
            await self._push_bytes(self.forge(request, invoice), path)

    async def _push_bytes(self, invoice: bytes, path: BlindedPath) -> None:
        """Send what no honest program would call an invoice."""
        keys = (SecretKey(secrets.token_bytes(32)), SecretKey(secrets.token_bytes(32)))
        message = invoice_onion(self._info.node_id, invoice, path=path, path_session=keys[0], onion_session=keys[1])
        await self._inject(message)


def replaced(draft: UnsignedInvoice, **fields: object) -> UnsignedInvoice:
    """Return `draft` with these fields set to other values."""
    records = encode_fields(fields)
    types = {record.type for record in records}
    kept = [record for record in draft.records if record.type not in types]
    return UnsignedInvoice.decode(join_records(ordered([*kept, *records])))
