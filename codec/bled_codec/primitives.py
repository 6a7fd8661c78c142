"""Fundamental types of BOLT 1: BigSize, truncated integers, and a reader that never runs past its end."""

from dataclasses import dataclass

from bled_codec.errors import EncodingError, Rule

_SIGNED_WIDTHS = (1, 2, 4, 8)
_BIGSIZE_WIDTHS = {0xFD: (2, 0xFD), 0xFE: (4, 0x10000), 0xFF: (8, 0x100000000)}


@dataclass(slots=True)
class Reader:
    """A cursor over received bytes; every read is checked against what is left.

    `tlv_type` names the record being read in the errors it raises; `offset` counts from the start of `data`.
    """

    data: bytes
    offset: int = 0
    tlv_type: int | None = None

    @property
    def remaining(self) -> int:
        """Number of bytes not read yet."""
        return len(self.data) - self.offset

    def fail(self, rule: Rule) -> EncodingError:
        """Return the error for `rule` at the present place."""
        return EncodingError(rule, tlv_type=self.tlv_type, offset=self.offset)

    def take(self, length: int) -> bytes:
        """Read exactly `length` bytes. Raises `EncodingError` (`TRUNCATED`) when fewer are left."""
        end = self.offset + length
        if end > len(self.data):
            raise self.fail(Rule.TRUNCATED)
        chunk = self.data[self.offset : end]
        self.offset = end
        return chunk

    def uint(self, length: int) -> int:
        """Read an unsigned big-endian integer of `length` bytes."""
        return int.from_bytes(self.take(length), "big")

    def prefixed(self, width: int) -> bytes:
        """Read as many bytes as the big-endian integer of `width` bytes before them says."""
        data, start = self.data, self.offset + width
        end = start + int.from_bytes(data[self.offset : start], "big")
        if end > len(data):
            return self.take(self.uint(width))  # raises, at the one that is cut short
        self.offset = end
        return data[start:end]

    def bigsize(self) -> int:
        """Read a BigSize (BOLT 1): 1, 3, 5 or 9 bytes, minimal or refused."""
        value, self.offset = read_bigsize(self.data, self.offset, tlv_type=self.tlv_type)
        return value

    def finish(self) -> None:
        """Raise `EncodingError` (`TRAILING_BYTES`) unless everything was read."""
        if self.remaining:
            raise self.fail(Rule.TRAILING_BYTES)


def read_bigsize(data: bytes, start: int, *, tlv_type: int | None = None) -> tuple[int, int]:
    """Return the BigSize at `start` and where it ends.

    Raises `EncodingError` (`TRUNCATED` or `BIGSIZE_NOT_MINIMAL`), naming `tlv_type`.
    """
    if start >= len(data):
        raise EncodingError(Rule.TRUNCATED, tlv_type=tlv_type, offset=start)
    first = data[start]
    if first < 0xFD:
        return first, start + 1
    width, smallest = _BIGSIZE_WIDTHS[first]
    end = start + 1 + width
    value = int.from_bytes(data[start + 1 : end], "big")
    if end > len(data):
        raise EncodingError(Rule.TRUNCATED, tlv_type=tlv_type, offset=start + 1)
    if value < smallest:
        raise EncodingError(Rule.BIGSIZE_NOT_MINIMAL, tlv_type=tlv_type, offset=end)
    return value, end


def bigsize_width(first: int) -> int:
    """Return how many bytes a BigSize has that begins with the byte `first`: 1, 3, 5 or 9."""
    return 1 if first < 0xFD else 1 + _BIGSIZE_WIDTHS[first][0]


def encode_bigsize(value: int) -> bytes:
    """Return the minimal BigSize of 0 <= `value` < 2**64. Raises `OverflowError` outside that range."""
    if value < 0xFD:
        return value.to_bytes(1, "big")
    if value < 0x10000:
        return b"\xfd" + value.to_bytes(2, "big")
    if value < 0x100000000:
        return b"\xfe" + value.to_bytes(4, "big")
    return b"\xff" + value.to_bytes(8, "big")


def encode_truncated(value: int) -> bytes:
    """Return `value` big endian without leading zero bytes (BOLT 1, tu16 to tu64); zero is empty."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def decode_truncated(value: bytes, *, limit: int) -> int:
    """Return the integer of a truncated field of at most `limit` bytes.

    Raises `EncodingError` (`INTEGER_TOO_LONG` or `INTEGER_NOT_MINIMAL`).
    """
    if len(value) > limit:
        raise EncodingError(Rule.INTEGER_TOO_LONG)
    if value and value[0] == 0:
        raise EncodingError(Rule.INTEGER_NOT_MINIMAL)
    return int.from_bytes(value, "big")


def decode_tu16(value: bytes) -> int:
    """Return a tu16: at most 2 bytes, no leading zero."""
    return decode_truncated(value, limit=2)


def decode_tu32(value: bytes) -> int:
    """Return a tu32: at most 4 bytes, no leading zero."""
    return decode_truncated(value, limit=4)


def decode_tu64(value: bytes) -> int:
    """Return a tu64: at most 8 bytes, no leading zero."""
    return decode_truncated(value, limit=8)


def decode_signed(value: bytes) -> int:
    """Return a signed integer of 1, 2, 4 or 8 bytes, in the fewest of these (BOLT 1).

    Raises `EncodingError` (`WRONG_LENGTH` or `INTEGER_NOT_MINIMAL`).
    """
    if len(value) not in _SIGNED_WIDTHS:
        raise EncodingError(Rule.WRONG_LENGTH)
    number = int.from_bytes(value, "big", signed=True)
    if encode_signed(number) != value:
        raise EncodingError(Rule.INTEGER_NOT_MINIMAL)
    return number


def encode_signed(number: int) -> bytes:
    """Return a signed integer in 1, 2, 4 or 8 bytes. Raises `OverflowError` beyond 64 bits."""
    bits = (number if number >= 0 else ~number).bit_length() + 1
    width = next((width for width in _SIGNED_WIDTHS if bits <= 8 * width), 8)
    return number.to_bytes(width, "big", signed=True)
