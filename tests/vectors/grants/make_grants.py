"""Recipe of grants.json: every secret and every random byte fixed, so that the same file comes out.

Run `python tests/vectors/grants/make_grants.py` after a deliberate change of the format, and say so in the changelog.
`test_grants_vectors.py` holds that the recipe still makes the committed file, and checks that file without our code.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bled.grants.book import Grant, GrantBook, encode_book
from bled.grants.issue import issue_book
from bled.grants.keys import HomeKeys
from bled.grants.limits import BookLimits, GrantClass, MaxFee
from bled.grants.metadata import path_secret
from bled.grants.wrapping import create_passphrase, wrap_book
from bled.vault.signing import sign_request
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.offer import Offer, create_offer
from bled_codec.units import Msat, UnixTime

FILE = Path(__file__).with_name("grants.json")

MASTER = hashlib.sha256(b"bled vector: master").digest()
BOOK_SALT = hashlib.sha256(b"bled vector: book salt").digest()[:16]
BOOK_ID = 7
ISSUED_AT = UnixTime(1_800_000_000)
NOT_AFTER = UnixTime(ISSUED_AT + 30 * 86_400)
NODE_KEYS = {name: hashlib.sha256(f"bled vector: {name}".encode()).digest() for name in ("hop 1", "hop 2", "home")}
MERCHANT = SecretKey(hashlib.sha256(b"bled vector: merchant").digest())
PASSPHRASE_ENTROPY = hashlib.sha256(b"bled vector: passphrase").digest()[:10]
WRAP_SALT = hashlib.sha256(b"bled vector: salt").digest()[:16]
WRAP_NONCE = hashlib.sha256(b"bled vector: nonce").digest()[:12]
AUX = hashlib.sha256(b"bled vector: aux").digest()
LIMITS = BookLimits(
    total_msat=Msat(50_000_000),
    per_payment_msat=Msat(20_000_000),
    per_day_msat=Msat(30_000_000),
    payments=4,
    not_before=ISSUED_AT,
    not_after=NOT_AFTER,
    max_fee=MaxFee(base_msat=Msat(5_000), ppm=10_000),
    classes=(
        GrantClass(first_index=0, count=3, per_payment_msat=Msat(1_000_000), not_before=ISSUED_AT, not_after=NOT_AFTER),
        GrantClass(
            first_index=100,
            count=1,
            per_payment_msat=Msat(20_000_000),
            not_before=ISSUED_AT,
            not_after=UnixTime(ISSUED_AT + 7 * 86_400),
        ),
    ),
)


def stream() -> Callable[[int], bytes]:
    """Return the entropy of the issue: SHA-256 of a counter, cut to the length asked for (at most 32)."""
    counter = 0

    def entropy(length: int) -> bytes:
        nonlocal counter
        counter += 1
        return hashlib.sha256(f"bled vector: entropy {counter}".encode()).digest()[:length]

    return entropy


def make_book(keys: HomeKeys) -> GrantBook:
    """Return the book: four ids in two classes, two paths of two hops each."""
    nodes = {name: SecretKey(secret).public_key for name, secret in NODE_KEYS.items()}
    return issue_book(
        keys,
        book_id=BOOK_ID,
        book_salt=BOOK_SALT,
        device="vector phone",
        chain=REGTEST_CHAIN,
        issued_at=ISSUED_AT,
        limits=LIMITS,
        home_label="vector home",
        routes=[[nodes["hop 1"], nodes["home"]], [nodes["hop 2"], nodes["home"]]],
        entropy=stream(),
    )


def make_offer() -> Offer:
    """Return the offer that the request answers."""
    return create_offer(
        description="coffee",
        amount=150_000,
        chains=[REGTEST_CHAIN],
        absolute_expiry=UnixTime(ISSUED_AT + 400),
        issuer_id=MERCHANT.public_key,
    )


def make_vector() -> dict[str, Any]:
    """Return the whole content of the file."""
    keys = HomeKeys.from_master(MASTER)
    book = make_book(keys)
    signed = encode_book(book, book_key=keys.book_key, aux=AUX)
    passphrase = create_passphrase(PASSPHRASE_ENTROPY)
    offer = make_offer()
    request = sign_request(
        book.grants[1], offer, amount=Msat(150_000), chain=REGTEST_CHAIN, aux=AUX, now=UnixTime(ISSUED_AT + 100)
    )
    return {
        "description": "One grant book of home: from its master secret to a request that the device signed.",
        "master": MASTER.hex(),
        "book_salt": BOOK_SALT.hex(),
        "book_id": BOOK_ID,
        "issued_at": ISSUED_AT,
        "node_keys": {name: secret.hex() for name, secret in NODE_KEYS.items()},
        "derived": {
            "siv_key": keys.siv_key.hex(),
            "path_key": keys.path_key.hex(),
            "book_key": keys.book_key.reveal().hex(),
        },
        "grants": [describe_grant(keys, grant) for grant in book.grants],
        "aux": AUX.hex(),
        "book": signed.hex(),
        "book_sha256": hashlib.sha256(signed).hexdigest(),
        "passphrase": passphrase,
        "wrapped": wrap_book(signed, passphrase=passphrase, salt=WRAP_SALT, nonce=WRAP_NONCE).hex(),
        "offer": offer.string,
        "request_index": book.grants[1].index,
        "invoice_request": request.string,
        "invoice_request_hex": request.encode().hex(),
    }


def describe_grant(keys: HomeKeys, grant: Grant) -> dict[str, Any]:
    """Return what belongs to one payer id, with the path secret that only home knows."""
    return {
        "index": grant.index,
        "secret": None if grant.secret is None else grant.secret.reveal().hex(),
        "payer_id": grant.payer_id.hex(),
        "metadata": grant.metadata.hex(),
        "path_secret": path_secret(keys, grant.payer_id).hex(),
        "paths": [path.hex() for path in grant.paths],
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(make_vector(), indent=1) + "\n", encoding="utf-8")
