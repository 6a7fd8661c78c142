"""A stock Core Lightning node as a till's node, over its gRPC interface (direct flow first, push second).

What is said here of lightningd's behaviour was measured on v26.06.
"""

import asyncio
import secrets
import time
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
    MerchantNode,
    NodeInfo,
    Way,
    invoice_label,
    preimage_for,
)
from bled.node.cln_connection import READ_SECONDS, ClnConnection
from bled.node.cln_credentials import load_credentials
from bled.node.cln_echo import ClnEcho
from bled.node.cln_errors import (
    DUPLICATE_LABEL,
    INVOICE_EXPIRED_DURING_WAIT,
    OFFER_ALREADY_EXISTS,
    OFFER_NOT_ACTIVE,
    UNKNOWN_LABEL_OR_OFFER,
    RpcFailure,
)
from bled.node.cln_invoice import check_signed, draft_invoice
from bled.node.cln_onions import InjectedOnion, invoice_onion, request_onion
from bled.node.cln_records import (
    check_offer,
    end_of_offer,
    read_info,
    read_invoice,
    read_offer,
    read_waited,
    what_is_wrong,
)
from bled.node.cln_refunds import ClnRefunds
from bled.node.cln_ways import PrivateWays
from bled.node.grpc_errors import NoAnswerInTime
from bled.node.stubs import cln_subset_pb2 as pb
from bled.node.tls_probe import CLN_TLS_NAME, probe
from bled_codec.blinded_path import BlindedPath
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import Invoice
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.units import Msat, Point, UnixTime

CHANGE_SECONDS: Final = 10.0
"""Longest wait for a call that changes something: lightningd syncs its database first."""
LIST_SECONDS: Final = 20.0
"""Longest wait for a list that grows with every sale."""
CONNECT_SECONDS: Final = 8.0
"""Longest wait for a connection to a peer; a silent host would take lightningd a minute."""
INFO_SECONDS: Final = 5.0
"""How long what `Getinfo` said at `connect` is good for the sale that begins then."""
_SAME_TERMS_TRIES: Final = 5
"""How many seconds an offer's expiry may move so that it differs from offers made in the same second."""


