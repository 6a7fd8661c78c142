"""What each rule means and where it comes from: document, section and side, told in our own words."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from bled_codec.errors import Rule


class Source(NamedTuple):
    """Where a rule is written, and what it says.

    `side` is who has to keep it: "reader" refuses what breaks it, "writer" cannot build it, "both" does both.
    """

    document: str
    section: str
    side: str
    meaning: str


_TYPES: Final = ("BOLT 1", "Fundamental Types")
_STREAM: Final = ("BOLT 1", "Type-Length-Value Format")
_ENCODING: Final = ("BOLT 12", "Encoding")
_OFFER: Final = ("BOLT 12", "Requirements For Offers")
_REQUEST: Final = ("BOLT 12", "Requirements for Invoice Requests")
_INVOICE: Final = ("BOLT 12", "Invoices, Requirements")
_PROOF: Final = ("BOLT 12", "Payer Proofs")
_SIGNATURE: Final = ("BOLT 12", "Signature Calculation")
_BLINDING: Final = ("BOLT 4", "Route Blinding")
_ONION: Final = ("BOLT 4", "Onion Messages")
_PACKET: Final = ("BOLT 4", "Packet Structure")
_OURS: Final = ("bled", "Field 239")
_LIMITS: Final = ("bled", "Limits")

SOURCES: Final[Mapping[Rule, Source]] = {
    Rule.TRUNCATED: Source(*_TYPES, "reader", "the bytes end in the middle of a value"),
    Rule.TRAILING_BYTES: Source(*_STREAM, "reader", "bytes follow where a value should end"),
    Rule.BIGSIZE_NOT_MINIMAL: Source(*_TYPES, "reader", "a number is written with more bytes than it needs"),
    Rule.INTEGER_TOO_LONG: Source(*_TYPES, "reader", "an integer has more bytes than its type allows"),
    Rule.INTEGER_NOT_MINIMAL: Source(*_TYPES, "reader", "an integer begins with a zero byte"),
    Rule.TLV_DUPLICATE: Source(*_STREAM, "both", "a field comes twice"),
    Rule.TLV_OUT_OF_ORDER: Source(*_STREAM, "both", "fields are not in ascending order"),
    Rule.TLV_LENGTH_EXCEEDS_STREAM: Source(*_STREAM, "reader", "a field claims more bytes than there are"),
    Rule.TLV_UNKNOWN_EVEN: Source(*_STREAM, "reader", "an unknown field has an even number, so it cannot be ignored"),
    Rule.WRONG_LENGTH: Source(*_STREAM, "reader", "a field of fixed size has another size"),
    Rule.NOT_UTF8: Source(*_TYPES, "reader", "a text is not valid UTF-8"),
    Rule.NOT_A_POINT: Source(*_TYPES, "reader", "a key is not a point of the curve"),
    Rule.NOT_A_NODE: Source(*_TYPES, "reader", "a path begins with neither a key nor a channel"),
    Rule.AMOUNT_ABOVE_SUPPLY: Source(*_TYPES, "reader", "an amount is above all bitcoin there will ever be"),
    Rule.STRING_NOT_ASCII: Source(*_ENCODING, "reader", "the string has a character outside ASCII"),
    Rule.STRING_MIXED_CASE: Source(*_ENCODING, "both", "the string mixes capital and small letters"),
    Rule.STRING_NO_SEPARATOR: Source(*_ENCODING, "both", "the string has no 1 between its prefix and its data"),
    Rule.STRING_UNKNOWN_PREFIX: Source(*_ENCODING, "reader", "the string begins with none of lno, lnr, lni and lnp"),
    Rule.STRING_BAD_CHARACTER: Source(*_ENCODING, "both", "the string has a character outside the bech32 alphabet"),
    Rule.STRING_BAD_CONTINUATION: Source(*_ENCODING, "reader", "a + does not stand between two characters"),
    Rule.STRING_BAD_PADDING: Source(*_ENCODING, "both", "the string ends in spare bits that are not zero, or too many"),
    Rule.STRING_EMPTY: Source(*_ENCODING, "reader", "the string has no data"),
    Rule.STRING_WRONG_KIND: Source(*_ENCODING, "reader", "the string is of another kind than asked for"),
    Rule.STRING_TOO_LONG: Source(*_LIMITS, "reader", "the string is longer than any message can be"),
    Rule.PATH_WITHOUT_HOPS: Source(*_OFFER, "both", "a blinded path has no hops"),
    Rule.ONION_VERSION: Source(*_PACKET, "reader", "the onion has an unknown version"),
    Rule.ONION_SIZE: Source(*_PACKET, "both", "the onion is too small or too large"),
    Rule.ONION_KEY: Source(*_PACKET, "reader", "the onion's key is not a point of the curve"),
    Rule.ONION_HMAC: Source(*_PACKET, "reader", "the onion was made for another node, or was changed"),
    Rule.ONION_PAYLOAD: Source(*_ONION, "reader", "the onion's payload is not one that this hop may get"),
    Rule.ENCRYPTED_DATA: Source(*_BLINDING, "reader", "the encrypted data was not made for this node"),
    Rule.TYPE_OUT_OF_RANGE: Source(*_OFFER, "both", "a field does not belong into this kind of message"),
    Rule.UNKNOWN_FEATURE: Source(*_OFFER, "both", "a feature is required that nobody knows"),
    Rule.UNSUPPORTED_CHAIN: Source(*_OFFER, "both", "it is for another chain"),
    Rule.SIGNATURE_MISSING: Source(*_REQUEST, "both", "the signature is missing"),
    Rule.SIGNATURE_INVALID: Source(*_SIGNATURE, "both", "the signature is not by the key that is named"),
    Rule.CHAINS_EMPTY: Source(*_OFFER, "both", "the list of chains names none"),
    Rule.AMOUNT_WITHOUT_DESCRIPTION: Source(*_OFFER, "both", "an amount is asked without saying what for"),
    Rule.AMOUNT_ZERO: Source(*_OFFER, "both", "the amount is zero"),
    Rule.CURRENCY_WITHOUT_AMOUNT: Source(*_OFFER, "both", "a currency is named without an amount"),
    Rule.CURRENCY_NOT_ISO4217: Source(*_OFFER, "both", "the currency is not three capital letters"),
    Rule.NO_ISSUER_AND_NO_PATHS: Source(*_OFFER, "both", "nobody is named who would answer"),
    Rule.OFFER_EXPIRED: Source(*_OFFER, "reader", "the offer has expired"),
    Rule.METADATA_MISSING: Source(*_REQUEST, "both", "the payer's metadata is missing"),
    Rule.PAYER_ID_MISSING: Source(*_REQUEST, "both", "the payer's key is missing"),
    Rule.REQUEST_NOT_FOR_OFFER: Source(*_REQUEST, "reader", "the request does not repeat the offer exactly"),
    Rule.QUANTITY_MISSING: Source(*_REQUEST, "both", "the offer asks for a quantity and there is none"),
    Rule.QUANTITY_ZERO: Source(*_REQUEST, "both", "the quantity is zero"),
    Rule.QUANTITY_TOO_LARGE: Source(*_REQUEST, "both", "the quantity is more than the offer allows"),
    Rule.QUANTITY_UNEXPECTED: Source(*_REQUEST, "both", "the offer does not ask for a quantity"),
    Rule.AMOUNT_MISSING: Source(*_REQUEST, "both", "no amount is named"),
    Rule.AMOUNT_TOO_LOW: Source(*_REQUEST, "both", "the amount is less than the offer asks"),
    Rule.REFUND_FIELD_UNEXPECTED: Source(*_REQUEST, "both", "a request without an offer has a field of offers"),
    Rule.DESCRIPTION_MISSING: Source(*_REQUEST, "writer", "a request without an offer does not say what for"),
    Rule.BIP353_NAME: Source(*_REQUEST, "both", "a human-readable name has a character that is not allowed"),
    Rule.CREATED_AT_MISSING: Source(*_INVOICE, "both", "the time of creation is missing"),
    Rule.PAYMENT_HASH_MISSING: Source(*_INVOICE, "both", "the payment hash is missing"),
    Rule.NODE_ID_MISSING: Source(*_INVOICE, "both", "the issuer's key is missing"),
    Rule.PATHS_MISSING: Source(*_INVOICE, "both", "there is no path to pay along"),
    Rule.BLINDEDPAY_MISSING: Source(*_INVOICE, "both", "the costs of the paths are missing"),
    Rule.BLINDEDPAY_COUNT: Source(*_INVOICE, "both", "there is not one entry of costs for each path"),
    Rule.NO_USABLE_PATH: Source(*_INVOICE, "both", "every path requires a feature that nobody knows"),
    Rule.INVOICE_EXPIRED: Source(*_INVOICE, "reader", "the invoice has expired"),
    Rule.INVOICE_NOT_FOR_REQUEST: Source(*_INVOICE, "reader", "the invoice does not repeat the request exactly"),
    Rule.AMOUNT_MISMATCH: Source(*_INVOICE, "both", "the invoice's amount is not the one that was asked for"),
    Rule.NODE_ID_MISMATCH: Source(*_INVOICE, "both", "the invoice is not by the issuer of the offer"),
    Rule.FALLBACK_ADDRESS: Source(*_INVOICE, "writer", "a fallback address cannot be paid to"),
    Rule.PROOF_FIELD_MISSING: Source(*_PROOF, "both", "a field that every proof shows is missing"),
    Rule.PROOF_DISCLOSES_METADATA: Source(*_PROOF, "both", "the proof shows the one field that must stay hidden"),
    Rule.PREIMAGE_MISMATCH: Source(*_PROOF, "both", "the preimage is not that of the payment hash"),
    Rule.OMITTED_NOT_ASCENDING: Source(*_PROOF, "both", "the markers of hidden fields do not ascend"),
    Rule.OMITTED_OUT_OF_RANGE: Source(*_PROOF, "both", "a marker stands where no invoice has a field to hide"),
    Rule.OMITTED_IS_INCLUDED: Source(*_PROOF, "both", "a marker of a hidden field is the number of a shown one"),
    Rule.OMITTED_NOT_SEQUENTIAL: Source(*_PROOF, "both", "a marker does not follow a shown field or another marker"),
    Rule.LEAF_HASHES_COUNT: Source(*_PROOF, "both", "there is not one leaf hash for each shown field"),
    Rule.MISSING_HASHES_COUNT: Source(*_PROOF, "both", "there are too few or too many hashes of hidden fields"),
    Rule.REQUEST_SIGNATURE_ABSENT: Source(*_OURS, "reader", "field 239, the payer's own signature, is missing"),
    Rule.REQUEST_SIGNATURE_INVALID: Source(*_OURS, "reader", "field 239 is not the payer's signature of this request"),
}
"""One row for each rule."""


def explain(rule: Rule) -> str:
    """Return the sentence that says what breaking `rule` means."""
    return SOURCES[rule].meaning
