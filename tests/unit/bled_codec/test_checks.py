"""Checks with a clock, a chain or a second message: offer in time, request for its offer, invoice for its request."""

import pytest

from bled_codec.blinded_path import EncryptedData, blinded_key_of, create_blinded_path
from bled_codec.chains import BITCOIN_CHAIN, REGTEST_CHAIN, TESTNET_CHAIN
from bled_codec.checks import check_invoice_for_request, check_offer_usable, check_request_for_offer
from bled_codec.errors import Rule, SemanticError
from bled_codec.invoice import Invoice
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.tlv import make_record
from bled_codec.units import Msat, UnixTime

from .samples import CREATED_AT, ISSUER, PAYER, SESSION, invoice, offer, request, signed_invoice, signed_request

NOW = UnixTime(CREATED_AT + 10)


def refused(rule: Rule, tlv_type: int | None, check: object, /, *args: object, **keywords: object) -> None:
    assert callable(check)
    with pytest.raises(SemanticError) as caught:
        check(*args, **keywords)
    assert (caught.value.rule, caught.value.tlv_type) == (rule, tlv_type)


def test_an_offer_without_chains_is_for_bitcoin_alone() -> None:
    check_offer_usable(offer(), chain=BITCOIN_CHAIN, now=NOW)
    refused(Rule.UNSUPPORTED_CHAIN, 2, check_offer_usable, offer(), chain=REGTEST_CHAIN, now=NOW)


def test_an_offer_with_chains_is_for_those_alone() -> None:
    some = offer(chains=[REGTEST_CHAIN, TESTNET_CHAIN])
    for chain in (REGTEST_CHAIN, TESTNET_CHAIN):
        check_offer_usable(some, chain=chain, now=NOW)
    refused(Rule.UNSUPPORTED_CHAIN, 2, check_offer_usable, some, chain=BITCOIN_CHAIN, now=NOW)


def test_an_offer_ends_with_its_second() -> None:
    some = offer(absolute_expiry=NOW)
    check_offer_usable(some, chain=BITCOIN_CHAIN, now=UnixTime(NOW - 1))
    for now in (NOW, UnixTime(NOW + 1)):
        refused(Rule.OFFER_EXPIRED, 14, check_offer_usable, some, chain=BITCOIN_CHAIN, now=now)


def test_an_expiry_of_zero_is_an_expiry() -> None:
    refused(Rule.OFFER_EXPIRED, 14, check_offer_usable, offer(absolute_expiry=0), chain=BITCOIN_CHAIN, now=NOW)


def test_a_request_answers_exactly_its_offer() -> None:
    check_request_for_offer(request(), offer(), chain=BITCOIN_CHAIN, now=NOW)
    extra = offer(extra=[make_record(33, b"kept"), make_record(1_000_000_001, b"kept")])
    check_request_for_offer(request(extra), extra, chain=BITCOIN_CHAIN, now=NOW)


@pytest.mark.parametrize(
    ("changes", "tlv_type"),
    [
        ({10: b"tea"}, 10),
        ({8: b"\x13\x87"}, 8),
        ({18: b"me"}, 18),
        ({33: b"odd"}, 33),
        ({1_999_999_999: b"odd"}, 1_999_999_999),
    ],
    ids=str,
)
def test_a_request_for_another_offer_is_refused_with_the_field(changes: dict[int, bytes], tlv_type: int) -> None:
    other = InvoiceRequest.decode(signed_request(changes))
    keywords = {"chain": BITCOIN_CHAIN, "now": NOW}
    refused(Rule.REQUEST_NOT_FOR_OFFER, tlv_type, check_request_for_offer, other, offer(), **keywords)


def test_fields_of_the_request_itself_are_no_difference() -> None:
    other = InvoiceRequest.decode(signed_request({89: b"note", 2_000_000_001: b"odd"}))
    check_request_for_offer(other, offer(), chain=BITCOIN_CHAIN, now=NOW)


def test_a_request_for_another_chain_is_refused() -> None:
    some = offer(chains=[REGTEST_CHAIN, BITCOIN_CHAIN])
    check_request_for_offer(request(some, chain=REGTEST_CHAIN), some, chain=REGTEST_CHAIN, now=NOW)
    for asked, ours in ((None, REGTEST_CHAIN), (REGTEST_CHAIN, BITCOIN_CHAIN)):
        other = request(some, chain=asked)
        refused(Rule.UNSUPPORTED_CHAIN, 80, check_request_for_offer, other, some, chain=ours, now=NOW)


