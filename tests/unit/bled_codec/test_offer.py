"""Offers: what is built is what is read, and each rule of the reader refuses exactly its own case."""

import pytest

from bled_codec.bolt12_string import format_string
from bled_codec.chains import BITCOIN_CHAIN, REGTEST_CHAIN
from bled_codec.crypto import sha256
from bled_codec.errors import CodecError, EncodingError, Rule, SemanticError, TlvError
from bled_codec.fields import Field
from bled_codec.offer import Offer, create_offer
from bled_codec.tlv import encode_stream, join_records, make_record
from bled_codec.units import MAX_MSAT, UnixTime

from .samples import ISSUER, PATH, offer, replaced


def full_offer() -> Offer:
    return create_offer(
        description="Kaffee ☕",
        amount=1250,
        currency="EUR",
        chains=[BITCOIN_CHAIN, REGTEST_CHAIN],
        absolute_expiry=UnixTime(1_800_000_000),
        issuer="bar@example.com",
        issuer_id=ISSUER.public_key,
        paths=[PATH, PATH],
        quantity_max=0,
        metadata=b"\x00\x01",
        features=b"\x02\x00",
        extra=[make_record(33, b"kept"), make_record(1_000_000_001, b"")],
    )


def changed(changes: dict[int, bytes | None]) -> bytes:
    return join_records(replaced(offer().records, changes))


def test_every_field_that_is_written_is_read() -> None:
    read = Offer.decode(full_offer().encode())
    assert read == full_offer()
    assert (read.offer_description, read.offer_amount, read.offer_currency) == ("Kaffee ☕", 1250, "EUR")
    assert read.offer_chains == (BITCOIN_CHAIN, REGTEST_CHAIN)
    assert (read.offer_absolute_expiry, read.offer_issuer) == (1_800_000_000, "bar@example.com")
    assert (read.offer_issuer_id, read.offer_paths) == (ISSUER.public_key, (PATH, PATH))
    assert (read.offer_quantity_max, read.offer_metadata, read.offer_features) == (0, b"\x00\x01", b"\x02\x00")


def test_records_nobody_knows_are_kept_byte_for_byte() -> None:
    data = full_offer().encode()
    assert Offer.decode(data).encode() == data
    assert [record.value for record in Offer.decode(data).records if record.type in (33, 1_000_000_001)] == [
        b"kept",
        b"",
    ]


def test_a_string_is_read_in_either_case_and_names_its_kind() -> None:
    text = offer().string
    assert text.startswith("lno1")
    assert Offer.from_string(text) == Offer.from_string(text.upper()) == offer()
    with pytest.raises(EncodingError) as caught:
        Offer.from_string(format_string("lnr", offer().encode()))
    assert caught.value.rule is Rule.STRING_WRONG_KIND


def test_an_offer_may_have_paths_instead_of_an_issuer() -> None:
    assert offer(issuer_id=None, paths=[PATH]).offer_issuer_id is None


def test_the_offer_id_is_the_hash_of_its_bytes() -> None:
    assert offer().offer_id == sha256(offer().encode())


BROKEN: dict[str, tuple[dict[int, bytes | None], Rule, int]] = {
    "no amount but a currency": ({8: None, 6: b"EUR"}, Rule.CURRENCY_WITHOUT_AMOUNT, 6),
    "an amount of nothing": ({8: b""}, Rule.AMOUNT_ZERO, 8),
    "an amount for nothing": ({10: None}, Rule.AMOUNT_WITHOUT_DESCRIPTION, 8),
    "no chain at all": ({2: b""}, Rule.CHAINS_EMPTY, 2),
    "half a chain": ({2: bytes(48)}, Rule.WRONG_LENGTH, 2),
    "nobody to answer": ({22: None}, Rule.NO_ISSUER_AND_NO_PATHS, 22),
    "no path and nobody": ({22: None, 16: b""}, Rule.NO_ISSUER_AND_NO_PATHS, 22),
    "an unknown even feature": ({12: b"\x04"}, Rule.UNKNOWN_FEATURE, 12),
    "a far unknown even feature": ({12: b"\x40" + bytes(15)}, Rule.UNKNOWN_FEATURE, 12),
    "a path without hops": ({16: PATH.encode()[:66] + b"\x00"}, Rule.PATH_WITHOUT_HOPS, 16),
    "a path cut short": ({16: PATH.encode()[:-1]}, Rule.TRUNCATED, 16),
    "an issuer off the curve": ({22: b"\x02" + bytes(31) + b"\x05"}, Rule.NOT_A_POINT, 22),
    "an issuer of 32 bytes": ({22: b"\x02" + bytes(31)}, Rule.NOT_A_POINT, 22),
    "text that is none": ({10: b"\xff"}, Rule.NOT_UTF8, 10),
    "a currency in small letters": ({6: b"eur"}, Rule.CURRENCY_NOT_ISO4217, 6),
    "a currency of two letters": ({6: b"EU"}, Rule.CURRENCY_NOT_ISO4217, 6),
    "a currency that is no text": ({6: b"\x80\x81\x82"}, Rule.NOT_UTF8, 6),
    "a padded amount": ({8: b"\x00\x01"}, Rule.INTEGER_NOT_MINIMAL, 8),
    "an amount of nine bytes": ({8: b"\x01" * 9}, Rule.INTEGER_TOO_LONG, 8),
    "a padded expiry": ({14: b"\x00\x01"}, Rule.INTEGER_NOT_MINIMAL, 14),
    "an unknown even field": ({24: b""}, Rule.TLV_UNKNOWN_EVEN, 24),
    "an unknown even experiment": ({1_000_000_000: b""}, Rule.TLV_UNKNOWN_EVEN, 1_000_000_000),
    "a field of requests": ({89: b"note"}, Rule.TYPE_OUT_OF_RANGE, 89),
    "the first field of requests": ({80: bytes(32)}, Rule.TYPE_OUT_OF_RANGE, 80),
    "field 0": ({0: b""}, Rule.TYPE_OUT_OF_RANGE, 0),
    "a signature": ({240: bytes(64)}, Rule.TYPE_OUT_OF_RANGE, 240),
    "a type below the experiments": ({999_999_999: b""}, Rule.TYPE_OUT_OF_RANGE, 999_999_999),
    "an experiment of requests": ({2_000_000_001: b""}, Rule.TYPE_OUT_OF_RANGE, 2_000_000_001),
}


