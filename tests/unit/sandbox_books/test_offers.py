"""The `offer` command: amounts, refusals, and offers that are there already."""

import pytest

from bled.sandbox.books import Books
from bled.sandbox.books_rows import OfferArgs
from bled.sandbox.offers import parameters, parse_amount
from bled.sandbox.rpc_error import RpcError
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.offer import Offer

from .messages import NODE, START, make_offer


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("any", None),
        ("15000", 15_000),
        ("15000msat", 15_000),
        ("15sat", 15_000),
        ("0.00000000001btc", 1),
        ("1btc", 100_000_000_000),
        ("0", 0),
        (str(2**64 - 1), 2**64 - 1),
    ],
)
def test_amounts_are_read_as_lightningd_does(text: str, amount: int | None) -> None:
    assert parse_amount(text) == amount


@pytest.mark.parametrize(
    "text", ["x", "", "-1", "1.5", "1.5sat", "1.5msat", "1 sat", "0.000000000001btc", "٣", "1e3", str(2**64), "1SAT "]
)
def test_other_amounts_are_refused_with_the_value(text: str) -> None:
    with pytest.raises(RpcError) as caught:
        parse_amount(text)
    assert caught.value.code == -32602
    assert caught.value.message.startswith("amount: should be 'any', msatoshis or ")


def test_an_amount_in_a_currency_needs_a_plugin_that_is_not_there() -> None:
    with pytest.raises(RpcError) as caught:
        parse_amount("10.50EUR")
    assert caught.value.code == -32601


def test_an_offer_says_what_was_asked_for(books: Books) -> None:
    row = make_offer(books, issuer="shop", quantity_max=5, label="one")
    offer = Offer.from_string(row.bolt12)
    assert (offer.offer_chains, offer.offer_issuer_id) == ((REGTEST_CHAIN,), NODE.public_key)
    assert (offer.offer_amount, offer.offer_description, offer.offer_issuer) == (15_000, "tea", "shop")
    assert (offer.offer_quantity_max, offer.offer_absolute_expiry) == (5, START + 300)
    assert (row.label, row.single_use, row.active, row.used, row.created) == ("one", True, True, False, True)


def test_the_same_terms_give_the_same_offer_under_its_first_label(books: Books) -> None:
    first = make_offer(books, label="one")
    again = make_offer(books, label="two")
    assert (again.offer_id, again.label, again.created) == (first.offer_id, "one", False)
    books.disable_offer(first.offer_id)
    with pytest.raises(RpcError) as caught:
        make_offer(books)
    assert (caught.value.code, caught.value.message) == (1000, "Already exists, but isn't active")


def test_an_amount_needs_a_description(books: Books) -> None:
    with pytest.raises(RpcError) as caught:
        books.offer(OfferArgs(amount="15000msat", label='a "b"'))
    token = '{"amount":"15000msat","label":"a \\"b\\""}'
    assert caught.value.message.endswith(f"what it was they paid for: invalid token '{token}'")
    assert books.offer(OfferArgs(amount="any")).description is None


def test_nothing_is_no_amount(books: Books) -> None:
    with pytest.raises(RpcError) as caught:
        make_offer(books, amount="0")
    assert caught.value.message.startswith("bolt12: Offer contains a zero amount: invalid token '\"lno1")
    assert books.list_offers() == []


def test_offers_are_listed_by_their_id_and_closed_ones_on_request(books: Books) -> None:
    rows = [make_offer(books, description=text) for text in ("one", "two", "three")]
    assert [row.offer_id for row in books.list_offers()] == sorted(row.offer_id for row in rows)
    closed = books.disable_offer(rows[0].offer_id)
    assert closed.offer_id not in [row.offer_id for row in books.list_offers(active_only=True)]
    assert [row.offer_id for row in books.list_offers(rows[1].offer_id)] == [rows[1].offer_id]


def test_parameters_are_repeated_by_name_and_without_spaces() -> None:
    args = OfferArgs(amount="1", single_use=True, quantity_max=3, description="ä")
    assert parameters(args) == '{"amount":"1","description":"ä","quantity_max":3,"single_use":true}'
