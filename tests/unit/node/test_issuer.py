"""The till as issuer: its key, and the book of what it signed."""

import stat
from pathlib import Path

import pytest

from bled.codes import Code
from bled.errors import BledError, ConfigurationError
from bled.node.issuer_book import IssuedInvoice, IssuedOffer, IssuerBook
from bled.node.issuer_key import load_or_make_issuer_key
from bled.node.opening import NodeKind, parse_address
from bled_codec.crypto import SecretKey

NODE, ISSUER, OTHER = (SecretKey(bytes([number]) * 32).public_key for number in (1, 2, 3))
OFFER = IssuedOffer(offer_id=b"\x01" * 32, label="sale", text="lno1", is_open=True)


@pytest.fixture
def book(tmp_path: Path):
    opened = IssuerBook(tmp_path / "till" / "issuer.sqlite")
    yield opened
    opened.close()


def invoice(label: str = "one", payment_hash: bytes = b"\x09" * 32) -> IssuedInvoice:
    return IssuedInvoice(label=label, offer_id=OFFER.offer_id, payment_hash=payment_hash, text=None)


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "till" / "issuer.key"
    key = load_or_make_issuer_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_make_issuer_key(path) == key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "issuer.key"
    load_or_make_issuer_key(path)
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_or_make_issuer_key(path)


def test_a_credential_of_systemd_is_guarded_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "issuer.key"
    key = load_or_make_issuer_key(path)
    path.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert load_or_make_issuer_key(path) == key


@pytest.mark.parametrize("content", [b"", b"short", bytes(32), b"x" * 33])
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "issuer.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match="no secret key"):
        load_or_make_issuer_key(path)


def test_a_book_belongs_to_one_node_and_one_key(book: IssuerBook) -> None:
    book.belong_to(NODE, ISSUER)
    book.belong_to(NODE, ISSUER)
    for pair in ((OTHER, ISSUER), (NODE, OTHER)):
        with pytest.raises(ConfigurationError) as caught:
            book.belong_to(*pair)
        assert caught.value.code is Code.CONFIG_BAD


def test_offers_are_found_by_id_and_label_closed_ones_too(book: IssuerBook) -> None:
    book.add_offer(OFFER)
    book.close_offer(OFFER.offer_id)
    book.close_offer(bytes(32))
    (found,) = book.offers_under("sale")
    assert found == book.offer(OFFER.offer_id)
    assert not found.is_open
    assert book.offer(bytes(32)) is None


def test_an_invoice_is_begun_once_and_signed_once(book: IssuerBook) -> None:
    book.add_offer(OFFER)
    book.begin_invoice(invoice())
    book.begin_invoice(invoice())
    book.sign_invoice("one", "lni1")
    book.sign_invoice("one", "another")
    assert book.invoice("one").text == "lni1"
    assert [row.label for row in book.invoices_of(OFFER.offer_id)] == ["one"]


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (invoice(payment_hash=b"\x08" * 32), Code.NODE_PROTOCOL),
        (invoice(label="two"), Code.NODE_PROTOCOL),
    ],
)
def test_neither_a_label_nor_a_hash_is_used_twice(book: IssuerBook, second: IssuedInvoice, code: Code) -> None:
    book.add_offer(OFFER)
    book.begin_invoice(invoice())
    with pytest.raises(BledError) as caught:
        book.begin_invoice(second)
    assert caught.value.code is code


@pytest.mark.parametrize("closed", [True, False])
def test_an_offer_that_is_closed_or_unknown_gets_no_invoice(book: IssuerBook, closed: bool) -> None:
    if closed:
        book.add_offer(OFFER)
        book.close_offer(OFFER.offer_id)
    with pytest.raises(BledError) as caught:
        book.begin_invoice(invoice())
    assert caught.value.code is Code.NODE_REFUSED


def test_what_was_begun_before_its_offer_was_closed_is_never_signed(book: IssuerBook) -> None:
    """The sale was told that nothing can be paid any more: an invoice that is signed later could be."""
    book.add_offer(OFFER)
    book.begin_invoice(invoice())
    book.close_offer(OFFER.offer_id)
    for act in (lambda: book.begin_invoice(invoice()), lambda: book.sign_invoice("one", "lni1")):
        with pytest.raises(BledError) as caught:
            act()
        assert caught.value.code is Code.NODE_REFUSED
    assert book.invoice("one").text is None


def test_what_was_signed_before_its_offer_was_closed_is_found_again(book: IssuerBook) -> None:
    book.add_offer(OFFER)
    book.begin_invoice(invoice())
    book.sign_invoice("one", "lni1")
    book.close_offer(OFFER.offer_id)
    book.begin_invoice(invoice())
    assert book.invoice("one").text == "lni1"


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"not a database, and long enough to be looked at as one " * 20)
    with pytest.raises(BledError) as caught:
        IssuerBook(other)
    assert caught.value.code is Code.STORE_BROKEN


@pytest.mark.parametrize(
    ("text", "kind"),
    [("node:9736", NodeKind.CLN), ("cln://node:9736", NodeKind.CLN), ("lnd://[::1]:10009", NodeKind.LND)],
)
def test_an_address_says_which_kind_of_node_it_is(text: str, kind: NodeKind) -> None:
    where = parse_address(text)
    assert (where.kind, where.target) == (kind, text.rpartition("://")[2])


@pytest.mark.parametrize("text", ["http://node:1", "lnd://node", "://node:1", "LND://node:1", ""])
def test_what_is_no_address_of_a_node_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_address(text)
