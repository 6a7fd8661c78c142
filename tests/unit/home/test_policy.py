"""What home pays, and every rule by which it does not."""

from dataclasses import replace

import pytest

from bled.codes import Code
from bled.errors import Refused
from bled.grants.keys import HomeKeys
from bled.grants.metadata import path_secret
from bled.home.policy import glimpse, is_ours, seconds_for_attempts
from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.errors import Rule
from bled_codec.fields import Field, ordered
from bled_codec.invoice import Invoice, invoice_digest
from bled_codec.tlv import join_records, make_record
from bled_codec.units import Msat


def refusal(verify, data: bytes, **how: object) -> Refused:
    with pytest.raises(Refused) as caught:
        verify(data, **how)
    return caught.value


def resigned(shop, invoice: Invoice, changes: dict[int, bytes | None], *, signer=None) -> bytes:
    """Return the invoice with records changed or left out, signed again as only the till's node can."""
    records = {record.type: record for record in invoice.records if record.type != Field.SIGNATURE}
    for type_, value in changes.items():
        records.pop(type_, None)
        if value is not None:
            records[type_] = make_record(type_, value)
    kept = ordered(records.values())
    signature = (signer or shop.MERCHANT).sign(invoice_digest(kept), aux=bytes(32))
    return join_records([*kept, make_record(Field.SIGNATURE, signature)])


@pytest.fixture
def invoice(shop, home) -> Invoice:
    return shop.invoice(shop.request(home.grant()))


def test_an_invoice_for_what_the_device_signed_is_verified(verify, invoice, shop) -> None:
    verified = verify(invoice.encode())
    assert (verified.issued.book_id, verified.issued.index) == (1, 0)
    assert verified.invoice == invoice
    assert verified.pay_before == shop.NOW + 300


# What a till can alter, and cannot


def test_an_altered_amount_is_not_what_the_device_signed(verify, invoice, shop) -> None:
    more = {Field.INVREQ_AMOUNT: b"\x3a\x99", Field.INVOICE_AMOUNT: b"\x3a\x99"}
    assert refusal(verify, resigned(shop, invoice, more)).code is Code.REQUEST_SIGNATURE_INVALID


def test_an_altered_description_is_not_what_the_device_signed(verify, invoice, shop) -> None:
    other = resigned(shop, invoice, {Field.OFFER_DESCRIPTION: b"two coffins"})
    assert refusal(verify, other).code is Code.REQUEST_SIGNATURE_INVALID


def test_an_altered_payee_is_not_what_the_device_signed(verify, invoice, shop) -> None:
    thief = shop.key("thief")
    other = resigned(
        shop,
        invoice,
        {Field.OFFER_ISSUER_ID: thief.public_key, Field.INVOICE_NODE_ID: thief.public_key},
        signer=thief,
    )
    assert refusal(verify, other).code is Code.REQUEST_SIGNATURE_INVALID


def test_a_later_expiry_is_not_what_the_device_signed(verify, invoice, shop) -> None:
    later = (shop.NOW + 400).to_bytes(4, "big")
    other = resigned(shop, invoice, {Field.OFFER_ABSOLUTE_EXPIRY: later})
    assert refusal(verify, other).code is Code.REQUEST_SIGNATURE_INVALID


def test_another_issued_payer_id_was_not_sealed_with_this_metadata(verify, invoice, shop, home) -> None:
    other = resigned(shop, invoice, {Field.INVREQ_PAYER_ID: home.grant(1).payer_id})
    assert refusal(verify, other, index=1).code is Code.PAYER_ID_NOT_ISSUED


def test_a_payer_id_of_the_till_was_never_issued(verify, shop, home) -> None:
    own = shop.key("till")
    asked = shop.request(home.grant(), signer=own, payer_id=own.public_key)
    secret = path_secret(home.keys, own.public_key)  # which nobody can know
    assert refusal(verify, shop.invoice(asked).encode(), secret=secret).code is Code.PAYER_ID_NOT_ISSUED


def test_a_payer_id_with_its_sign_flipped_was_never_issued(verify, invoice, shop, home) -> None:
    payer_id = home.grant().payer_id
    flipped = bytes([payer_id[0] ^ 1]) + payer_id[1:]
    other = resigned(shop, invoice, {Field.INVREQ_PAYER_ID: flipped})
    assert refusal(verify, other, secret=path_secret(home.keys, flipped)).code is Code.PAYER_ID_NOT_ISSUED


def test_metadata_of_any_other_length_was_not_sealed_here(verify, shop, home) -> None:
    asked = shop.request(home.grant(), metadata=home.grant().metadata + b"\x00")
    assert refusal(verify, shop.invoice(asked).encode()).code is Code.PAYER_ID_NOT_ISSUED


