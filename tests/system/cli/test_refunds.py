"""Money back from a till to the buyer's home: device, till, both nodes and home's plugin as processes of their own."""

import signal

import pytest

from bled.codes import Failpoint

from .conftest import Shop, ended

pytestmark = pytest.mark.system

PRICE = 2_500_000


def sold(shop: Shop, phone: dict[str, str], *options: str) -> str:
    """Sell once, to a device that allows refunds unless `options` say otherwise; return the sale."""
    till, code = shop.charge("--json")
    pay = ("buyer", "run", "--auto-approve-below", "3000sat", "--json", "--engage", code)
    buyer = shop.start(*pay, *(options or ("--allow-refund",)), **phone)
    told, paid = ended(till), ended(buyer)
    assert (told.code, paid.code) == (0, 0), told.err + paid.err
    return str(told.object["sale_id"])


def payments(shop: Shop) -> list[dict]:
    """Return what home says of its payments, that of the newest book first."""
    found = shop.run("home", "payments", "--json").object["payments"]
    return sorted(found, key=lambda payment: -payment["book_id"])


def came_back(shop: Shop) -> list[int]:
    """Return what home says of the refunds of its newest payment."""
    return [refund["amount_msat"] for refund in payments(shop)[0]["refunds"]]


def test_a_sale_is_given_back_whole_once_and_home_knows_it_by_the_payment(lasting_shop: Shop) -> None:
    shop = lasting_shop
    sale = sold(shop, shop.phone("whole"))
    book = str(payments(shop)[0]["book_id"])
    before = shop.run("home", "budget", book, "--json").object
    refund = shop.run("merchant", "refund", sale, "--json")
    assert (refund.code, refund.object["outcome"], refund.object["amount_msat"]) == (0, "refunded", PRICE), refund.err
    payment = payments(shop)[0]
    (back,) = payment["refunds"]
    assert (payment["refunded_msat"], back["amount_msat"]) == (PRICE, PRICE)
    assert payment["state"] == "paid"
    assert shop.run("home", "budget", book, "--json").object == before
    assert "came back" in shop.run("home", "payments").out
    assert str(PRICE) in shop.run("home", "export").out
    assert shop.run("home", "decisions", "--json").object["decisions"][-1]["code"] == "refunded"
    again = shop.run("merchant", "refund", sale, "--json")
    assert (again.code, again.object["outcome"]) == (77, "refund-refused")
    assert came_back(shop) == [PRICE]


def test_it_is_given_back_in_parts_and_never_more_than_the_sale(lasting_shop: Shop) -> None:
    shop = lasting_shop
    sale = sold(shop, shop.phone("parts"))
    for part in ("500sat", "700sat"):
        assert shop.run("merchant", "refund", sale, "--amount", part).code == 0
    assert shop.run("merchant", "refund", sale, "--amount", "1301sat").code == 77
    assert shop.run("merchant", "refund", sale).code == 0
    assert sorted(came_back(shop)) == [500_000, 700_000, 1_300_000]
    assert payments(shop)[0]["refunded_msat"] == PRICE


def test_a_device_whose_owner_does_not_want_it_sends_no_refund_offer(lasting_shop: Shop) -> None:
    shop = lasting_shop
    sale = sold(shop, shop.phone("unwilling"), "--seconds", "100")
    refused = shop.run("merchant", "refund", sale)
    assert refused.code == 77
    assert "sent no refund offer" in refused.err
    assert "by hand" in refused.err


def test_a_till_killed_while_it_gives_back_pays_once(lasting_shop: Shop) -> None:
    shop = lasting_shop
    sale = sold(shop, shop.phone("killed"))
    killed = shop.run("merchant", "refund", sale, BLED_FAILPOINT=f"{Failpoint.MERCHANT_REFUND_PAID.value}=kill")
    assert killed.code == -signal.SIGKILL
    assert shop.run("merchant", "refund", sale, "--json").object["outcome"] == "refunded"
    assert came_back(shop) == [PRICE]
