"""The CBOR of grant books: one value has one encoding, and everything else is refused."""

import pytest

from bled.grants.cbor import MAX_DEPTH, MAX_ITEMS, CborError, Value, decode, encode

# RFC 8949, appendix A, those of our types; and the edges of every length of a number.
EXAMPLES: list[tuple[Value, str]] = [
    (0, "00"),
    (23, "17"),
    (24, "1818"),
    (255, "18ff"),
    (256, "190100"),
    (65_535, "19ffff"),
    (65_536, "1a00010000"),
    (4_294_967_295, "1affffffff"),
    (4_294_967_296, "1b0000000100000000"),
    (1_000_000_000_000, "1b000000e8d4a51000"),
    (18_446_744_073_709_551_615, "1bffffffffffffffff"),
    (b"", "40"),
    (b"\x01\x02\x03\x04", "4401020304"),
    ("", "60"),
    ("IETF", "6449455446"),
    ("\u00fc", "62c3bc"),
    ("\u6c34", "63e6b0b4"),
    ([], "80"),
    ([1, [2, 3], [4, 5]], "8301820203820405"),
    (list(range(1, 26)), "98190102030405060708090a0b0c0d0e0f101112131415161718181819"),
    ({}, "a0"),
    ({1: 2, 3: 4}, "a201020304"),
    ({0: {24: b"\x00"}}, "a100a118184100"),
]


@pytest.mark.parametrize(("value", "encoded"), EXAMPLES)
def test_a_value_has_its_encoding(value: Value, encoded: str) -> None:
    assert encode(value).hex() == encoded
    assert decode(bytes.fromhex(encoded)) == value


@pytest.mark.parametrize(
    ("encoded", "why"),
    [
        ("", "nothing"),
        ("1817", "one byte more than 23 needs"),
        ("1900ff", "two bytes for 255"),
        ("1a0000ffff", "four bytes for 65535"),
        ("1b00000000ffffffff", "eight bytes for 32 bits"),
        ("5801ff", "long length of bytes"),
        ("20", "a negative number"),
        ("c100", "a tag"),
        ("c249010000000000000000", "a big number"),
        ("f4", "false"),
        ("f6", "null"),
        ("f7", "undefined"),
        ("f93c00", "a float"),
        ("fb3ff199999999999a", "a double"),
        ("1c", "a reserved length"),
        ("1f", "no length on a number"),
        ("5f4101ff", "bytes of unknown length"),
        ("7f6161ff", "text of unknown length"),
        ("9f01ff", "an array of unknown length"),
        ("bf0102ff", "a map of unknown length"),
        ("ff", "a break"),
        ("a201020102", "the same key twice"),
        ("a203040102", "keys out of order"),
        ("a1616101", "a key that is text"),
        ("a1410101", "a key that is bytes"),
        ("a1800101", "a key that is an array"),
        ("61ff", "text that is not UTF-8"),
        ("62eda0", "text cut inside a character"),
        ("0000", "two values"),
        ("4101ff", "trailing bytes"),
        ("9bffffffffffffffff", "an array larger than the file"),
        ("bb0000000100000000", "a map larger than the file"),
        ("5b7fffffffffffffff", "bytes longer than the file"),
        ("81" * (MAX_DEPTH + 1) + "00", "too deep"),
        ("81" * 100_000, "far too deep"),
    ],
)
def test_anything_else_is_refused(encoded: str, why: str) -> None:
    with pytest.raises(CborError):
        decode(bytes.fromhex(encoded))


def test_the_deepest_value_is_read() -> None:
    assert decode(b"\x81" * MAX_DEPTH + b"\x00") == [[[[[[[[0]]]]]]]]


@pytest.mark.parametrize(("_value", "encoded"), EXAMPLES)
def test_a_value_cut_anywhere_is_refused(_value: Value, encoded: str) -> None:
    data = bytes.fromhex(encoded)
    for length in range(len(data)):
        with pytest.raises(CborError):
            decode(data[:length])


def test_a_file_cannot_be_turned_into_more_objects_than_a_book_has() -> None:
    head = b"\x9a" + (MAX_ITEMS + 1).to_bytes(4, "big")
    with pytest.raises(CborError, match="items"):
        decode(head + bytes(MAX_ITEMS + 1))
    nested = b"\x82" + 2 * (b"\x9a" + MAX_ITEMS.to_bytes(4, "big") + bytes(MAX_ITEMS))
    with pytest.raises(CborError, match="items"):
        decode(nested)
