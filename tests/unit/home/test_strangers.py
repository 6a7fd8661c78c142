"""What strangers may cost home: next to nothing."""

import pytest

from bled.codes import Code
from bled.errors import Refused
from bled.grants.metadata import path_secret
from bled.home.policy import glimpse
from bled_codec.fields import Field
from bled_codec.invoice import Invoice
from bled_codec.tlv import make_record


def refusal(verify, data: bytes, **how: object) -> Refused:
    with pytest.raises(Refused) as caught:
        verify(data, **how)
    return caught.value


@pytest.fixture
def invoice(shop, home) -> Invoice:
    return shop.invoice(shop.request(home.grant()))


def test_what_a_stranger_sends_is_refused_before_it_is_read_whole(verify, shop, home) -> None:
    own = shop.key("stranger")
    asked = shop.request(home.grant(), signer=own, payer_id=own.public_key)
    broken = shop.invoice(asked).encode()[:-1]
    assert refusal(verify, broken).code is Code.WRONG_PATH
    assert refusal(verify, broken, secret=path_secret(home.keys, own.public_key)).code is Code.PAYER_ID_NOT_ISSUED


def test_an_issued_id_over_another_path_is_refused_before_it_is_read_whole(verify, invoice) -> None:
    assert refusal(verify, invoice.encode()[:-1], secret=bytes(32)).code is Code.WRONG_PATH


def test_a_glimpse_reads_each_type_once_however_many_records_there_are(invoice) -> None:
    payer_id = invoice.invreq_payer_id
    first, again = make_record(0, b"first").raw, make_record(0, b"again").raw
    named = make_record(Field.INVREQ_PAYER_ID, payer_id).raw
    assert glimpse(first + named).payer_id == payer_id
    assert glimpse(first + again * 30_000 + named).payer_id is None
    assert glimpse(named + first).metadata is None
    assert glimpse(make_record(241, b"").raw + named).payer_id is None
    assert glimpse(make_record(1, bytes(16_384)).raw + named).payer_id is None


def test_the_id_that_is_looked_at_first_is_the_one_that_is_decoded(shop, home, invoice) -> None:
    for index in range(3):
        made = shop.invoice(shop.request(home.grant(index)))
        decoded = Invoice.decode(made.encode())
        seen = glimpse(made.encode())
        assert (seen.metadata, seen.payer_id) == (decoded.invreq_metadata, decoded.invreq_payer_id)