def test_an_id_of_another_home_was_never_issued(verify, invoice) -> None:
    strangers = HomeKeys.from_master(b"another master secret, 32 bytes.")
    assert refusal(verify, invoice.encode(), keys=strangers).code is Code.WRONG_PATH
    secret = path_secret(strangers, invoice.invreq_payer_id)
    assert refusal(verify, invoice.encode(), keys=strangers, secret=secret).code is Code.PAYER_ID_NOT_ISSUED


def test_an_id_of_a_book_that_the_ledger_does_not_know_was_never_issued(verify, invoice) -> None:
    assert refusal(verify, invoice.encode(), find_book={}.get).code is Code.PAYER_ID_NOT_ISSUED


def test_an_id_beyond_the_last_of_its_book_was_never_issued(verify, invoice, home) -> None:
    smaller = replace(home.row, ids=0)
    assert refusal(verify, invoice.encode(), find_book={1: smaller}.get).code is Code.PAYER_ID_NOT_ISSUED


def test_an_id_outside_every_class_was_never_issued(verify, invoice, home, shop) -> None:
    (one,) = home.book_limits.classes
    moved = replace(home.row, limits=shop.limits(classes=(replace(one, first_index=1),)))
    assert refusal(verify, invoice.encode(), find_book={1: moved}.get).code is Code.PAYER_ID_NOT_ISSUED


def test_an_id_of_an_earlier_book_with_the_same_number_was_not_issued_in_this_one(verify, invoice, home) -> None:
    reissued = replace(home.row, salt=b"another salt, 16")
    assert refusal(verify, invoice.encode(), find_book={1: reissued}.get).code is Code.PAYER_ID_NOT_ISSUED


def test_an_invoice_over_the_path_of_another_id_came_the_wrong_way(verify, invoice, home) -> None:
    assert refusal(verify, invoice.encode(), secret=home.secret(1)).code is Code.WRONG_PATH


@pytest.mark.parametrize("secret", [b"", bytes(32), bytes(33)])
def test_an_invoice_with_no_secret_of_ours_came_the_wrong_way(verify, invoice, secret) -> None:
    assert refusal(verify, invoice.encode(), secret=secret).code is Code.WRONG_PATH


def test_an_invoice_without_field_239_proves_nothing(verify, shop, home) -> None:
    bare = shop.invoice(shop.request(home.grant()), with_request_signature=False)
    assert refusal(verify, bare.encode()).code is Code.REQUEST_SIGNATURE_ABSENT


@pytest.mark.parametrize("value", [bytes(64), b"", bytes(63), bytes(65)])
def test_a_field_239_that_is_no_signature_is_invalid(verify, invoice, shop, value) -> None:
    other = resigned(shop, invoice, {Field.INVOICE_REQUEST_SIGNATURE: value})
    assert refusal(verify, other).code is Code.REQUEST_SIGNATURE_INVALID


def test_the_signature_of_another_request_is_invalid(verify, invoice, shop, home) -> None:
    asked = shop.request(home.grant(), payer_note="another one")
    other = resigned(shop, invoice, {Field.INVOICE_REQUEST_SIGNATURE: asked.signature})
    assert refusal(verify, other).code is Code.REQUEST_SIGNATURE_INVALID


# Payee and amount


def test_an_invoice_by_another_node_has_the_wrong_payee(verify, invoice, shop) -> None:
    thief = shop.key("thief")
    other = resigned(shop, invoice, {Field.INVOICE_NODE_ID: thief.public_key}, signer=thief)
    assert refusal(verify, other).code is Code.PAYEE_MISMATCH


def test_a_payee_is_the_last_node_of_an_offers_path_when_it_names_no_issuer(verify, shop, home) -> None:
    path = shop.create_blinded_path([shop.HOP.public_key], [b""], session_key=shop.key("path"))
    asked = shop.request(home.grant(), shop.offer(issuer_id=None, paths=[path]))
    blinded = shop.HOP.times(_blinding(shop, path))
    verify(shop.invoice(asked, signer=blinded).encode())
    other = resigned(shop, shop.invoice(asked, signer=blinded), {Field.INVOICE_NODE_ID: shop.MERCHANT.public_key})
    assert refusal(verify, other).code is Code.PAYEE_MISMATCH


def _blinding(shop, path) -> bytes:
    from bled_codec.crypto import hmac_sha256

    return hmac_sha256(b"blinded_node_id", shop.HOP.shared_secret(path.first_path_key))


def test_a_request_that_names_no_payee_may_be_charged_by_nobody(verify, shop, home) -> None:
    nameless = resigned_request(
        shop, home, {Field.OFFER_ISSUER_ID: None, Field.OFFER_AMOUNT: None, Field.OFFER_CHAINS: None}
    )
    assert refusal(verify, shop.invoice(nameless).encode()).code is Code.PAYEE_MISMATCH


