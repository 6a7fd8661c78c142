"""Contacts (bLIP 42): a payer lets the recipient know who paid, so that it can be paid back.

The four fields are experimental records of a request: give them to `create_invoice_request` as `extra`. The recipient
mirrors them in its invoice like any other record.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from bled_codec.crypto import SecretKey, parse_point, point_times, sha256, verify_schnorr
from bled_codec.errors import CodecError, EncodingError, Rule, SemanticError, SignatureError
from bled_codec.fields import MIRRORED_TYPES
from bled_codec.merkle import merkle_root, signature_digest
from bled_codec.offer import Offer, OfferFields
from bled_codec.tlv import TlvRecord, make_record
from bled_codec.units import Point
from bled_codec.values import Bip353Name, decode_bip353_name, decode_hash

CONTACT_SECRET: Final = 2_000_001_729
PAYER_OFFER: Final = 2_000_001_731
PAYER_BIP_353_NAME: Final = 2_000_001_733
PAYER_BIP_353_SIGNATURE: Final = 2_000_001_735

_TAG: Final = b"blip42_contact_secret"
_POINT_BYTES: Final = 33
_SIGNED_BYTES: Final = _POINT_BYTES + 64

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class NameSignature:
    """A signature of the request by a key of the offer that the payer's human-readable name leads to."""

    offer_signing_key: Point
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What a request tells about its payer; every field may be absent.

    Attributes:
        contact_secret: 32 bytes that both sides know each other by. Who learns it can pose as the payer.
        payer_offer: an offer to pay the payer back.
        payer_bip_353_name: a name to pay the payer back; `payer_bip_353_signature` was checked over this request, but
            whether its key belongs to that name shows in the offer that the name leads to.
    """

    contact_secret: bytes | None = None
    payer_offer: Offer | None = None
    payer_bip_353_name: Bip353Name | None = None
    payer_bip_353_signature: NameSignature | None = None

    def __repr__(self) -> str:
        return f"Contact(payer_offer={self.payer_offer!r}, payer_bip_353_name={self.payer_bip_353_name!r})"


def offer_node_id(offer: OfferFields) -> Point:
    """Return the key that stands for an offer: its issuer's, or the last of its first path.

    Raises `SemanticError` (`NO_ISSUER_AND_NO_PATHS`).
    """
    if offer.offer_issuer_id is not None:
        return offer.offer_issuer_id
    if not offer.offer_paths:
        raise SemanticError(Rule.NO_ISSUER_AND_NO_PATHS)
    return offer.offer_paths[0].hops[-1].blinded_node_id


def contact_secret(key: SecretKey, remote: Point) -> bytes:
    """Return the secret, 32 bytes, of the two offers whose keys are `key` (ours) and `remote` (see `offer_node_id`)."""
    return sha256(_TAG + point_times(remote, key.reveal()))


def decode_contact(records: Sequence[TlvRecord]) -> Contact:
    """Return what the records of a request or invoice tell about the payer.

    Raises `CodecError` with the TLV type; also when a name is given and its signature is missing or does not verify,
    for then the request has to be ignored.
    """
    values = {record.type: record for record in records}
    name_signature = _read(_decode_name_signature, values.get(PAYER_BIP_353_SIGNATURE))
    name = _read(decode_bip353_name, values.get(PAYER_BIP_353_NAME))
    if name is not None:
        _check_name_signature(records, name_signature)
    return Contact(
        contact_secret=_read(decode_hash, values.get(CONTACT_SECRET)),
        payer_offer=_read(Offer.decode, values.get(PAYER_OFFER)),
        payer_bip_353_name=name,
        payer_bip_353_signature=name_signature,
    )


def _read(decode: Callable[[bytes], _Value], record: TlvRecord | None) -> _Value | None:
    if record is None:
        return None
    try:
        return decode(record.value)
    except CodecError as error:
        raise type(error)(error.rule, tlv_type=record.type) from error


def _decode_name_signature(value: bytes) -> NameSignature:
    if len(value) != _SIGNED_BYTES:
        raise EncodingError(Rule.WRONG_LENGTH)
    return NameSignature(offer_signing_key=parse_point(value[:_POINT_BYTES]), signature=value[_POINT_BYTES:])


def _check_name_signature(records: Iterable[TlvRecord], given: NameSignature | None) -> None:
    # bLIP 42, reader: a name that nobody signed for is no name.
    if given is None:
        raise SignatureError(Rule.SIGNATURE_MISSING, tlv_type=PAYER_BIP_353_SIGNATURE)
    if not verify_schnorr(given.signature, name_digest(records), key=given.offer_signing_key):
        raise SignatureError(Rule.SIGNATURE_INVALID, tlv_type=PAYER_BIP_353_SIGNATURE)


def name_digest(records: Iterable[TlvRecord]) -> bytes:
    """Return what the key of the payer's offer signs, 32 bytes: the request without this signature and its own.

    The bLIP does not say that the record leaves itself out, but it could not be otherwise.
    """
    others = [record for record in records if record.type != PAYER_BIP_353_SIGNATURE and _is_of_request(record)]
    return signature_digest("invoice_request", "invreq_payer_bip_353_signature", merkle_root(others))


def _is_of_request(record: TlvRecord) -> bool:
    return any(record.type in part for part in MIRRORED_TYPES)


def contact_records(
    *,
    secret: bytes,
    payer_offer: Offer | None = None,
    payer_bip_353_name: Bip353Name | None = None,
) -> tuple[TlvRecord, ...]:
    """Return the records that tell the recipient who pays. A name still needs `sign_name`."""
    values = {
        CONTACT_SECRET: decode_hash(secret),
        PAYER_OFFER: None if payer_offer is None else payer_offer.encode(),
        PAYER_BIP_353_NAME: None if payer_bip_353_name is None else payer_bip_353_name.encode(),
    }
    return tuple(make_record(type_, value) for type_, value in values.items() if value is not None)


def sign_name(records: Iterable[TlvRecord], key: SecretKey, *, aux: bytes) -> TlvRecord:
    """Return the record that proves the payer's name, over all other records of the unsigned request.

    `key` is that of the offer which the name leads to; `aux` is 32 bytes of fresh entropy (BIP 340).
    """
    signature = key.sign(name_digest(records), aux=aux)
    return make_record(PAYER_BIP_353_SIGNATURE, key.public_key + signature)
