"""Payer proofs (BOLT 12, "Payer Proofs"): who asked for an invoice proves to have paid it, showing what it likes.

A proof repeats chosen records of the invoice with the issuer's signature over all of them, the preimage that only
payment reveals, and a signature by the key that asked for the invoice. Anybody can check it with nothing else at hand.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bled_codec.bolt12_string import PAYER_PROOF_PREFIX, format_string, parse_string
from bled_codec.crypto import Points, SecretKey, sha256
from bled_codec.disclosure import Disclosure, disclose, rebuild_root
from bled_codec.errors import EncodingError, Rule, SemanticError, SignatureError
from bled_codec.fields import PROOF_TYPES, Field, decode_fields, encode_fields, ordered
from bled_codec.invoice import Invoice, InvoiceFields, invoice_root_digest
from bled_codec.merkle import SIGNATURE_TYPES, merkle_root, signature_digest
from bled_codec.tlv import TlvRecord, join_records, make_record, split_stream
from bled_codec.units import Point

_PROOF_DATA: Final = range(1001, 1_000_000_000)
"""Types of the proof's own records: they are in no invoice (BOLT 12)."""

_ALWAYS_SHOWN: Final = (
    Field.INVREQ_PAYER_ID,
    Field.INVOICE_PAYMENT_HASH,
    Field.INVOICE_FEATURES,
    Field.INVOICE_NODE_ID,
)
_REQUIRED: Final = (
    Field.INVREQ_PAYER_ID,
    Field.INVOICE_PAYMENT_HASH,
    Field.INVOICE_NODE_ID,
    Field.SIGNATURE,
    Field.PROOF_SIGNATURE,
    Field.PROOF_PREIMAGE,
    Field.PROOF_MISSING_HASHES,
    Field.PROOF_LEAF_HASHES,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayerProof(InvoiceFields):
    """A proof that holds: the preimage fits, the issuer signed the invoice, and its payer signed the proof.

    The inherited fields are those of the invoice that its payer chose to show; None: absent or not shown.
    """

    invreq_payer_id: Point
    invoice_payment_hash: bytes
    invoice_node_id: Point
    signature: bytes
    proof_signature: bytes
    proof_preimage: bytes
    proof_omitted_tlvs: tuple[int, ...] = ()
    proof_missing_hashes: tuple[bytes, ...]
    proof_leaf_hashes: tuple[bytes, ...]
    proof_note: str | None = None
    records: tuple[TlvRecord, ...] = field(repr=False)

    @classmethod
    def decode(cls, data: bytes) -> "PayerProof":
        """Return the proof in a TLV stream. Raises `CodecError` naming the rule and the TLV type."""
        records = split_stream(data)
        _check_metadata_hidden(records)
        points = Points()
        fields = decode_fields(records, PROOF_TYPES, points)
        _require(fields)
        proof = cls(records=records, **fields)
        _check_preimage(proof)
        _check_signatures(proof, points)
        return proof

    @classmethod
    def from_string(cls, text: str) -> "PayerProof":
        """Return the proof in an `lnp` string. Raises `CodecError`."""
        prefix, data = parse_string(text)
        if prefix != PAYER_PROOF_PREFIX:
            raise EncodingError(Rule.STRING_WRONG_KIND, offset=0)
        return cls.decode(data)

    def encode(self) -> bytes:
        """Return the TLV stream, byte for byte as received."""
        return join_records(self.records)

    @property
    def string(self) -> str:
        """The `lnp` string."""
        return format_string(PAYER_PROOF_PREFIX, self.encode())

    @property
    def invoice_records(self) -> tuple[TlvRecord, ...]:
        """The records of the invoice that are shown, without its signature."""
        return tuple(record for record in self.records if _is_of_invoice(record))

    @property
    def invoice_root(self) -> bytes:
        """The merkle root of the whole invoice, 32 bytes: the same for every proof about one invoice."""
        return rebuild_root(self.invoice_records, _disclosure(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsignedPayerProof:
    """A proof before its payer's signature."""

    records: tuple[TlvRecord, ...]

    @property
    def digest(self) -> bytes:
        """The 32 bytes to sign."""
        return proof_digest(self.records)

    def sign(self, key: SecretKey, *, aux: bytes) -> PayerProof:
        """Return the signed proof; `key` is that of `invreq_payer_id`, `aux` 32 bytes of fresh entropy (BIP 340).

        Raises `CodecError` when the proof would not hold.
        """
        signature = make_record(Field.PROOF_SIGNATURE, key.sign(self.digest, aux=aux))
        return PayerProof.decode(join_records(ordered([*self.records, signature])))


def create_payer_proof(
    invoice: Invoice, *, preimage: bytes, shown: Collection[int] = (), note: str | None = None
) -> UnsignedPayerProof:
    """Return a proof that `invoice` was paid with `preimage` (32 bytes), which shows the records of types `shown`.

    What every proof has to show is added; types that the invoice lacks are passed over. `note` is the payer's own text
    to whoever asked for the proof, and signed. Raises `SemanticError`: `PREIMAGE_MISMATCH`, `PROOF_DISCLOSES_METADATA`
    (field 0 is what keeps hidden fields from being guessed), or `TYPE_OUT_OF_RANGE` for a type no proof can show.
    """
    if sha256(preimage) != invoice.invoice_payment_hash:
        raise SemanticError(Rule.PREIMAGE_MISMATCH, tlv_type=Field.PROOF_PREIMAGE)
    types = _types_to_show(shown)
    records = [record for record in invoice.records if record.type not in SIGNATURE_TYPES]
    disclosure = disclose(records, types)
    fields = {
        "signature": invoice.signature,
        "proof_preimage": preimage,
        "proof_omitted_tlvs": disclosure.omitted or None,
        "proof_missing_hashes": disclosure.missing_hashes,
        "proof_leaf_hashes": disclosure.leaf_hashes,
        "proof_note": note,
    }
    return UnsignedPayerProof(records=encode_fields(fields, [r for r in records if r.type in types]))


def _types_to_show(shown: Collection[int]) -> frozenset[int]:
    if Field.INVREQ_METADATA in shown:
        raise SemanticError(Rule.PROOF_DISCLOSES_METADATA, tlv_type=Field.INVREQ_METADATA)
    types = frozenset({*map(int, shown), *map(int, _ALWAYS_SHOWN)})
    for type_ in sorted(types):
        if type_ in SIGNATURE_TYPES or type_ in _PROOF_DATA:
            raise SemanticError(Rule.TYPE_OUT_OF_RANGE, tlv_type=type_)
    return types


def proof_digest(records: Collection[TlvRecord]) -> bytes:
    """Return what the payer signs: the root of the proof's own records under the proof's tag, 32 bytes."""
    return signature_digest("payer_proof", "proof_signature", merkle_root(records))


def _is_of_invoice(record: TlvRecord) -> bool:
    return record.type not in SIGNATURE_TYPES and record.type not in _PROOF_DATA


def _check_metadata_hidden(records: Collection[TlvRecord]) -> None:
    # BOLT 12, payer proofs: field 0 is never shown.
    if any(record.type == Field.INVREQ_METADATA for record in records):
        raise SemanticError(Rule.PROOF_DISCLOSES_METADATA, tlv_type=Field.INVREQ_METADATA)


def _require(fields: Mapping[str, Any]) -> None:
    # BOLT 12, payer proofs, reader: eight fields must be there.
    for needed in _REQUIRED:
        if needed.name.lower() not in fields:
            raise SemanticError(Rule.PROOF_FIELD_MISSING, tlv_type=needed)


def _check_preimage(proof: PayerProof) -> None:
    # BOLT 12, payer proofs, reader: only who paid knows it.
    if sha256(proof.proof_preimage) != proof.invoice_payment_hash:
        raise SemanticError(Rule.PREIMAGE_MISMATCH, tlv_type=Field.PROOF_PREIMAGE)


def _disclosure(proof: PayerProof) -> Disclosure:
    return Disclosure(
        omitted=proof.proof_omitted_tlvs,
        missing_hashes=proof.proof_missing_hashes,
        leaf_hashes=proof.proof_leaf_hashes,
    )


def _check_signatures(proof: PayerProof, points: Points) -> None:
    # BOLT 12, payer proofs, reader: the issuer's over the rebuilt root, the payer's over the proof's own records.
    if not points.verify_schnorr(proof.signature, invoice_root_digest(proof.invoice_root), key=proof.invoice_node_id):
        raise SignatureError(Rule.SIGNATURE_INVALID, tlv_type=Field.SIGNATURE)
    if not points.verify_schnorr(proof.proof_signature, proof_digest(proof.records), key=proof.invreq_payer_id):
        raise SignatureError(Rule.SIGNATURE_INVALID, tlv_type=Field.PROOF_SIGNATURE)