class ClnMerchantNode(MerchantNode):
    """A node, reached over mutual TLS. Every call has a deadline; none is repeated here."""

    def __init__(self, connection: ClnConnection, info: NodeInfo) -> None:
        """Take a connection that works and what `Getinfo` said over it; `connect` makes both."""
        self._connection = connection
        self._info = info
        self._fresh_until = asyncio.get_running_loop().time() + INFO_SECONDS
        self._private = PrivateWays(connection)

    @classmethod
    async def connect(cls, target: str, credentials: Path) -> Self:
        """Return the node at `target` (host:port), having asked it who it is.

        `credentials` is the folder with ca.pem, client.pem and client-key.pem. Raises `ConfigurationError`
        (`CONFIG_BAD` for a file or address, `NODE_TLS` for a refused certificate) and `Unavailable`
        (`NODE_UNREACHABLE`, or what `Getinfo` can raise).
        """
        proof = load_credentials(credentials)
        await probe(target, proof.tls_context(), name=CLN_TLS_NAME)
        connection = ClnConnection(target, proof)
        try:
            answer = await connection.call("Getinfo", pb.GetinfoRequest(), pb.GetinfoResponse, seconds=READ_SECONDS)
            return cls(connection, read_info(answer))
        except BaseException:
            await connection.close()
            raise

    @property
    def ways(self) -> Sequence[Way]:
        """The node's own answer first, which needs fewer calls."""
        return (Way.DIRECT, Way.PUSH)

    @property
    def refunds(self) -> ClnRefunds:
        """This node pays offers itself."""
        return ClnRefunds(self._connection)

    async def info(self) -> NodeInfo:
        """Return who the node is: the first time what it said at `connect`, if that was just now.

        A node that changed its id or network since `connect` is refused.
        """
        if asyncio.get_running_loop().time() < self._fresh_until:
            self._fresh_until = 0.0
            return self._info
        info = read_info(await self._getinfo())
        if (info.node_id, info.chain) != (self._info.node_id, self._info.chain):
            raise Unavailable(Code.NODE_PROTOCOL, detail="another node answers at this address now")
        self._info = info
        return info

    async def self_test(self) -> Sequence[str]:
        """Return what would keep this node from serving a sale, as sentences."""
        return what_is_wrong(await self._getinfo())

    async def is_private(self) -> bool:
        """Say whether every channel of the node is known to its ends alone."""
        return await self._private.are_needed()

    async def echo(self) -> Echo:
        """Send an onion message to the node itself, through up to three peers one after the other."""
        return await ClnEcho(self, self._connection, self._private).run(UnixTime(int(time.time())))

    async def create_offer(
        self, *, amount: Msat, description: str, label: str, absolute_expiry: UnixTime, issuer: str | None = None
    ) -> CreatedOffer:
        """Make a single-use offer. It ends up to 5 s later when the same terms exist under another label already.

        Core Lightning knows an offer by its content alone: two equal sales in one second would share one.
        """
        for expiry in range(absolute_expiry, absolute_expiry + _SAME_TERMS_TRIES):
            request = pb.OfferRequest(
                amount=f"{amount}msat",
                description=description,
                issuer=issuer,
                label=label,
                absolute_expiry=expiry,
                single_use=True,
            )
            answer = await self._offer(request)
            if answer is not None and answer.label == label and answer.active and not answer.used:
                return self._checked_offer(answer, amount, description, issuer, UnixTime(expiry))
        raise Unavailable(Code.NODE_REFUSED, detail="the node has these offers already")

    async def _offer(self, request: pb.OfferRequest) -> pb.OfferResponse | None:
        """Return what the node says of the offer, None when it has a closed one with the same terms."""
        try:
            return await self._connection.call("Offer", request, pb.OfferResponse, seconds=CHANGE_SECONDS)
        except RpcFailure as error:
            if error.rpc_code == OFFER_ALREADY_EXISTS:
                return None
            raise

    def _checked_offer(
        self, answer: pb.OfferResponse, amount: Msat, description: str, issuer: str | None, expiry: UnixTime
    ) -> CreatedOffer:
        if not answer.single_use:
            raise Unavailable(Code.NODE_PROTOCOL, detail="the node's offer can be paid more than once")
        created = read_offer(answer.offer_id, answer.bolt12)
        check_offer(created, amount=amount, description=description, issuer=issuer, expiry=expiry, info=self._info)
        return created

    async def find_offers(self, label: str) -> Sequence[CreatedOffer]:
        """Return all offers under `label`. Core Lightning keeps every offer for ever, and lists them all or one."""
        request = pb.ListoffersRequest()
        answer = await self._connection.call("ListOffers", request, pb.ListoffersResponse, seconds=LIST_SECONDS)
        return [read_offer(row.offer_id, row.bolt12) for row in answer.offers if row.label == label]

    async def create_invoice(
        self, request: InvoiceRequest, *, offer: CreatedOffer, seed: bytes, now: UnixTime
    ) -> Invoice:
        """Make the invoice for `request` under the label where the node's own offers plugin will find it."""
        label = invoice_label(offer.offer_id, request.invreq_payer_id)
        preimage = preimage_for(seed, label)
        paths = await self._private.for_payment(offer.offer, sha256(preimage), info=self._info)
        draft = draft_invoice(request, offer=offer.offer, preimage=preimage, now=now, paths=paths)
        text = await self._create(pb.CreateinvoiceRequest(invstring=draft.string, label=label, preimage=preimage))
        return check_signed(text, request=request, draft=draft, chain=self._info.chain, now=now)

    async def _create(self, call: pb.CreateinvoiceRequest) -> str:
        try:
            answer = await self._connection.call(
                "CreateInvoice", call, pb.CreateinvoiceResponse, seconds=CHANGE_SECONDS
            )
        except RpcFailure as error:
            # The invoice exists: made by an earlier call, or by this one whose answer did not fit the gRPC types.
            if error.rpc_code != DUPLICATE_LABEL and not error.answer_was_unreadable:
                raise
            state = await self.lookup(call.label)
            return (state.text if state else None) or ""
        return answer.bolt12

    async def deliver(self, request: InvoiceRequest, *, invoice: Invoice, path: BlindedPath) -> None:  # noqa: ARG002 (the node holds it)
        """Hand `request` to the node with `path` as the way back: it finds `invoice` and sends that."""
        path_id = await self._private.path_id_of(request)
        await self._inject(
            request_onion(
                self._info.node_id,
                request.encode(),
                reply_path=path,
                path_session=_fresh_key(),
                onion_session=_fresh_key(),
                path_id=path_id,
            )
        )

    async def push(self, invoice: Invoice, *, path: BlindedPath) -> None:
        """Connect to the introduction, then send `invoice` along `path`. Says at once when there is no connection."""
        await self.reach(path)
        await self._inject(
            invoice_onion(
                self._info.node_id,
                invoice.encode(),
                path=path,
                path_session=_fresh_key(),
                onion_session=_fresh_key(),
            )
        )

    async def reach(self, path: BlindedPath) -> None:
        """Connect to the introduction of `path`. Raises `Unavailable` (`NODE_REFUSED`) when that cannot be done."""
        introduction = path.introduction
        if introduction is None:
            raise Unavailable(Code.NODE_REFUSED, detail="the path names its introduction by a channel only")
        if introduction != self._info.node_id:
            await self._connect_peer(introduction)

    async def _connect_peer(self, peer: Point) -> None:
        """Connect to a peer; at once when it is connected. A silent peer says nothing about the node itself."""
        call = pb.ConnectRequest(id=peer.hex())
        try:
            await self._connection.call("ConnectPeer", call, pb.ConnectResponse, seconds=CONNECT_SECONDS)
        except NoAnswerInTime as error:
            raise Unavailable(Code.NODE_REFUSED, detail="the path's introduction does not answer") from error

    async def _inject(self, message: InjectedOnion) -> None:
        call = pb.InjectonionmessageRequest(path_key=message.path_key, message=message.onion)
        await self._connection.call("InjectOnionMessage", call, pb.InjectonionmessageResponse, seconds=CHANGE_SECONDS)

    async def wait_paid(self, label: str, *, seconds: float) -> InvoiceState | None:
        """Wait for the payment.

        lightningd's own wait, begun before an offer is closed, never ends: it has our deadline, and then the record is
        read.
        """
        call = pb.WaitinvoiceRequest(label=label)
        try:
            answer = await self._connection.call("WaitInvoice", call, pb.WaitinvoiceResponse, seconds=seconds)
            if answer.status == pb.WaitinvoiceResponse.PAID:
                return read_waited(answer)
        except RpcFailure as error:
            if error.rpc_code not in (INVOICE_EXPIRED_DURING_WAIT, UNKNOWN_LABEL_OR_OFFER):
                raise
        except NoAnswerInTime:
            pass  # that is how a wait ends in which nothing happened
        return await self.lookup(label)

    async def lookup(self, label: str) -> InvoiceState | None:
        """Return the node's record of an invoice."""
        states = await self._invoices(pb.ListinvoicesRequest(label=label))
        return states[0] if states else None

    async def invoices_of(self, offer_id: bytes) -> Sequence[InvoiceState]:
        """Return every invoice for an offer."""
        return await self._invoices(pb.ListinvoicesRequest(offer_id=offer_id.hex()))

    async def cancel(self, offer_id: bytes) -> Cancelled | AlreadyPaid | Forgotten:
        """Disable the offer, which expires its unpaid invoices at once; then see what became of it and of them.

        A refusal to disable proves nothing by itself: the offer may be closed, used, or unknown.
        """
        try:
            call = pb.DisableofferRequest(offer_id=offer_id)
            await self._connection.call("DisableOffer", call, pb.DisableofferResponse, seconds=CHANGE_SECONDS)
        except RpcFailure as error:
            if error.rpc_code not in (OFFER_NOT_ACTIVE, UNKNOWN_LABEL_OR_OFFER):
                raise
        request = pb.ListoffersRequest(offer_id=offer_id)
        answer = await self._connection.call("ListOffers", request, pb.ListoffersResponse, seconds=READ_SECONDS)
        return end_of_offer(answer.offers, await self.invoices_of(offer_id))

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    async def _getinfo(self) -> pb.GetinfoResponse:
        return await self._connection.call("Getinfo", pb.GetinfoRequest(), pb.GetinfoResponse, seconds=READ_SECONDS)

    async def _invoices(self, request: pb.ListinvoicesRequest) -> list[InvoiceState]:
        answer = await self._connection.call("ListInvoices", request, pb.ListinvoicesResponse, seconds=READ_SECONDS)
        return [read_invoice(row) for row in answer.invoices]


def _fresh_key() -> SecretKey:
    return SecretKey(secrets.token_bytes(32))
