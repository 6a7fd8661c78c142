"""What the owner of a home does from the command line, against the plugin in the sandbox."""

import pytest

from .conftest import Shop

pytestmark = pytest.mark.system


def test_a_book_is_issued_as_it_was_ordered_and_its_paths_are_shown(shop: Shop) -> None:
    file = shop.folder / "phone.book"
    order = ("--device", "phone", "--budget", "500000sat", "--count", "3", "--valid-for", "30d")
    limits = ("--per-payment", "50000sat", "--class", "2:200000sat:7d", "--class", "1:400000sat:1d")
    issued = shop.run("home", "issue", str(file), *order, *limits)
    assert issued.code == 0, issued.err
    for words in (
        "book 1 for phone, 6 payments",
        "through hop",
        "through relay",
        "a message came home",
        "Passphrase: ",
    ):
        assert words in issued.out
    passphrase = shop.folder / "passphrase"
    passphrase.write_text(issued.out.split("Passphrase: ")[1].splitlines()[0])
    env = {"BLED_DATA_DIR": str(shop.folder / "phone")}
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
