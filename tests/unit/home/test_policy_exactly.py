"""The last digit of every rule: boundaries, words and shapes that a slip of the pen would change unseen."""

from dataclasses import FrozenInstanceError, replace

import pytest

from bled.codes import Code
from bled.errors import Refused
from bled.grants.issue import issue_book
from bled.home import policy
from bled.home.policy import MAX_INVOICE_BYTES, Glimpse, VerifiedInvoice, check_time_to_pay, glimpse, is_of
from bled_codec.errors import Rule
from bled_codec.fields import Field, ordered
from bled_codec.invoice import Invoice, invoice_digest
from bled_codec.tlv import join_records, make_record


def refusal(verify, data: bytes, **how: object) -> Refused:
    with pytest.raises(Refused) as caught:
        verify(data, **how)
    return caught.value


@pytest.fixture
def invoice(shop, home) -> Invoice:
    return shop.invoice(shop.request(home.grant()))


def padded(shop, invoice: Invoice, size: int) -> bytes:
    """Return the invoice with a record of the payee's own that brings it to `size` bytes, signed again."""
    records = [record for record in invoice.records if record.type != Field.SIGNATURE]
    room = size - len(join_records(records)) - 66  # type and length of the signature, and 64 bytes
    kept = ordered([*records, make_record(3_000_000_001, bytes(room - 5 - 3))])
    signature = shop.MERCHANT.sign(invoice_digest(kept), aux=bytes(32))
    data = join_records(ordered([*kept, make_record(Field.SIGNATURE, signature)]))
    assert len(data) == size
    return data


def test_sixteen_kilobytes_are_read_and_not_one_more(verify, shop, invoice) -> None:
    assert MAX_INVOICE_BYTES == 16_384
    assert verify(padded(shop, invoice, 16_384)).issued.index == 0
    refused = refusal(verify, padded(shop, invoice, 16_385))
    assert (refused.code, refused.detail) == (Code.BAD_INVOICE, "16385 bytes, at most 16384 are read")


def test_what_is_verified_and_what_is_seen_cannot_be_changed_afterwards(verify, invoice) -> None:
    for value in (verify(invoice.encode()), Glimpse()):
        with pytest.raises((FrozenInstanceError, TypeError)):
            value.pay_before = 0
        assert not hasattr(value, "__dict__")
    with pytest.raises(TypeError):
        VerifiedInvoice(invoice, None, 0)
    with pytest.raises(TypeError):
        Glimpse(b"")
    assert Glimpse() == Glimpse(
        metadata=None, payer_id=None, payment_hash=None, amount=None, has_request_signature=False
    )


@pytest.mark.parametrize(
    ("value", "amount"), [(b"", None), (b"\x05", 5), (b"\x01" + bytes(7), 1 << 56), (b"\x01" + bytes(8), None)]
)
def test_an_amount_of_one_to_eight_bytes_is_seen(value, amount) -> None:
    assert glimpse(make_record(Field.INVOICE_AMOUNT, value).raw).amount == amount


@pytest.mark.parametrize("length", [31, 33, 34, 32])
def test_ids_and_hashes_are_seen_at_their_own_length_alone(length) -> None:
    value = bytes(length)
    seen = glimpse(make_record(Field.INVREQ_PAYER_ID, value).raw + make_record(Field.INVOICE_PAYMENT_HASH, value).raw)
    assert seen.payer_id == (value if length == 33 else None)
    assert seen.payment_hash == (value if length == 32 else None)


def test_nothing_is_seen_behind_a_record_out_of_order(invoice) -> None:
    named = make_record(Field.INVREQ_PAYER_ID, invoice.invreq_payer_id).raw
    first, last = make_record(Field.INVREQ_METADATA, b"").raw, make_record(Field.SIGNATURE, bytes(64)).raw
    assert glimpse(first + first + named) == Glimpse(metadata=b"")
    assert glimpse(named + first + make_record(Field.INVOICE_AMOUNT, b"\x01").raw).amount is None
    assert glimpse(last + make_record(241, b"").raw) == Glimpse()


@pytest.mark.parametrize("missing", [Field.INVREQ_METADATA, Field.INVREQ_PAYER_ID])
def test_what_names_no_payer_id_is_refused_in_words(verify, invoice, missing) -> None:
    data = join_records([record for record in invoice.records if record.type != missing])
    refused = refusal(verify, data)
    assert (refused.code, refused.detail) == (Code.BAD_INVOICE, "it names no payer id")