def resigned_request(shop, home, changes: dict[int, bytes | None]):
    """Return a request of the device itself that no till of ours would send."""
    from bled_codec.invoice_request import InvoiceRequest, request_digest

    asked = shop.request(home.grant())
    records = {record.type: record for record in asked.records if record.type != Field.SIGNATURE}
    for type_, value in changes.items():
        records.pop(type_, None)
        if value is not None:
            records[type_] = make_record(type_, value)
    kept = ordered(records.values())
    signature = home.grant().secret.sign(request_digest(kept), aux=bytes(32))
    return InvoiceRequest.decode(join_records([*kept, make_record(Field.SIGNATURE, signature)]))


def test_an_invoice_for_more_than_was_signed_is_refused(verify, invoice, shop) -> None:
    more = resigned(shop, invoice, {Field.INVOICE_AMOUNT: b"\x3a\x99"})
    assert refusal(verify, more).code is Code.AMOUNT_MISMATCH


def test_an_invoice_for_less_than_was_signed_is_refused(verify, invoice, shop) -> None:
    less = resigned(shop, invoice, {Field.INVOICE_AMOUNT: b"\x3a\x97"})
    assert refusal(verify, less).code is Code.AMOUNT_MISMATCH


def test_an_amount_that_the_device_did_not_sign_is_refused(verify, shop, home) -> None:
    asked = shop.request(home.grant(), amount=None)
    assert refusal(verify, shop.invoice(asked).encode()).code is Code.AMOUNT_MISMATCH


def test_an_amount_of_nothing_is_refused(verify, shop, home) -> None:
    asked = shop.request(home.grant(), shop.offer(amount=None), amount=0)
    assert refusal(verify, shop.invoice(asked, amount=0).encode()).code is Code.AMOUNT_MISMATCH


# Chain and time


def test_an_invoice_of_another_chain_is_refused(verify, shop, home) -> None:
    asked = shop.request(home.grant(), shop.offer(chains=None), chain=None)
    assert refusal(verify, shop.invoice(asked).encode()).code is Code.WRONG_CHAIN
    verify(shop.invoice(asked).encode(), chain=BITCOIN_CHAIN)


def test_a_request_without_expiry_could_be_charged_weeks_later(verify, shop, home) -> None:
    asked = shop.request(home.grant(), shop.offer(lasting=None))
    assert refusal(verify, shop.invoice(asked).encode()).code is Code.REQUEST_WITHOUT_EXPIRY


@pytest.mark.parametrize(("ahead", "code"), [(600, None), (601, Code.REQUEST_WITHOUT_EXPIRY)])
def test_an_expiry_far_ahead_is_none(verify, shop, home, ahead, code) -> None:
    made = shop.invoice(shop.request(home.grant(), shop.offer(lasting=ahead))).encode()
    if code is None:
        verify(made)
    else:
        assert refusal(verify, made).code is code


@pytest.mark.parametrize("late", [0, 1, 86_400 * 30])
def test_what_the_device_signed_ends_with_its_expiry(verify, shop, home, late) -> None:
    made = shop.invoice(shop.request(home.grant()), lasting=0xFFFFFFFF)
    assert refusal(verify, made.encode(), now=shop.NOW + 300 + late).code is Code.REQUEST_EXPIRED


def test_an_invoice_ends_with_its_own_expiry(verify, shop, home) -> None:
    made = shop.invoice(shop.request(home.grant()), lasting=100)
    assert verify(made.encode()).pay_before == shop.NOW + 100
    assert refusal(verify, made.encode(), now=shop.NOW + 100).code is Code.INVOICE_EXPIRED


@pytest.mark.parametrize("lasting", [200, 400])
def test_no_payment_begins_in_the_last_seconds(verify, shop, home, lasting) -> None:
    """Of the invoice (200 s), or of what the device signed (300 s)."""
    made = shop.invoice(shop.request(home.grant()), lasting=lasting).encode()
    end = shop.NOW + min(lasting, 300)
    verify(made, now=end - 15)
    for left in (14, 1):
        assert refusal(verify, made, now=end - left).code is Code.TOO_LATE_TO_PAY


@pytest.mark.parametrize(("left", "seconds"), [(300, 60), (65, 60), (64, 59), (15, 10), (14, None), (-1, None)])
def test_attempts_last_a_minute_at_most_and_end_before_the_invoice(left, seconds) -> None:
    assert seconds_for_attempts(1_000 + left, now=1_000) == seconds


def test_an_invoice_from_minutes_later_is_refused(verify, shop, home) -> None:
    asked = shop.request(home.grant())
    verify(shop.invoice(asked, now=shop.NOW + 600).encode())
    later = refusal(verify, shop.invoice(asked, now=shop.NOW + 601).encode())
    assert (later.code, later.tlv_type) == (Code.INVOICE_NOT_YET, Field.INVOICE_CREATED_AT)


