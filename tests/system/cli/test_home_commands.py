"""What the owner of a home does from the command line, against the plugin in the sandbox."""

import csv
import json
import os
from pathlib import Path

import pytest

from bled.home.master import restore_master

from .conftest import Shop, ended

pytestmark = pytest.mark.system


@pytest.fixture
def shop(lasting_shop: Shop) -> Shop:
    """What a test finds here others may have used: it goes by its own books."""
    return lasting_shop


def book_of(shop: Shop, device: str) -> str:
    """Return the number of the only book of a device."""
    (book,) = (each for each in shop.run("home", "list", "--json").object["books"] if each["device"] == device)
    return str(book["book_id"])


def payments_of(shop: Shop, book: str) -> list[dict[str, object]]:
    """Return the payments of a book."""
    found = shop.run("home", "payments", "--json").object["payments"]
    return [each for each in found if str(each["book_id"]) == book]


def test_a_book_is_issued_as_it_was_ordered_and_its_paths_are_shown(shop: Shop) -> None:
    file = shop.folder / "ordered.book"
    order = ("--device", "ordered", "--budget", "500000sat", "--count", "3", "--valid-for", "30d")
    limits = ("--per-payment", "50000sat", "--class", "2:200000sat:7d", "--class", "1:400000sat:1d")
    issued = shop.run("home", "issue", str(file), *order, *limits)
    assert issued.code == 0, issued.err
    for words in (
        f"book {book_of(shop, 'ordered')} for ordered, 6 payments",
        "through hop",
        "through relay",
        "a message came home",
        "Passphrase: ",
    ):
        assert words in issued.out
    passphrase = shop.folder / "ordered.passphrase"
    passphrase.write_text(issued.out.split("Passphrase: ")[1].splitlines()[0])
    env = {"BLED_DATA_DIR": str(shop.folder / "ordered")}
    took = shop.run("buyer", "import", str(file), "--passphrase-file", str(passphrase), "--json", **env)
    assert (took.object["ids"], took.object["total_msat"]) == (6, 500_000_000)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (("--budget", "5sat", "--valid-for", "soon"), "30d"),
        (("--budget", "5sat", "--class", "5:1:7d"), "2000sat"),
        (("--budget", "5sat", "--class", "5:6sat:7d"), "whole budget"),
        (("--budget", "5sat", "--class", "5:1sat:60d"), "--valid-for"),
    ],
)
def test_terms_that_cannot_be_meant_are_refused_before_home_is_asked(shop_less, terms, words: str) -> None:
    refused = shop_less.run("home", "issue", "--device", "phone", *terms)
    assert refused.code == 64
    assert words in refused.err


def test_the_owner_changes_a_book_and_the_device_takes_the_signed_limits(shop: Shop) -> None:
    phone = shop.phone("changed")
    book = book_of(shop, "changed")
    limits = [shop.folder / "more.limits", shop.folder / "longer.limits"]
    topped = shop.run("home", "top-up", book, "1000sat", "--out", str(limits[0]), "--json")
    longer = shop.run("home", "extend", book, "--by", "10d", "--out", str(limits[1]))
    assert (topped.object["total_msat"], longer.code) == (51_000_000, 0), longer.err
    assert f"Book {book}: 51,000 sat in all, until" in longer.out
    for file in reversed(limits[1:]):
        taken = shop.run("buyer", "import", str(file), "--json", **phone)
        assert (taken.code, taken.object["total_msat"]) == (0, 51_000_000), taken.err
    assert shop.run("buyer", "status", "--json", **phone).object["books"][0]["remaining_msat"] == 51_000_000


def test_a_device_makes_its_keys_pays_and_proves_what_it_paid(shop: Shop) -> None:
    phone = {"BLED_DATA_DIR": str(shop.folder / "keyed")}
    asked, book = shop.folder / "keyed.keys", shop.folder / "keyed.book"
    made = shop.run("buyer", "keys", "--count", "3", "--device", "my phone", "--out", str(asked), **phone)
    assert made.code == 0, made.err
    issued = shop.run("home", "issue", str(book), "--keys", str(asked), "--budget", "10000sat", "--json")
    assert (issued.object["ids"], issued.object["device"], issued.object["passphrase"]) == (3, "my phone", None)
    assert shop.run("buyer", "import", str(book), "--json", **phone).object["ids"] == 3
    till, code = shop.charge("--json")
    buyer = shop.run("buyer", "run", "--engage", code, "--auto-approve-below", "3000sat", "--json", **phone)
    assert (buyer.code, ended(till).code) == (0, 0), buyer.err
    proof = shop.run("buyer", "export-proof", "--note", "order 17", **phone)
    assert proof.out.startswith("lnp1")
    told = shop.run("verify", proof.out.strip())
    assert told.code == 0
    for words in ("paid 2,500 sat", "flat white", "order 17"):
        assert words in told.out
    (payment,) = payments_of(shop, book_of(shop, "my phone"))
    refused = shop.run("home", "proof", payment["payment_hash"], "--json")
    assert (refused.code, "on the device" in refused.object["detail"]) == (65, True)


