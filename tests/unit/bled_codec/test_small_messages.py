"""invoice_error, features, payinfo and the errors themselves."""

import pytest

from bled_codec.blinded_path import BlindedPayinfo, decode_payinfos
from bled_codec.chains import CHAIN_NAMES, chain_name
from bled_codec.errors import CodecError, EncodingError, Rule, TlvError
from bled_codec.features import unknown_even_bits
from bled_codec.invoice_error import InvoiceError
from bled_codec.tlv import encode_stream
from bled_codec.units import Msat

from .samples import PAYINFO


@pytest.mark.parametrize(
    "error",
    [
        InvoiceError(error="no"),
        InvoiceError(error="zu wenig ☕", erroneous_field=82, suggested_value=b"\x13\x88"),
        InvoiceError(error="", erroneous_field=2**64 - 1),
    ],
)
def test_an_invoice_error_is_read_as_written(error: InvoiceError) -> None:
    assert InvoiceError.decode(error.encode()) == error


def test_an_invoice_error_suggests_only_for_a_field() -> None:
    written = InvoiceError.decode(InvoiceError(error="no", suggested_value=b"x").encode())
    assert written.suggested_value is None


def test_an_invoice_error_without_words_has_an_empty_text_and_odd_fields_are_ignored() -> None:
    assert InvoiceError.decode(b"") == InvoiceError(error="")
    assert InvoiceError.decode(encode_stream({5: b"no", 7: b"odd"})) == InvoiceError(error="no")


@pytest.mark.parametrize(
    ("values", "rule", "tlv_type"),
    [
        ({2: b""}, Rule.TLV_UNKNOWN_EVEN, 2),
        ({5: b"\xff"}, Rule.NOT_UTF8, 5),
        ({1: b"\x00", 5: b""}, Rule.INTEGER_NOT_MINIMAL, 1),
        ({1: b"\x01" * 9, 5: b""}, Rule.INTEGER_TOO_LONG, 1),
    ],
)
def test_a_broken_invoice_error_is_refused(values: dict[int, bytes], rule: Rule, tlv_type: int) -> None:
    with pytest.raises(CodecError) as caught:
        InvoiceError.decode(encode_stream(values))
    assert (caught.value.rule, caught.value.tlv_type) == (rule, tlv_type)


def test_an_invoice_error_cut_anywhere_is_refused_or_another_one() -> None:
    data = InvoiceError(error="no sugar", erroneous_field=89, suggested_value=b"sugar").encode()
    for length in range(len(data)):
        try:
            assert InvoiceError.decode(data[:length])
        except CodecError:
            continue
    with pytest.raises(CodecError):
        InvoiceError.decode(data + b"\x00")


def test_only_unknown_even_bits_are_reported() -> None:
    assert unknown_even_bits(b"") == ()
    assert unknown_even_bits(b"\x00\xaa") == ()
    assert unknown_even_bits(b"\x01\x00\x05") == (0, 2, 16)
    assert unknown_even_bits(b"\x01\x00\x00", frozenset({16})) == ()


def test_a_payinfo_is_read_as_written_and_cut_anywhere_refused() -> None:
    data = (
        PAYINFO.encode()
        + BlindedPayinfo(
            fee_base_msat=2**32 - 1,
            fee_proportional_millionths=2**32 - 1,
            cltv_expiry_delta=2**16 - 1,
            htlc_minimum_msat=Msat(2**64 - 1),
            htlc_maximum_msat=Msat(2**64 - 1),
            features=b"\x02",
        ).encode()
    )
    assert len(decode_payinfos(data)) == 2
    for length in set(range(1, len(data))) - {28 + 2 - 2}:
        with pytest.raises(EncodingError):
            decode_payinfos(data[:length])


def test_a_fee_is_rounded_down() -> None:
    assert PAYINFO.fee(Msat(0)) == 1000
    assert PAYINFO.fee(Msat(9_999)) == 1000
    assert PAYINFO.fee(Msat(10_000)) == 1001


def test_chains_have_names() -> None:
    for name, chain in CHAIN_NAMES.items():
        assert chain_name(chain) == name
    assert chain_name(bytes(32)) == "00" * 32


def test_an_error_says_rule_type_and_place() -> None:
    assert str(TlvError(Rule.TLV_DUPLICATE, tlv_type=8, offset=2)) == "tlv-duplicate in TLV 8 at offset 2"
    assert str(CodecError(Rule.STRING_EMPTY)) == "string-empty"


def test_every_rule_has_its_own_stable_name() -> None:
    assert len({rule.value for rule in Rule}) == len(Rule)
    for rule in Rule:
        assert rule.value == rule.name.lower().replace("_", "-")