# Fees and form


@pytest.mark.parametrize(("base", "code"), [(2_575, None), (2_576, Code.FEE_TOO_HIGH)])
def test_a_payee_may_take_half_of_the_fees_and_no_more(verify, shop, home, base, code) -> None:
    """The book allows 5,150 msat for 15,000 msat."""
    made = shop.invoice(shop.request(home.grant()), payinfo=replace(shop.FREE, fee_base_msat=base)).encode()
    if code is None:
        verify(made)
    else:
        assert refusal(verify, made).code is code


def test_one_dear_path_among_cheap_ones_is_refused(verify, invoice, shop) -> None:
    dear = replace(shop.FREE, fee_proportional_millionths=500_000)
    (path,) = invoice.invoice_paths
    both = {
        Field.INVOICE_PATHS: path.encode() * 2,
        Field.INVOICE_BLINDEDPAY: shop.FREE.encode() + dear.encode(),
    }
    assert refusal(verify, resigned(shop, invoice, both)).code is Code.FEE_TOO_HIGH


def test_an_invoice_that_breaks_bolt_12_says_which_rule(verify, invoice) -> None:
    data = invoice.encode()
    broken = refusal(verify, data[:-1] + bytes([data[-1] ^ 1]))
    assert (broken.code, broken.rule) == (Code.BAD_INVOICE, Rule.SIGNATURE_INVALID)


def test_what_was_altered_is_called_so_whatever_else_it_breaks(verify, invoice, shop) -> None:
    """A merchant raises both amounts and forgets to sign again, or claims another payee and another text."""
    for changes in (
        {Field.OFFER_DESCRIPTION: b"gold", Field.INVOICE_AMOUNT: b"\x3a\x99"},
        {Field.OFFER_DESCRIPTION: b"gold", Field.INVOICE_NODE_ID: shop.key("thief").public_key},
        {Field.INVOICE_REQUEST_SIGNATURE: bytes(64), Field.INVOICE_AMOUNT: b"\x3a\x99"},
    ):
        assert refusal(verify, resigned(shop, invoice, changes)).code is Code.REQUEST_SIGNATURE_INVALID
    nothing = {Field.INVOICE_REQUEST_SIGNATURE: None, Field.INVOICE_AMOUNT: b"\x3a\x99"}
    assert refusal(verify, resigned(shop, invoice, nothing)).code is Code.REQUEST_SIGNATURE_ABSENT


def test_an_invoice_cut_anywhere_is_refused(verify, invoice) -> None:
    data = invoice.encode()
    for length in range(len(data)):
        assert refusal(verify, data[:length]).code in (Code.BAD_INVOICE, Code.REQUEST_SIGNATURE_ABSENT)


def test_an_invoice_with_bytes_behind_it_is_refused(verify, invoice) -> None:
    assert refusal(verify, invoice.encode() + b"\x00").code is Code.BAD_INVOICE


def test_an_unknown_even_record_is_refused(verify, invoice, shop) -> None:
    assert refusal(verify, resigned(shop, invoice, {178: b""})).rule is Rule.TLV_UNKNOWN_EVEN


def test_a_huge_invoice_is_not_even_read(verify, invoice, shop) -> None:
    huge = resigned(shop, invoice, {241_001: bytes(20_000)})
    refused = refusal(verify, huge)
    assert (refused.code, refused.rule) == (Code.BAD_INVOICE, None)


def test_no_single_bit_of_an_invoice_can_be_flipped(verify, invoice) -> None:
    data = invoice.encode()
    for place in range(0, len(data) * 8, 7):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        refusal(verify, bytes(flipped))


# What is seen of an invoice before it is verified


def test_a_glimpse_shows_what_an_invoice_says_about_itself(invoice) -> None:
    seen = glimpse(invoice.encode())
    assert (seen.payer_id, seen.payment_hash) == (invoice.invreq_payer_id, invoice.invoice_payment_hash)
    assert (seen.amount, seen.has_request_signature) == (Msat(15_000), True)


def test_a_glimpse_of_a_damaged_invoice_shows_what_comes_before_the_damage(invoice, home) -> None:
    data = invoice.encode()
    for length in range(len(data)):
        seen = glimpse(data[:length])
        assert seen.payer_id in (None, home.grant().payer_id)
    assert glimpse(data[:-70]).payer_id == home.grant().payer_id


@pytest.mark.parametrize("payer_id", [None, b"", bytes(33)])
def test_a_message_is_ours_only_with_the_secret_of_its_payer_id(home, payer_id) -> None:
    assert is_ours(home.keys, home.grant().payer_id, home.secret())
    assert not is_ours(home.keys, payer_id, home.secret())
    assert not is_ours(home.keys, home.grant(1).payer_id, home.secret())
