"""The attacks of `bled demo --tamper`: what the cheat does, and by which rule home must stop it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bled.codes import Code
from bled.demo.crooked_node import Alter, Forge, replaced
from bled.demo.stage import MAX_FEE_BASE, MAX_FEE_PPM
from bled_codec.blinded_path import BlindedPath, BlindedPayinfo, create_blinded_path
from bled_codec.crypto import SecretKey
from bled_codec.encrypted_data import EncryptedData
from bled_codec.fields import Field, ordered
from bled_codec.invoice import Invoice, UnsignedInvoice, create_invoice, invoice_digest
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.tlv import join_records, make_record
from bled_codec.units import Msat, Point


class Tamper(StrEnum):
    """Names of the attacks."""

    AMOUNT = "amount"
    DESCRIPTION = "description"
    PAYER_ID = "payer-id"
    SIGNATURE = "signature"
    PAYEE = "payee"
    REPLAY = "replay"
    LATE = "late"
    REVOKED = "revoked"
    EXPIRED = "expired"
    OVER_BUDGET = "over-budget"
    FEE_SKIM = "fee-skim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One attack.

    Attributes:
        story: what happens, one sentence.
        rules: by which of these home must refuse.
        alter: what the till changes in the invoice before its node signs.
        forge: the invoice that is sent in place of the node's.
    """

    story: str
    rules: frozenset[Code]
    alter: Alter | None = None
    forge: Forge | None = None


def _fresh_key() -> SecretKey:
    return SecretKey(secrets.token_bytes(32))


def max_fee(amount: int) -> int:
    """Return the most that the demo's book allows in fees for `amount`, in millisatoshi."""
    return MAX_FEE_BASE + amount * MAX_FEE_PPM // 1_000_000


def _double(draft: UnsignedInvoice) -> UnsignedInvoice:
    amount = Msat(2 * (draft.invoice_amount or 0))
    return replaced(draft, invreq_amount=amount, invoice_amount=amount)


def _other_text(draft: UnsignedInvoice) -> UnsignedInvoice:
    return replaced(draft, offer_description="a year of flat whites")


def _other_payer(draft: UnsignedInvoice) -> UnsignedInvoice:
    return replaced(draft, invreq_payer_id=_fresh_key().public_key)


def _flip_bit(draft: UnsignedInvoice) -> UnsignedInvoice:
    signature = draft.invoice_request_signature or bytes(64)
    return replaced(draft, invoice_request_signature=signature[:-1] + bytes([signature[-1] ^ 1]))


def _skim(draft: UnsignedInvoice) -> UnsignedInvoice:
    """Ask for a fee on the till's own path that takes all that the buyer allows for fees."""
    amount = draft.invoice_amount or Msat(0)
    node_id = draft.invoice_node_id or Point(b"")
    paths, payinfo = _path_to(node_id, fee=max_fee(amount), most=amount)
    return replaced(draft, invoice_paths=paths, invoice_blindedpay=payinfo)


def _path_to(node_id: Point, *, fee: int, most: Msat) -> tuple[tuple[BlindedPath, ...], tuple[BlindedPayinfo, ...]]:
    data = EncryptedData(path_id=secrets.token_bytes(32)).encode()
    path = create_blinded_path((node_id,), (data,), session_key=_fresh_key())
    payinfo = BlindedPayinfo(
        fee_base_msat=fee,
        fee_proportional_millionths=0,
        cltv_expiry_delta=10,
        htlc_minimum_msat=Msat(0),
        htlc_maximum_msat=Msat(2 * most),
    )
    return (path,), (payinfo,)


def _in_own_name(request: InvoiceRequest, invoice: Invoice) -> bytes:
    """Return an invoice that pays the cheat: every field of the request right, both signatures valid, another payee."""
    key = _fresh_key()
    paths, payinfo = _path_to(key.public_key, fee=0, most=invoice.invoice_amount)
    draft = create_invoice(
        request,
        payment_hash=secrets.token_bytes(32),
        created_at=invoice.invoice_created_at,
        relative_expiry=invoice.invoice_relative_expiry,
        node_id=key.public_key,
        amount=invoice.invoice_amount,
        paths=paths,
        blindedpay=payinfo,
    )
    signature = key.sign(invoice_digest(draft.records), aux=secrets.token_bytes(32))
    return join_records(ordered([*draft.records, make_record(Field.SIGNATURE, signature)]))


_FORGED: Final = frozenset({Code.REQUEST_SIGNATURE_INVALID})

ATTACKS: Final[Mapping[Tamper, Attack]] = {
    Tamper.AMOUNT: Attack(story="The till doubles the amount after the buyer signed.", rules=_FORGED, alter=_double),
    Tamper.DESCRIPTION: Attack(
        story="The till changes what the money is for after the buyer signed.", rules=_FORGED, alter=_other_text
    ),
    Tamper.PAYER_ID: Attack(
        story="The till puts another payer id into the invoice.",
        rules=frozenset({Code.PAYER_ID_NOT_ISSUED, Code.WRONG_PATH}),
        alter=_other_payer,
    ),
    Tamper.SIGNATURE: Attack(
        story="The till flips one bit of the buyer's signature in field 239.", rules=_FORGED, alter=_flip_bit
    ),
    Tamper.PAYEE: Attack(
        story="Somebody else sends an invoice of their own, with the buyer's true signature in it.",
        rules=frozenset({Code.PAYEE_MISMATCH}),
        forge=_in_own_name,
    ),
    Tamper.REPLAY: Attack(
        story="The buyer has paid. The till sends a second invoice for the same signed request.",
        rules=frozenset({Code.PAYER_ID_USED}),
    ),
    Tamper.LATE: Attack(
        story="The till says that the sale failed, and sends the invoice after the expiry that the buyer signed.",
        rules=frozenset({Code.REQUEST_EXPIRED}),
    ),
    Tamper.REVOKED: Attack(
        story="The device was reported stolen: its book is revoked after it signed.",
        rules=frozenset({Code.REVOKED}),
    ),
    Tamper.EXPIRED: Attack(
        story="The book's time runs out between the signature and the invoice.",
        rules=frozenset({Code.GRANT_EXPIRED}),
    ),
    Tamper.OVER_BUDGET: Attack(
        story="A thief has copied the book: the copy's own counters say that nothing was spent yet.",
        rules=frozenset({Code.OVER_BUDGET}),
    ),
    Tamper.FEE_SKIM: Attack(
        story="The till's payment path asks for a fee that takes all the buyer allows for fees.",
        rules=frozenset({Code.FEE_TOO_HIGH}),
        alter=_skim,
    ),
}