def test_a_request_for_an_expired_offer_is_refused() -> None:
    some = offer(absolute_expiry=NOW)
    refused(Rule.OFFER_EXPIRED, 14, check_request_for_offer, request(some), some, chain=BITCOIN_CHAIN, now=NOW)


def test_an_invoice_answers_exactly_its_request() -> None:
    check_invoice_for_request(invoice(), request=request(), chain=BITCOIN_CHAIN, now=NOW)
    check_invoice_for_request(invoice(), request=None, chain=BITCOIN_CHAIN, now=NOW)


@pytest.mark.parametrize(
    "changes", [{10: b"tea"}, {89: b"note"}, {0: b"other"}, {1_000_000_001: b""}, {2_999_999_999: b""}], ids=str
)
def test_an_invoice_for_another_request_is_refused(changes: dict[int, bytes]) -> None:
    made = Invoice.decode(signed_invoice(changes, payer=PAYER))
    keywords = {"request": request(), "chain": BITCOIN_CHAIN, "now": NOW}
    refused(Rule.INVOICE_NOT_FOR_REQUEST, None, check_invoice_for_request, made, **keywords)


def test_without_the_request_field_239_must_vouch_for_it() -> None:
    keywords = {"request": None, "chain": BITCOIN_CHAIN, "now": NOW}
    bare = invoice(with_request_signature=False)
    refused(Rule.REQUEST_SIGNATURE_ABSENT, 239, check_invoice_for_request, bare, **keywords)
    changed = Invoice.decode(signed_invoice({10: b"tea"}))
    refused(Rule.REQUEST_SIGNATURE_INVALID, 239, check_invoice_for_request, changed, **keywords)


def test_with_the_request_field_239_is_not_needed() -> None:
    bare = invoice(with_request_signature=False)
    check_invoice_for_request(bare, request=request(), chain=BITCOIN_CHAIN, now=NOW)


def test_an_invoice_ends_with_its_second() -> None:
    made = invoice(relative_expiry=10)
    check_invoice_for_request(made, request=request(), chain=BITCOIN_CHAIN, now=UnixTime(CREATED_AT + 9))
    for now in (CREATED_AT + 10, CREATED_AT + 11):
        keywords = {"request": request(), "chain": BITCOIN_CHAIN, "now": now}
        refused(Rule.INVOICE_EXPIRED, 166, check_invoice_for_request, made, **keywords)


def test_an_invoice_for_another_chain_is_refused() -> None:
    some = offer(chains=[REGTEST_CHAIN])
    of = request(some, chain=REGTEST_CHAIN)
    check_invoice_for_request(invoice(of), request=of, chain=REGTEST_CHAIN, now=NOW)
    keywords = {"request": of, "chain": BITCOIN_CHAIN, "now": NOW}
    refused(Rule.UNSUPPORTED_CHAIN, 80, check_invoice_for_request, invoice(of), **keywords)


def test_a_doubled_amount_is_caught_when_the_request_names_one() -> None:
    with pytest.raises(SemanticError):
        invoice(amount=Msat(10_000))


def test_an_invoice_comes_from_the_path_that_the_request_was_sent_along() -> None:
    keywords = {"request": None, "chain": BITCOIN_CHAIN, "now": NOW}
    check_invoice_for_request(invoice(), sent_to=PAYER.public_key, **keywords)  # the issuer is named: paths say nothing
    hidden = Invoice.decode(hidden_invoice())
    check_invoice_for_request(hidden, sent_to=hidden.invoice_node_id, **keywords)
    refused(Rule.NODE_ID_MISMATCH, 176, check_invoice_for_request, hidden, sent_to=PAYER.public_key, **keywords)


def hidden_invoice() -> bytes:
    """Return an invoice for an offer without issuer, by the blinded key at the end of its one path."""
    data = [EncryptedData(path_id=bytes(32)).encode()]
    one_hop = create_blinded_path([ISSUER.public_key], data, session_key=SESSION)
    key = blinded_key_of(ISSUER, one_hop.first_path_key)
    return signed_invoice({16: one_hop.encode(), 22: None, 176: key.public_key}, key=key, payer=PAYER)
