"""What `xpay` is asked to pay, and how much it may cost."""

from dataclasses import dataclass
from typing import Final

from bled.sandbox.rpc_error import INVALID_PARAMS, RpcError
from bled.sandbox.rpc_params import bind, read_msat, read_number, read_text
from bled_codec.bolt12_string import INVOICE_PREFIX, parse_string
from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.crypto import verify_schnorr
from bled_codec.errors import CodecError, SignatureError
from bled_codec.fields import Field
from bled_codec.invoice import Invoice, invoice_digest
from bled_codec.tlv import split_stream
from bled_codec.units import Msat, Point

_NAMES: Final = (
    "invstring",
    "amount_msat",
    "maxfee",
    "layers",
    "retry_for",
    "partial_msat",
    "maxdelay",
    "payer_note",
    "label",
    "localinvreqid",
)
_RETRY_SECONDS: Final = 60
_MAX_DELAY_BLOCKS: Final = 2016
_LEAST_DEFAULT_FEE: Final = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class XpayArgs:
    """Parameters of `xpay` that count in the sandbox.

    Attributes:
        max_fee: all fees together; None: 1 %, or 5000 msat if that is more.
        retry_for: seconds after which no new attempt is made; here every attempt is over at once.
        max_delay: blocks until the money would be back at the latest.
        label: what `listsendpays` shows besides.
    """

    invstring: str
    max_fee: Msat | None
    retry_for: int
    max_delay: int
    label: str | None

    @classmethod
    def read(cls, params: object) -> "XpayArgs":
        """Read the parameters of a call. Raises `RpcError` (-32602)."""
        bound = bind(params, _NAMES, required=1)
        args = cls(
            invstring=read_text(bound, "invstring") or "",
            max_fee=read_msat(bound, "maxfee"),
            retry_for=read_number(bound, "retry_for", _RETRY_SECONDS),
            max_delay=read_number(bound, "maxdelay", _MAX_DELAY_BLOCKS),
            label=read_text(bound, "label"),
        )
        if "amount_msat" in bound:
            raise RpcError(INVALID_PARAMS, "Cannot override amount for bolt12 invoices")
        if "partial_msat" in bound:
            raise RpcError(INVALID_PARAMS, "The sandbox pays whole invoices: no partial_msat")
        return args

    def fee_limit(self, amount: Msat) -> Msat:
        """Return what the fees for `amount` may come to."""
        return Msat(max(amount // 100, _LEAST_DEFAULT_FEE)) if self.max_fee is None else self.max_fee


def read_invoice(text: str, *, chain: bytes) -> Invoice:
    """Return the invoice to pay; `chain` is the node's. Raises `RpcError` (-32602)."""
    try:
        prefix, data = parse_string(text)
        if prefix != INVOICE_PREFIX:
            raise _invalid("invalid invoice data")
        # A real node judges the signature before it looks at what was signed.
        if not _signature_holds(data):
            raise _invalid("Invalid signature")
        invoice = Invoice.decode(data)
    except SignatureError as error:
        raise _invalid("Invalid signature") from error
    except CodecError as error:
        raise _invalid("invalid invoice data") from error
    if (invoice.invreq_chain or BITCOIN_CHAIN) != chain:
        raise _invalid("wrong chain")
    if invoice.invoice_amount == 0:
        raise RpcError(INVALID_PARAMS, "Invalid bolt12 invoice with zero amount")
    return invoice


def _signature_holds(data: bytes) -> bool:
    records = split_stream(data)
    values = {record.type: record.value for record in records}
    key = values.get(Field.INVOICE_NODE_ID, b"")
    return verify_schnorr(values.get(Field.SIGNATURE, b""), invoice_digest(records), key=Point(key))


def _invalid(why: str) -> RpcError:
    return RpcError(INVALID_PARAMS, f"Invalid bolt12 invoice: {why}")