def test_payments_are_exported_and_proven_at_home(shop: Shop) -> None:
    phone = shop.phone("exported")
    till, code = shop.charge("--json")
    buyer = shop.run("buyer", "run", "--engage", code, "--auto-approve-below", "3000sat", "--json", **phone)
    assert (buyer.code, ended(till).code) == (0, 0), buyer.err
    assert "paid     2,500 sat + 0" in shop.run("home", "payments").out
    file = shop.folder / "payments.csv"
    assert shop.run("home", "export", "--out", str(file)).code == 0
    rows, (paid,) = csv.DictReader(file.read_text().splitlines()), payments_of(shop, book_of(shop, "exported"))
    (row,) = (each for each in rows if each["payment_hash"] == paid["payment_hash"])
    assert (row["state"], row["amount_msat"], row["description"]) == ("paid", "2500000", "flat white")
    exported = json.loads(shop.run("home", "export", "--format", "json").out)["payments"]
    assert row["preimage"] in {each["preimage"] for each in exported}
    proof = shop.run("home", "proof", f"{row['payment_hash'][:16]}...")
    assert shop.run("verify", proof.out.strip(), "--preimage", row["preimage"]).code == 0
    assert "Nothing is in the way." in shop.run("home", "check").out


def test_a_home_is_saved_as_words_and_put_back_where_there_is_none(shop_less: Shop) -> None:
    words, folder, elsewhere = (shop_less.folder / name for name in ("home.words", "bled-home", "elsewhere"))
    master = restored(folder)
    saved = shop_less.run("home", "backup", "--folder", str(folder), "--out", str(words), "--json")
    assert (saved.code, words.stat().st_mode & 0o777) == (0, 0o600), saved.err
    there = shop_less.run("home", "restore", "--from", str(words), "--folder", str(folder), "--json")
    assert (there.code, there.object["outcome"]) == (78, "config-bad")
    back = shop_less.run("home", "restore", "--from", str(words), "--folder", str(elsewhere), "--json")
    assert (back.code, back.object["home"]) == (0, saved.object["home"])
    assert (elsewhere / "master.secret").read_bytes() == master
    (elsewhere / "master.secret").chmod(0o640)
    beside = shop_less.run("home", "backup", "--rpc", str(shop_less.folder / "lightning-rpc"), "--json")
    assert (beside.code, len(beside.object["words"])) == (0, 24)
    assert shop_less.run("home", "backup", "--folder", str(elsewhere)).code == 78


def restored(folder: Path) -> bytes:
    """Make a home's folder with a secret of its own."""
    master = os.urandom(32)
    restore_master(folder, master)
    return master


def test_a_small_book_goes_to_the_device_as_pictures(shop: Shop) -> None:
    codes, file, passphrase = shop.folder / "codes", shop.folder / "watch.book", shop.folder / "watch.passphrase"
    order = ("--device", "watch", "--count", "3", "--budget", "20000sat", "--qr", str(codes), "--json")
    issued = shop.run("home", "issue", str(file), *order)
    assert issued.code == 0, issued.err
    passphrase.write_text(issued.object["passphrase"])
    pictures = [*reversed(issued.object["codes"]), issued.object["codes"][0]]
    env = {"BLED_DATA_DIR": str(shop.folder / "watch")}
    some = shop.run("buyer", "import", "--qr", *pictures[2:-1], "--json", **env)
    assert (some.code, some.object["outcome"]) == (65, "book-frames-missing")
    taken = shop.run("buyer", "import", "--qr", *pictures, "--passphrase-file", str(passphrase), "--json", **env)
    assert (taken.code, taken.object["ids"]) == (0, 3), taken.err