@pytest.mark.parametrize(("changes", "rule", "tlv_type"), BROKEN.values(), ids=BROKEN)
def test_each_rule_refuses_its_own_case(changes: dict[int, bytes | None], rule: Rule, tlv_type: int) -> None:
    with pytest.raises(CodecError) as caught:
        Offer.decode(changed(changes))
    assert (caught.value.rule, caught.value.tlv_type) == (rule, tlv_type)


@pytest.mark.parametrize(
    "changes",
    [
        {12: b"\x02"},
        {12: b""},
        {79: b"odd"},
        {1_999_999_999: b"odd"},
        {20: b""},
        {20: b"\x01"},
        {8: b"\xff" * 8},
        {8: None},
        {14: b""},
        {10: b"", 8: None},
        {18: "☕".encode()},
    ],
    ids=str,
)
def test_what_looks_odd_and_is_allowed_is_read(changes: dict[int, bytes | None]) -> None:
    data = changed(changes)
    assert Offer.decode(data).encode() == data


def test_an_invalid_offer_cannot_be_built() -> None:
    for fields in ({"amount": 0}, {"description": None}, {"amount": None, "currency": "EUR"}, {"issuer_id": None}):
        with pytest.raises(SemanticError):
            offer(**fields)
    with pytest.raises(TlvError):
        offer(extra=[make_record(80, b"")])
    with pytest.raises(TlvError):
        offer(extra=[make_record(8, b"\x01")])


def test_records_out_of_order_or_twice_are_refused() -> None:
    first, *rest = offer().records
    with pytest.raises(TlvError) as caught:
        Offer.decode(join_records([*rest, first]))
    assert caught.value.rule is Rule.TLV_OUT_OF_ORDER
    with pytest.raises(TlvError) as caught:
        Offer.decode(join_records([first, first, *rest]))
    assert (caught.value.rule, caught.value.tlv_type, caught.value.offset) == (Rule.TLV_DUPLICATE, 8, len(first.raw))


def test_an_offer_cut_anywhere_is_refused() -> None:
    data = full_offer().encode()
    for length in range(len(data)):
        # Whole records may be missing at the end, and then it is another offer; it is never half a record.
        try:
            assert Offer.decode(data[:length]).encode() == data[:length]
        except CodecError:
            continue


def test_a_plain_offer_cut_anywhere_is_refused() -> None:
    data = offer().encode()
    for length in range(len(data)):
        with pytest.raises(CodecError):
            Offer.decode(data[:length])


def test_bytes_behind_an_offer_are_refused() -> None:
    for byte in range(256):
        with pytest.raises(CodecError):
            Offer.decode(offer().encode() + bytes([byte]))


def test_any_flipped_bit_gives_another_offer_or_a_codec_error() -> None:
    data = full_offer().encode()
    for place in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        try:
            assert Offer.decode(bytes(flipped)).encode() == flipped
        except CodecError:
            continue


def test_an_amount_above_all_bitcoin_is_only_a_price_in_an_offer() -> None:
    data = encode_stream({8: (MAX_MSAT + 1).to_bytes(8, "big"), 10: b"x", 22: ISSUER.public_key})
    assert Offer.decode(data).offer_amount == MAX_MSAT + 1
    assert Field.OFFER_AMOUNT == 8
