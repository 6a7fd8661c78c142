"""A whole purchase, as loud as it can be: no process writes a secret to any stream, and secret files are private."""

import stat
import time

import pytest

from bled.grants.book import decode_book
from bled.grants.wrapping import unwrap_book
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.units import UnixTime

from .conftest import Shop, ended

pytestmark = pytest.mark.system

_KEY_FILES = ("master.secret", "vault.key", "node.secret", "reader.key")
_PRIVATE = (*_KEY_FILES, "vault.sqlite", "client-key.pem", "phone.book")


def _bytes_kept_secret(shop: Shop) -> dict[str, bytes]:
    """Return what nobody but its owner may know, from the owners' files."""
    book = unwrap_book(
        (shop.folder / "phone.book").read_bytes(), passphrase=(shop.folder / "phone.passphrase").read_text().strip()
    )
    grants = decode_book(book, chain=REGTEST_CHAIN, now=UnixTime(int(time.time()))).grants
    keys = {f"payer key {grant.index}": grant.secret.reveal() for grant in grants if grant.secret is not None}
    files = {str(path): path.read_bytes() for name in _KEY_FILES for path in shop.folder.rglob(name)}
    assert (len(keys), len(files)) == (10, 7)  # one master secret, one vault, four nodes, one reader
    return keys | files


def _everything_written(shop: Shop) -> str:
    """End what still runs; return all that every process wrote to stdout and stderr."""
    shop.children[0].terminate()
    return "".join(end.out + end.err for end in map(ended, shop.children))


def test_no_process_of_a_purchase_writes_a_secret(shop: Shop) -> None:
    phone = shop.phone()
    selling, code = shop.charge("--verbose")
    buyer = shop.run("buyer", "run", "--engage", code, "--auto-approve-below", "3000sat", "--verbose", **phone)
    till = ended(selling)
    assert (till.code, buyer.code) == (0, 0), till.err
    written = _everything_written(shop)
    assert "flat white" in written
    leaked = [
        name
        for name, secret in _bytes_kept_secret(shop).items()
        if secret.hex() in written.lower() or repr(secret)[2:-1] in written
    ]
    assert leaked == []
    assert "PRIVATE KEY" not in written


def test_the_passphrase_is_told_once_to_the_one_who_issued_the_book(shop: Shop) -> None:
    shop.phone()
    passphrase = (shop.folder / "phone.passphrase").read_text().strip()
    assert _everything_written(shop).count(passphrase) == 1


def test_files_with_secrets_are_for_their_owner_alone(shop: Shop) -> None:
    shop.phone()
    shop.run("merchant", "charge", "1", "--description", "nobody comes", "--wait", "1")
    files = [path for name in _PRIVATE for path in shop.folder.rglob(name)]
    assert {path.name for path in files} == set(_PRIVATE)
    assert [str(path) for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
