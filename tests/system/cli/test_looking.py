"""Sales and books can be looked at while a sale and a payment run."""

import pytest

from .conftest import Shop, ended, shown

pytestmark = pytest.mark.system


def test_the_sales_are_shown_while_one_runs(shop: Shop) -> None:
    till = shop.start("merchant", "charge", "2500", "-d", "flat white")
    shown(till, "offer created")
    looked = shop.run("merchant", "sales", "--json")
    assert (looked.code, [sale["state"] for sale in looked.object["sales"]]) == (0, ["offered"])
    assert "A sale is running" in looked.err
    refused = shop.run("merchant", "charge", "1", "-d", "tea", "--json")
    assert refused.object["outcome"] == "store-locked"
    till.terminate()
    ended(till)
    after = shop.run("merchant", "sales", "--json")
    assert (after.err, [sale["state"] for sale in after.object["sales"]]) == ("", ["cancelled"])


def test_the_books_are_shown_while_a_payment_runs(shop: Shop) -> None:
    phone = shop.phone()
    buyer = shop.start("buyer", "run", "--seconds", "60", **phone)
    for command in ("status", "history"):
        for _ in range(200):
            looked = shop.run("buyer", command, "--json", **phone)
            if looked.err:
                break
        assert (looked.code, "A payment is running" in looked.err) == (0, True)
    assert shop.run("buyer", "status", "--json", **phone).object["books"][0]["ids_left"] == 10
    buyer.terminate()
    ended(buyer)