def test_each_refusal_of_the_codec_keeps_its_rule(verify, shop, invoice) -> None:
    def resigned(changes: dict[int, bytes], signer=shop.MERCHANT) -> bytes:
        records = {record.type: record for record in invoice.records if record.type != Field.SIGNATURE}
        records |= {type_: make_record(type_, value) for type_, value in changes.items()}
        kept = ordered(records.values())
        return join_records([*kept, make_record(Field.SIGNATURE, signer.sign(invoice_digest(kept), aux=bytes(32)))])

    thief = shop.key("thief")
    amount = refusal(verify, resigned({Field.INVOICE_AMOUNT: b"\x01"}))
    payee = refusal(verify, resigned({Field.INVOICE_NODE_ID: thief.public_key}, thief))
    assert (amount.code, amount.rule) == (Code.AMOUNT_MISMATCH, Rule.AMOUNT_MISMATCH)
    assert (payee.code, payee.rule) == (Code.PAYEE_MISMATCH, Rule.NODE_ID_MISMATCH)
    assert amount.__cause__ is not None


def test_the_index_after_the_last_and_all_behind_it_were_not_issued(verify, shop, home) -> None:
    for ids in (0, 1, 2):
        data = shop.invoice(shop.request(home.grant(2))).encode()
        refused = refusal(verify, data, index=2, find_book={1: replace(home.row, ids=ids)}.get)
        assert refused.detail == "home knows no id 2 of a book 1"
    assert verify(data, index=2, find_book={1: replace(home.row, ids=3)}.get).issued.index == 2
    other = refusal(verify, data, index=2, find_book={1: replace(home.row, salt=b"another salt, 16")}.get)
    assert other.detail == "of another book with the number 1"


def test_an_id_whose_key_was_made_on_the_device_is_known_by_the_salt(verify, shop, home) -> None:
    made = [shop.key(f"device {number}") for number in range(home.ids)]
    book = issue_book(
        home.keys,
        book_id=home.book_id,
        book_salt=home.salt,
        device="phone",
        chain=shop.REGTEST_CHAIN,
        issued_at=home.now,
        limits=home.book_limits,
        home_label="home",
        routes=[(shop.HOP.public_key, shop.HOME.public_key)],
        entropy=shop.entropy,
        payer_ids=[key.public_key for key in made],
    )
    grant = book.grants[3]
    data = shop.invoice(shop.request(grant, signer=made[3])).encode()
    secret = policy.path_secret(home.keys, grant.payer_id)
    verified = verify(data, secret=secret)
    assert verified.issued.index == 3
    assert is_of(home.row, verified.issued, grant.payer_id, keys=home.keys)
    other = replace(home.row, salt=b"another salt, 16")
    assert refusal(verify, data, secret=secret, find_book={1: other}.get).code is Code.PAYER_ID_NOT_ISSUED


def test_an_amount_is_judged_again_after_the_codec(invoice) -> None:
    policy._check_amount(invoice)
    for change in ({"invoice_amount": 14_999}, {"invoice_amount": 15_001}, {"invreq_amount": 1}):
        with pytest.raises(Refused) as caught:
            policy._check_amount(replace(invoice, **change))
        assert (caught.value.code, caught.value.tlv_type) == (Code.AMOUNT_MISMATCH, Field.INVOICE_AMOUNT)
    with pytest.raises(Refused):
        policy._check_amount(replace(invoice, invoice_amount=0, invreq_amount=0))
    policy._check_amount(replace(invoice, invoice_amount=1, invreq_amount=1))
    with pytest.raises(Refused) as caught:
        policy._check_amount(replace(invoice, invreq_amount=None))
    assert (caught.value.detail, caught.value.tlv_type) == ("no amount was signed", Field.INVREQ_AMOUNT)


def test_times_are_told_as_seconds_from_homes_clock(verify, shop, home) -> None:
    def made(*, lasting: int | None = 300, invoice_lasting: int = 3_600, at: int = shop.NOW) -> bytes:
        asked = shop.request(home.grant(), shop.offer(lasting=lasting))
        return shop.invoice(asked, now=at, lasting=invoice_lasting).encode()

    told = {
        "no expiry was signed": (made(lasting=None), shop.NOW),
        "0 s ago by home's clock": (made(), shop.NOW + 300),
        "7 s ago by home's clock": (made(), shop.NOW + 307),
        "601 s ahead of home's clock": (made(lasting=601), shop.NOW),
        "602 s ahead of home's clock": (made(at=shop.NOW + 602), shop.NOW),
        "3 s ago by home's clock": (made(invoice_lasting=100), shop.NOW + 103),
        "11 s left": (made(), shop.NOW + 289),
    }
    for detail, (data, now) in told.items():
        assert refusal(verify, data, now=now).detail == detail


