"""What a till may ask a node for, one row for each call. Pure: a request comes in, the part that is allowed goes out.

Core Lightning's client certificate allows everything, so each row says what a till needs and no more. Requests are
read into messages that have only the fields bled knows and are written anew: an unknown field does not get through.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import DecodeError, Message

from bled.node.cln_private import INVOICE_SECRET, OFFER_SECRET
from bled.node.stubs import cln_subset_pb2 as pb
from bled_codec.crypto import sha256
from bled_codec.errors import CodecError
from bled_codec.invoice import UnsignedInvoice

LARGEST_REQUEST: Final = 256 * 1024
"""Bytes of one request; the largest of ours is an onion message of 64 KiB."""
_SHORT_SECONDS: Final = 30.0
MOST_TIME: Final = 0xFF_FFFF_FFFF
"""No expiry is later (about the year 36800)."""
_WAIT_SECONDS: Final = 600.0
"""An offer lives five minutes, so no wait for its money needs more."""


class Denied(Exception):
    """This till may not do this. The text is told to the till."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """One call.

    Attributes:
        request: its message; what the message has no field for is left out.
        check: raises `Denied` for arguments beyond what a till needs.
        seconds: longest time that the proxy waits for the node.
        spends: whether it pays; such a call goes through the cap.
    """

    request: type[Message]
    check: Callable[[Any], None]
    seconds: float = _SHORT_SECONDS
    spends: bool = False

    def read(self, data: bytes) -> Message:
        """Return the request without anything unknown. Raises `Denied`."""
        message = self.request()
        try:
            message.ParseFromString(data)
        except DecodeError as error:
            raise Denied("not a request of this call") from error
        # A field that we do not know could change what the call does: `DiscardUnknownFields` reaches nested ones.
        message.DiscardUnknownFields()
        self.check(message)
        return message


def _anything(_: Message) -> None:
    """Nothing in these arguments reaches beyond a sale."""


def _only_own_secrets(request: pb.MakesecretRequest) -> None:
    # From other names follow the secrets of runes and of back-ups: whoever may ask for any secret owns the node.
    if request.HasField("hex") or request.string not in {OFFER_SECRET, INVOICE_SECRET}:
        raise Denied("a till may ask for the secrets of offers and invoices alone")


def _whole_invoice(request: pb.CreateinvoiceRequest) -> None:
    # lightningd ends by some of what such an invoice may lack, and would sign a BOLT 11 invoice as well.
    try:
        draft = UnsignedInvoice.from_string(request.invstring)
    except CodecError as error:
        raise Denied(f"a till has BOLT 12 invoices signed: {error}") from error
    needed = (draft.invoice_amount, draft.invoice_created_at, draft.invoice_node_id, draft.offer_description)
    if not request.label or None in needed or draft.invoice_payment_hash != sha256(request.preimage):
        raise Denied("the invoice is not whole, or its preimage is another")


def _one_invoice(request: pb.ListinvoicesRequest) -> None:
    named = (request.HasField(name) for name in ("label", "invstring", "payment_hash", "offer_id"))
    if not any(named):
        raise Denied("a till may look up invoices one by one, not list them all")


def _one_payment(request: pb.ListsendpaysRequest) -> None:
    # All of them would tell whom the node's owner paid, with the proofs.
    if not request.payment_hash:
        raise Denied("a till may look up payments one by one, not list them all")


def _short_lived_offer(request: pb.OfferRequest) -> None:
    if not (request.single_use and request.HasField("absolute_expiry") and request.label):
        raise Denied("a till makes offers for one sale, with an expiry and a label")
    if request.absolute_expiry > MOST_TIME:
        raise Denied("an offer's expiry is a time")


ALLOWED: Final[Mapping[str, Allowed]] = {
    "Getinfo": Allowed(request=pb.GetinfoRequest, check=_anything),
    "ListPeers": Allowed(request=pb.ListpeersRequest, check=_anything),
    "ListPeerChannels": Allowed(request=pb.ListpeerchannelsRequest, check=_anything),
    "ConnectPeer": Allowed(request=pb.ConnectRequest, check=_anything),
    "MakeSecret": Allowed(request=pb.MakesecretRequest, check=_only_own_secrets),
    "Offer": Allowed(request=pb.OfferRequest, check=_short_lived_offer),
    "ListOffers": Allowed(request=pb.ListoffersRequest, check=_anything),
    "DisableOffer": Allowed(request=pb.DisableofferRequest, check=_anything),
    "CreateInvoice": Allowed(request=pb.CreateinvoiceRequest, check=_whole_invoice),
    "ListInvoices": Allowed(request=pb.ListinvoicesRequest, check=_one_invoice),
    "WaitInvoice": Allowed(request=pb.WaitinvoiceRequest, check=_anything, seconds=_WAIT_SECONDS),
    "InjectOnionMessage": Allowed(request=pb.InjectonionmessageRequest, check=_anything),
    "FetchInvoice": Allowed(request=pb.FetchinvoiceRequest, check=_anything, seconds=90.0),
    "ListSendPays": Allowed(request=pb.ListsendpaysRequest, check=_one_payment),
    "Xpay": Allowed(request=pb.XpayRequest, check=_anything, seconds=_WAIT_SECONDS, spends=True),
}
"""Everything else is refused: no other payment, no withdrawal, no channel, no rune, no plugin, no key."""
