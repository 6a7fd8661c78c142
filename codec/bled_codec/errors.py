"""Errors of the codec: one `Rule` per rule that a peer can break, always with the place where it was broken."""

from enum import StrEnum


class Rule(StrEnum):
    """Rules that a reader enforces. The value is the stable name shown to people and in `--json`."""

    # BOLT 1, fundamental types and TLV streams
    TRUNCATED = "truncated"
    TRAILING_BYTES = "trailing-bytes"
    BIGSIZE_NOT_MINIMAL = "bigsize-not-minimal"
    INTEGER_TOO_LONG = "integer-too-long"
    INTEGER_NOT_MINIMAL = "integer-not-minimal"
    TLV_DUPLICATE = "tlv-duplicate"
    TLV_OUT_OF_ORDER = "tlv-out-of-order"
    TLV_LENGTH_EXCEEDS_STREAM = "tlv-length-exceeds-stream"
    TLV_UNKNOWN_EVEN = "tlv-unknown-even"
    WRONG_LENGTH = "wrong-length"
    NOT_UTF8 = "not-utf8"
    NOT_A_POINT = "not-a-point"
    NOT_A_NODE = "not-a-node"
    AMOUNT_ABOVE_SUPPLY = "amount-above-supply"

    # BOLT 12, encoding
    STRING_NOT_ASCII = "string-not-ascii"
    STRING_MIXED_CASE = "string-mixed-case"
    STRING_NO_SEPARATOR = "string-no-separator"
    STRING_UNKNOWN_PREFIX = "string-unknown-prefix"
    STRING_BAD_CHARACTER = "string-bad-character"
    STRING_BAD_CONTINUATION = "string-bad-continuation"
    STRING_BAD_PADDING = "string-bad-padding"
    STRING_EMPTY = "string-empty"
    STRING_WRONG_KIND = "string-wrong-kind"
    STRING_TOO_LONG = "string-too-long"

    # BOLT 4, blinded paths and onions
    PATH_WITHOUT_HOPS = "path-without-hops"
    ONION_VERSION = "onion-version"
    ONION_SIZE = "onion-size"
    ONION_KEY = "onion-key"
    ONION_HMAC = "onion-hmac"
    ONION_PAYLOAD = "onion-payload"
    ENCRYPTED_DATA = "encrypted-data"

    # BOLT 12, all messages
    TYPE_OUT_OF_RANGE = "type-out-of-range"
    UNKNOWN_FEATURE = "unknown-feature"
    UNSUPPORTED_CHAIN = "unsupported-chain"
    SIGNATURE_MISSING = "signature-missing"
    SIGNATURE_INVALID = "signature-invalid"

    # BOLT 12, offers
    CHAINS_EMPTY = "chains-empty"
    AMOUNT_WITHOUT_DESCRIPTION = "amount-without-description"
    AMOUNT_ZERO = "amount-zero"
    CURRENCY_WITHOUT_AMOUNT = "currency-without-amount"
    CURRENCY_NOT_ISO4217 = "currency-not-iso4217"
    NO_ISSUER_AND_NO_PATHS = "no-issuer-and-no-paths"
    OFFER_EXPIRED = "offer-expired"

    # BOLT 12, invoice requests
    METADATA_MISSING = "metadata-missing"
    PAYER_ID_MISSING = "payer-id-missing"
    REQUEST_NOT_FOR_OFFER = "request-not-for-offer"
    QUANTITY_MISSING = "quantity-missing"
    QUANTITY_ZERO = "quantity-zero"
    QUANTITY_TOO_LARGE = "quantity-too-large"
    QUANTITY_UNEXPECTED = "quantity-unexpected"
    AMOUNT_MISSING = "amount-missing"
    AMOUNT_TOO_LOW = "amount-too-low"
    REFUND_FIELD_UNEXPECTED = "refund-field-unexpected"
    DESCRIPTION_MISSING = "description-missing"
    BIP353_NAME = "bip353-name"

    # BOLT 12, invoices
    CREATED_AT_MISSING = "created-at-missing"
    PAYMENT_HASH_MISSING = "payment-hash-missing"
    NODE_ID_MISSING = "node-id-missing"
    PATHS_MISSING = "paths-missing"
    BLINDEDPAY_MISSING = "blindedpay-missing"
    BLINDEDPAY_COUNT = "blindedpay-count"
    NO_USABLE_PATH = "no-usable-path"
    INVOICE_EXPIRED = "invoice-expired"
    INVOICE_NOT_FOR_REQUEST = "invoice-not-for-request"
    AMOUNT_MISMATCH = "amount-mismatch"
    NODE_ID_MISMATCH = "node-id-mismatch"
    FALLBACK_ADDRESS = "fallback-address"

    # BOLT 12, payer proofs
    PROOF_FIELD_MISSING = "proof-field-missing"
    PROOF_DISCLOSES_METADATA = "proof-discloses-metadata"
    PREIMAGE_MISMATCH = "preimage-mismatch"
    OMITTED_NOT_ASCENDING = "omitted-not-ascending"
    OMITTED_OUT_OF_RANGE = "omitted-out-of-range"
    OMITTED_IS_INCLUDED = "omitted-is-included"
    OMITTED_NOT_SEQUENTIAL = "omitted-not-sequential"
    LEAF_HASHES_COUNT = "leaf-hashes-count"
    MISSING_HASHES_COUNT = "missing-hashes-count"

    # Field 239, architecture.md of this project
    REQUEST_SIGNATURE_ABSENT = "request-signature-absent"
    REQUEST_SIGNATURE_INVALID = "request-signature-invalid"


class CodecError(Exception):
    """Bytes or text broke a rule.

    Attributes:
        rule: which rule.
        tlv_type: the TLV record at fault, when one is.
        offset: bytes of the stream (or characters of a string) before the place, when known.
    """

    def __init__(self, rule: Rule, *, tlv_type: int | None = None, offset: int | None = None) -> None:
        self.rule = rule
        self.tlv_type = tlv_type
        self.offset = offset
        super().__init__(rule, tlv_type, offset)

    def __str__(self) -> str:
        at_type = f" in TLV {self.tlv_type}" if self.tlv_type is not None else ""
        at_offset = f" at offset {self.offset}" if self.offset is not None else ""
        return f"{self.rule.value}{at_type}{at_offset}"


class EncodingError(CodecError):
    """Bytes or text are not the encoding of anything."""


class TlvError(EncodingError):
    """A TLV stream breaks BOLT 1."""


class SemanticError(CodecError):
    """A well-formed message breaks a rule of its own document."""


class SignatureError(CodecError):
    """A signature is missing or does not verify."""


class OnionError(CodecError):
    """An onion packet, or the data encrypted for one of its hops, cannot be opened."""