def test_no_time_left_is_never_less_than_none() -> None:
    for left, detail in ((14, "14 s left"), (1, "1 s left"), (0, "0 s left"), (-5, "0 s left")):
        with pytest.raises(Refused) as caught:
            check_time_to_pay(1_000 + left, now=1_000)
        assert caught.value.detail == detail
    check_time_to_pay(1_015, now=1_000)


def test_a_payee_that_nobody_signed_for_is_told_in_words(invoice) -> None:
    policy._check_payee(invoice)
    policy._check_payee(replace(invoice, offer_issuer_id=None, offer_paths=invoice.invreq_paths))
    for paths in (None, ()):
        with pytest.raises(Refused) as caught:
            policy._check_payee(replace(invoice, offer_issuer_id=None, offer_paths=paths))
        assert caught.value.detail == "the signed request names no payee"
        assert caught.value.tlv_type == Field.OFFER_ISSUER_ID


def test_the_fields_that_a_refusal_names_are_those_that_were_judged(verify, shop, home, invoice) -> None:
    bare = shop.invoice(shop.request(home.grant()), with_request_signature=False).encode()
    assert refusal(verify, bare).tlv_type == Field.INVOICE_REQUEST_SIGNATURE
    elsewhere = shop.invoice(shop.request(home.grant(), shop.offer(chains=None), chain=None)).encode()
    assert refusal(verify, elsewhere).tlv_type == Field.INVREQ_CHAIN
    for now in (shop.NOW + 300, shop.NOW - 301):
        assert refusal(verify, invoice.encode(), now=now).tlv_type == Field.OFFER_ABSOLUTE_EXPIRY


@pytest.mark.parametrize("chain", [bytes(32), b"\xff" * 32])
def test_any_other_chain_is_another(verify, invoice, chain) -> None:
    assert refusal(verify, invoice.encode(), chain=chain).code is Code.WRONG_CHAIN


def test_an_expiry_is_a_difference_of_times_at_any_time(invoice) -> None:
    def expiry(at: int, now: int) -> str:
        with pytest.raises(Refused) as caught:
            policy._check_signed_expiry(replace(invoice, offer_absolute_expiry=at), now)
        return caught.value.detail

    assert policy._check_signed_expiry(replace(invoice, offer_absolute_expiry=650), 100) == 650
    assert expiry(750, 100) == "650 s ahead of home's clock"
    assert expiry(100, 350) == "250 s ago by home's clock"


def test_the_age_of_an_invoice_is_a_difference_of_times_at_any_time(invoice) -> None:
    def time_left(now: int, **changes: int) -> str:
        with pytest.raises(Refused) as caught:
            policy._check_time_left(replace(invoice, **changes), 10_000, now)
        return caught.value.detail

    assert time_left(100, invoice_created_at=750) == "650 s ahead of home's clock"
    assert time_left(350, invoice_created_at=0, invoice_relative_expiry=100) == "250 s ago by home's clock"
    young = replace(invoice, invoice_created_at=700, invoice_relative_expiry=1_000)
    assert policy._check_time_left(young, 10_000, 100) == 1_700
    assert policy._check_time_left(young, 900, 100) == 900


@pytest.mark.parametrize("other", [bytes(33), b"\xff" * 33])
def test_a_payer_id_before_or_behind_the_derived_one_is_another(home, other) -> None:
    assert policy.holds(home.row, 0, home.grant().payer_id, keys=home.keys)
    assert not policy.holds(home.row, 0, other, keys=home.keys)


def test_what_could_be_mixed_up_is_named(home, shop, invoice) -> None:
    """Each of these would work if its arguments could be given by place."""
    data, payer_id, now = invoice.encode(), home.grant().payer_id, shop.NOW
    issued = policy.open_metadata(home.keys, home.grant().metadata, payer_id)
    known = {home.book_id: home.row}.get
    for function, arguments in (
        (policy.verify_invoice, (data, home.secret(), home.keys, shop.REGTEST_CHAIN, known, now)),
        (policy.is_of, (home.row, issued, payer_id, home.keys)),
        (policy.holds, (home.row, 0, payer_id, home.keys)),
        (policy.check_time_to_pay, (now + 60, now)),
        (policy.seconds_for_attempts, (now + 60, now)),
        (policy._readable_records, (data, 240)),
        (policy._issued_id, (data, home.secret(), home.keys)),
    ):
        with pytest.raises(TypeError):
            function(*arguments)


def test_no_record_behind_the_last_that_is_wanted_is_read(invoice) -> None:
    wanted = policy._readable_records(invoice.encode(), up_to=Field.INVREQ_PAYER_ID)
    assert max(wanted) == Field.INVREQ_PAYER_ID
    assert max(policy._readable_records(invoice.encode(), up_to=Field.SIGNATURE)) == Field.SIGNATURE
