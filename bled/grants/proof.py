"""Payer proofs of purchases: what they show unless their maker says otherwise."""

from typing import Final

from bled.codes import Code
from bled.errors import PeerError
from bled_codec.crypto import SecretKey
from bled_codec.errors import CodecError
from bled_codec.fields import Field
from bled_codec.invoice import Invoice
from bled_codec.payer_proof import PayerProof, create_payer_proof

SHOWN: Final = (
    Field.OFFER_DESCRIPTION,
    Field.OFFER_ISSUER,
    Field.OFFER_ISSUER_ID,
    Field.INVREQ_AMOUNT,
    Field.INVOICE_CREATED_AT,
    Field.INVOICE_AMOUNT,
)
"""What was bought, from whom, when, for how much. Never where home can be reached, nor which book paid."""


def prove(invoice: bytes, *, preimage: bytes, key: SecretKey, aux: bytes, note: str | None = None) -> PayerProof:
    """Return the proof that `invoice` was paid, signed with `key`, that of its payer id.

    `note` is a text of whoever asks for the proof, so that it is no old one; `aux` is 32 bytes of fresh entropy.
    Raises `PeerError` (`PROOF_MISMATCH`) for an invoice, a preimage and a key that do not belong together.
    """
    try:
        draft = create_payer_proof(Invoice.decode(invoice), preimage=preimage, shown=SHOWN, note=note)
        return draft.sign(key, aux=aux)
    except CodecError as error:
        raise PeerError.from_codec(Code.PROOF_MISMATCH, error) from error
