"""invoice_error (BOLT 12, "Invoice Errors"): what a node sends when it refuses a request or an invoice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from bled_codec.errors import CodecError
from bled_codec.primitives import decode_tu64, encode_truncated
from bled_codec.tlv import encode_stream, require_known_even, split_stream
from bled_codec.values import decode_text

_ERRONEOUS_FIELD: Final = 1
_SUGGESTED_VALUE: Final = 3
_ERROR: Final = 5

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceError:
    """A refusal in words.

    Attributes:
        error: the reason, written by the other side: never more than text to show.
        erroneous_field: TLV type of the field at fault.
        suggested_value: bytes that would do in its place.
    """

    error: str
    erroneous_field: int | None = None
    suggested_value: bytes | None = None

    def encode(self) -> bytes:
        """Return the TLV stream."""
        values = {_ERROR: self.error.encode()}
        if self.erroneous_field is not None:
            values[_ERRONEOUS_FIELD] = encode_truncated(self.erroneous_field)
            if self.suggested_value is not None:
                values[_SUGGESTED_VALUE] = self.suggested_value
        return encode_stream(values)

    @classmethod
    def decode(cls, data: bytes) -> "InvoiceError":
        """Return the refusal in a TLV stream; one without text has an empty text. Raises `CodecError`."""
        records = split_stream(data)
        require_known_even(records, frozenset())
        values = {record.type: record.value for record in records}
        return cls(
            error=_decode(decode_text, values, _ERROR) or "",
            erroneous_field=_decode(decode_tu64, values, _ERRONEOUS_FIELD),
            suggested_value=values.get(_SUGGESTED_VALUE),
        )


def _decode(decode: Callable[[bytes], _Value], values: Mapping[int, bytes], type_: int) -> _Value | None:
    if type_ not in values:
        return None
    try:
        return decode(values[type_])
    except CodecError as error:
        raise type(error)(error.rule, tlv_type=type_, offset=error.offset) from error
