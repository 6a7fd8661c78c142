"""A till's code from its picture to the payment: what the till writes the buyer's device reads."""

import re
from pathlib import Path

import pytest

from bled.cli.qr_reading import read_picture

from .conftest import Shop, ended, shown

pytestmark = pytest.mark.system

_CODE = r"bled1:[A-Za-z0-9_-]{43}"


def test_a_picture_of_the_tills_code_pays_and_is_gone_with_the_sale(shop: Shop, tmp_path: Path) -> None:
    phone, picture = shop.phone(), tmp_path / "code.png"
    till, code = shop.charge("--json", "--qr", str(picture))
    assert read_picture(picture).format() == code
    buyer = shop.run("buyer", "run", "--engage", str(picture), "--auto-approve-below", "3000sat", "--json", **phone)
    sold = ended(till)
    assert (sold.code, buyer.code) == (0, 0), sold.err + buyer.err
    assert buyer.object["outcome"] == sold.object["outcome"] == "paid"
    assert list(tmp_path.iterdir()) == []
    assert code not in sold.out
    assert code not in buyer.out + buyer.err


def test_each_sale_has_a_code_of_its_own_and_its_shape_in_json_does_not_change(shop: Shop, tmp_path: Path) -> None:
    results = []
    codes = set()
    for engage in ((), ("--engage",), ("--engage", "--qr", str(tmp_path / "code.svg"))):
        ended_ = shop.run("merchant", "charge", "1", "-d", "tea", "--wait", "1", "--json", *engage)
        results.append(set(ended_.object))
        codes |= set(re.findall(_CODE, ended_.err))
    assert results[0] == results[1] == results[2]
    assert len(codes) == 2


@pytest.mark.parametrize(
    ("options", "exit_code"),
    [(["--qr", "code.png"], 64), (["--engage", "--qr", "code.gif"], 64), (["--engage", "--qr", "/none/code.png"], 78)],
)
def test_a_picture_that_cannot_be_begins_no_sale(shop: Shop, options: list[str], exit_code: int) -> None:
    refused = shop.run("merchant", "charge", "1", "-d", "tea", "--json", *options)
    assert refused.code == exit_code
    assert shop.run("merchant", "sales", "--json").object["sales"] == []


def test_a_picture_that_shows_no_till_is_refused_before_anybody_can_meet_the_device(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"no picture")
    refused = shop.run("buyer", "run", "--engage", str(tmp_path / "cat.png"), "--json")
    assert (refused.code, refused.object["outcome"], refused.object["money_moved"]) == (65, "picture-bad", "no")


def test_the_cashier_reads_amount_and_description_before_anything_else(shop: Shop) -> None:
    till = shop.start("merchant", "charge", "2500", "-d", "flat white", "--issuer", "Café", "--wait", "1", "--json")
    assert shown(till, "Charging.*") == "Charging 2,500 sat for flat white, in the name of Café."
    rest = ended(till)
    assert rest.object["outcome"] == "no-buyer"
