"""A sale and its refund by `bled node-proxy`, to the buyer's real home: every part a process of its own."""

from collections.abc import Iterator

import pytest

from .conftest import Shop, ended, shown

pytestmark = pytest.mark.system

PRICE = 2_500_000
CAP = "3000sat"


@pytest.fixture
def kiosk(lasting_shop: Shop) -> Iterator[dict[str, str]]:
    """The environment of a till that reaches the node by a proxy alone, which pays out `CAP` a day."""
    shop = lasting_shop
    data, files = str(shop.folder / "proxy"), shop.folder / "kiosk"
    added = shop.run("node-proxy", "add", "kiosk", str(files), "--data", data)
    assert added.code == 0, added.err
    proxy = shop.start("node-proxy", "run", "--listen", "127.0.0.1:0", "--refunds-per-day", CAP, "--data", data)
    address = shown(proxy, r"127\.0\.0\.1:[0-9]+")
    yield {"BLED_NODE": address, "BLED_CREDENTIALS": str(files)}
    proxy.terminate()
    ended(proxy)


def sold(shop: Shop, phone: dict[str, str], kiosk: dict[str, str]) -> str:
    """Sell once by the proxy, to a device that allows refunds; return the sale."""
    till, code = shop.charge("--json", **kiosk)
    pay = ("buyer", "run", "--auto-approve-below", "3000sat", "--json", "--engage", code, "--allow-refund")
    buyer = shop.start(*pay, **phone)
    told, paid = ended(till), ended(buyer)
    assert (told.code, paid.code) == (0, 0), told.err + paid.err
    return str(told.object["sale_id"])


def test_a_sale_by_the_proxy_is_given_back_to_home_within_the_days_cap(lasting_shop: Shop, kiosk) -> None:
    shop = lasting_shop
    sale = sold(shop, shop.phone("proxied"), kiosk)
    part = shop.run("merchant", "refund", sale, "--amount", "2000sat", "--json", **kiosk)
    assert (part.code, part.object["outcome"], part.object["amount_msat"]) == (0, "refunded", 2_000_000), part.err
    other = sold(shop, shop.phone("second"), kiosk)
    refused = shop.run("merchant", "refund", other, "--json", **kiosk)
    assert (refused.code, refused.object["outcome"]) == (75, "refund-failed")
    assert "today's cap" in refused.out + refused.err
    rest = shop.run("merchant", "refund", sale, "--json", **kiosk)
    assert (rest.code, rest.object["amount_msat"]) == (0, 500_000), rest.err
    found = shop.run("home", "payments", "--json").object["payments"]
    assert sorted(payment["refunded_msat"] for payment in found) == [0, PRICE]
    (given,) = [payment for payment in found if payment["refunded_msat"]]
    assert sorted(refund["amount_msat"] for refund in given["refunds"]) == [500_000, 2_000_000]
