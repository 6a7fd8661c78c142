"""Offers (BOLT 12, "Offers"): what a merchant hands out. An offer is not signed; nothing in it proves who made it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bled_codec.blinded_path import BlindedPath
from bled_codec.bolt12_string import OFFER_PREFIX, format_string, parse_string
from bled_codec.construct import construct
from bled_codec.crypto import sha256
from bled_codec.errors import EncodingError, Rule, SemanticError
from bled_codec.features import check_features
from bled_codec.fields import OFFER_TYPES, Field, decode_fields, encode_fields
from bled_codec.tlv import TlvRecord, join_records, split_stream
from bled_codec.units import Point, UnixTime


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferFields:
    """The fields of an offer by their specification names; requests and invoices repeat them. None: absent.

    `offer_amount` is in millisatoshi, or in the minor unit of `offer_currency` when that is set. `offer_quantity_max`
    of 0 means no limit.
    """

    offer_chains: tuple[bytes, ...] | None = None
    offer_metadata: bytes | None = None
    offer_currency: str | None = None
    offer_amount: int | None = None
    offer_description: str | None = None
    offer_features: bytes | None = None
    offer_absolute_expiry: UnixTime | None = None
    offer_paths: tuple[BlindedPath, ...] | None = None
    offer_issuer: str | None = None
    offer_quantity_max: int | None = None
    offer_issuer_id: Point | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer(OfferFields):
    """An offer that keeps every rule which needs neither a clock nor a chain.

    `records` are the bytes as received, unknown odd ones too; they are what a request must repeat.
    """

    records: tuple[TlvRecord, ...] = field(repr=False)

    @classmethod
    def decode(cls, data: bytes) -> "Offer":
        """Return the offer in a TLV stream. Raises `CodecError` naming the rule and the TLV type."""
        records = split_stream(data)
        fields = decode_fields(records, OFFER_TYPES)
        fields["records"] = records
        offer = construct(cls, fields)
        check_offer_fields(offer)
        return offer

    @classmethod
    def from_string(cls, text: str) -> "Offer":
        """Return the offer in an `lno` string. Raises `CodecError`."""
        prefix, data = parse_string(text)
        if prefix != OFFER_PREFIX:
            raise EncodingError(Rule.STRING_WRONG_KIND, offset=0)
        return cls.decode(data)

    def encode(self) -> bytes:
        """Return the TLV stream, byte for byte as received."""
        return join_records(self.records)

    @property
    def string(self) -> str:
        """The `lno` string."""
        return format_string(OFFER_PREFIX, self.encode())

    @property
    def offer_id(self) -> bytes:
        """SHA-256 of the TLV stream: the name Core Lightning gives an offer. The specification has none."""
        return sha256(self.encode())


def create_offer(
    *,
    description: str | None,
    amount: int | None = None,
    currency: str | None = None,
    chains: Sequence[bytes] | None = None,
    absolute_expiry: UnixTime | None = None,
    issuer: str | None = None,
    issuer_id: Point | None = None,
    paths: Sequence[BlindedPath] | None = None,
    quantity_max: int | None = None,
    metadata: bytes | None = None,
    features: bytes | None = None,
    extra: Iterable[TlvRecord] = (),
) -> Offer:
    """Return a new offer. Raises `SemanticError` when the fields would break a rule of BOLT 12."""
    fields = {
        "offer_chains": chains,
        "offer_metadata": metadata,
        "offer_currency": currency,
        "offer_amount": amount,
        "offer_description": description,
        "offer_features": features,
        "offer_absolute_expiry": absolute_expiry,
        "offer_paths": paths,
        "offer_issuer": issuer,
        "offer_quantity_max": quantity_max,
        "offer_issuer_id": issuer_id,
    }
    return Offer.decode(join_records(encode_fields(fields, extra)))


def check_offer_fields(offer: OfferFields) -> None:
    """Check what a reader of an offer must, without clock and chain (BOLT 12, offers, reader).

    Raises `SemanticError`.
    """
    # BOLT 12, offers, reader: no compulsory feature is known yet.
    check_features(offer.offer_features, tlv_type=Field.OFFER_FEATURES)
    _check_chains(offer)
    _check_amount(offer)
    # BOLT 12, offers, reader: somebody must be there to answer.
    if offer.offer_issuer_id is None and not offer.offer_paths:
        raise SemanticError(Rule.NO_ISSUER_AND_NO_PATHS, tlv_type=Field.OFFER_ISSUER_ID)


def _check_chains(offer: OfferFields) -> None:
    # BOLT 12, offers, reader: a list of chains that names none supports none.
    if offer.offer_chains == ():
        raise SemanticError(Rule.CHAINS_EMPTY, tlv_type=Field.OFFER_CHAINS)


def _check_amount(offer: OfferFields) -> None:
    # BOLT 12, offers, reader: three rules about amounts.
    if offer.offer_amount is None:
        if offer.offer_currency is not None:
            raise SemanticError(Rule.CURRENCY_WITHOUT_AMOUNT, tlv_type=Field.OFFER_CURRENCY)
        return
    if offer.offer_description is None:
        raise SemanticError(Rule.AMOUNT_WITHOUT_DESCRIPTION, tlv_type=Field.OFFER_AMOUNT)
    if offer.offer_amount == 0:
        raise SemanticError(Rule.AMOUNT_ZERO, tlv_type=Field.OFFER_AMOUNT)
