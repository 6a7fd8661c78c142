"""Inspections: the verdict on each signature whatever else is wrong, and that nothing is ever raised."""

from itertools import combinations

import pytest

from bled_codec.bolt12_string import format_string
from bled_codec.errors import Rule
from bled_codec.inspection import Kind, Verdict, inspect_string
from bled_codec.payer_proof import create_payer_proof
from bled_codec.plain import plain_inspection, plain_value
from bled_codec.recognised import RECOGNISED
from bled_codec.remarks import remarks_on
from bled_codec.request_signature import RequestSignature
from bled_codec.tlv import encode_stream, join_records
from bled_codec.units import UnixTime
from bled_codec.values import Bip353Name, FallbackAddress

from .samples import (
    AUX,
    CREATED_AT,
    PAYER,
    PREIMAGE,
    STRANGER,
    invoice,
    offer,
    replaced,
    request,
    signed_invoice,
    signed_request,
)


@pytest.mark.parametrize("prefix", ["lno", "lnr", "lni", "lnp"])
@pytest.mark.parametrize("type_", [0, 1, 22, 88, 176, 239, 240, 241, 1001, 1002, 1003, 1004])
def test_a_message_of_one_record_is_taken_apart(prefix: str, type_: int) -> None:
    for value in (b"", bytes(32), PAYER.public_key, bytes(64)):
        found = inspect_string(format_string(prefix, encode_stream({type_: value})))
        assert not found.valid or (prefix, type_) == ("lno", 22)
        assert plain_inspection(found)["kind"] == Kind(found.kind).value if found.kind else None


def test_messages_of_any_few_records_are_taken_apart() -> None:
    values = {record.type: record.value for record in invoice().records}
    for count in (0, 1, 2, 3):
        for types in combinations(values, count):
            data = encode_stream({type_: values[type_] for type_ in types})
            for prefix in ("lnr", "lni", "lnp"):
                found = inspect_string(format_string(prefix, data))
                assert not found.valid or (prefix, types) == ("lnr", (0, 82, 88))  # a request without an offer


def test_the_signature_is_judged_when_another_rule_is_broken() -> None:
    found = inspect_string(format_string("lnr", signed_request({86: b"\x01"})))
    assert found.error is not None
    assert (found.error.rule, found.signature) == (Rule.QUANTITY_UNEXPECTED, Verdict.VALID)
    found = inspect_string(format_string("lnr", signed_request({86: b"\x01"}, key=STRANGER)))
    assert found.signature is Verdict.INVALID
    found = inspect_string(format_string("lni", signed_invoice({170: b"\x01"})))
    assert (found.signature, found.request_signature) == (Verdict.VALID, RequestSignature.VALID)


def test_a_proof_is_told_which_of_its_signatures_is_wrong() -> None:
    proof = create_payer_proof(invoice(), preimage=PREIMAGE).sign(PAYER, aux=AUX)
    own = format_string("lnp", join_records(replaced(proof.records, {241: bytes(64)})))
    issuers = format_string("lnp", join_records(replaced(proof.records, {240: bytes(64)})))
    assert inspect_string(own).signature is Verdict.VALID
    assert inspect_string(issuers).signature is Verdict.INVALID


def test_an_error_points_at_the_record_even_when_a_rule_of_meaning_is_broken() -> None:
    found = inspect_string(format_string("lno", join_records(replaced(offer().records, {8: b""}))))
    assert found.error is not None
    assert (found.error.tlv_type, found.error.offset) == (8, 0)
    found = inspect_string(format_string("lno", join_records(replaced(offer(issuer="x").records, {22: None}))))
    assert found.error is not None
    assert (found.error.tlv_type, found.error.offset) == (22, None)  # it is not there


def test_what_can_be_read_of_an_invalid_message_is_read() -> None:
    found = inspect_string(format_string("lno", join_records(replaced(offer().records, {18: b"\xff"}))))
    assert set(found.fields) == {"offer_amount", "offer_description", "offer_issuer_id"}
    assert found.message is None


def test_remarks_depend_on_the_clock_given() -> None:
    found = inspect_string(invoice().string)
    assert remarks_on(found, now=CREATED_AT) == ()
    assert remarks_on(found, now=UnixTime(CREATED_AT + 7200)) == ("the invoice has expired",)
    assert remarks_on(found, now=UnixTime(CREATED_AT - 1)) == ("the invoice was made in the future",)


def test_remarks_name_what_other_documents_define() -> None:
    for type_ in (25, 29, 1_000_000_025):
        found = inspect_string(format_string("lno", join_records(replaced(offer().records, {type_: b""}))))
        assert RECOGNISED[type_].name in "".join(remarks_on(found, now=CREATED_AT))
    assert all(recognised.document for recognised in RECOGNISED.values())


def test_remarks_warn_of_zero_and_of_a_forged_239() -> None:
    found = inspect_string(format_string("lni", signed_invoice({8: None, 82: b"", 170: b""}, payer=PAYER)))
    assert found.valid
    assert set(remarks_on(found, now=CREATED_AT)) == {"invreq_amount is zero", "invoice_amount is zero"}
    forged = inspect_string(format_string("lni", signed_invoice({10: b"tea"})))
    assert forged.valid
    assert any("do not pay it" in remark for remark in remarks_on(forged, now=CREATED_AT))


def test_every_kind_of_value_becomes_plain() -> None:
    assert plain_value(Bip353Name(name="a", domain="b")) == {"name": "a", "domain": "b"}
    assert plain_value(FallbackAddress(version=0, address=bytes(20)))["usable"] is True
    assert plain_value((b"\x01", 2, "x")) == ["01", 2, "x"]
    assert plain_inspection(inspect_string(request().string))["fields"]["invreq_payer_id"] == PAYER.public_key.hex()
