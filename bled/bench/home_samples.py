"""Purchases as they come home, from fixed keys, and the book that they are made with. Toy keys, no money."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from bled.grants.grant import Grant
from bled.grants.issue import issue_book
from bled.grants.keys import HomeKeys
from bled.grants.limits import BookLimits, GrantClass, MaxFee
from bled.grants.metadata import path_secret
from bled_codec.blinded_path import BlindedPayinfo, create_blinded_path
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import create_invoice
from bled_codec.invoice_request import create_invoice_request
from bled_codec.offer import create_offer
from bled_codec.units import Msat, UnixTime

NOW: Final = UnixTime(1_795_000_000)
SALT: Final = b"salt of a sample"
KEYS: Final = HomeKeys.from_master(bytes(range(32)))
AMOUNT: Final = Msat(15_000)
AUX: Final = bytes(32)
_LASTING: Final = 300
_TILL: Final = SecretKey(b"\x51" * 32)
_HOPS: Final = (SecretKey(b"\x52" * 32), SecretKey(b"\x55" * 32))
"""Two peers of home: the paths of a payer id begin at different ones."""
_HOME: Final = SecretKey(b"\x53" * 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """An invoice as it comes, and the secret of the path that it comes over."""

    invoice: bytes
    secret: bytes = field(repr=False)


def limits(*, first_index: int, count: int) -> BookLimits:
    """Return limits that let every id of a book pay."""
    total, until = Msat(AMOUNT * count * 2), UnixTime(NOW + 30 * 86_400)
    only = GrantClass(first_index=first_index, count=count, per_payment_msat=AMOUNT, not_before=NOW, not_after=until)
    return BookLimits(
        total_msat=total,
        per_payment_msat=AMOUNT,
        per_day_msat=total,
        payments=count,
        not_before=NOW,
        not_after=until,
        max_fee=MaxFee(base_msat=Msat(5_000), ppm=10_000),
        classes=(only,),
    )


def purchases(*, book_id: int, first_index: int, count: int) -> tuple[Purchase, ...]:
    """Return one purchase with each of `count` ids of a book, from an index on."""
    book = issue_book(
        KEYS,
        book_id=book_id,
        book_salt=SALT,
        device="bench",
        chain=REGTEST_CHAIN,
        issued_at=NOW,
        limits=limits(first_index=first_index, count=count),
        home_label="home",
        routes=[(hop.public_key, _HOME.public_key) for hop in _HOPS],
        entropy=_entropy(),
    )
    return tuple(_purchase(grant) for grant in book.grants)


def _purchase(grant: Grant) -> Purchase:
    offer = create_offer(
        description="flat white",
        amount=AMOUNT,
        chains=[REGTEST_CHAIN],
        absolute_expiry=UnixTime(NOW + _LASTING),
        issuer_id=_TILL.public_key,
    )
    request = create_invoice_request(
        offer,
        metadata=grant.metadata,
        payer_id=grant.payer_id,
        amount=AMOUNT,
        chain=REGTEST_CHAIN,
        paths=grant.invreq_paths,
    ).sign(grant.secret or _TILL, aux=AUX)
    path = create_blinded_path([_TILL.public_key], [b""], session_key=SecretKey(sha256(grant.payer_id)))
    free = BlindedPayinfo(
        fee_base_msat=0,
        fee_proportional_millionths=0,
        cltv_expiry_delta=18,
        htlc_minimum_msat=Msat(0),
        htlc_maximum_msat=Msat(10**9),
    )
    invoice = create_invoice(
        request,
        payment_hash=sha256(grant.payer_id),
        created_at=NOW,
        node_id=_TILL.public_key,
        amount=AMOUNT,
        relative_expiry=_LASTING,
        paths=[path],
        blindedpay=[free],
    ).sign(_TILL, aux=AUX)
    return Purchase(invoice=invoice.encode(), secret=path_secret(KEYS, grant.payer_id))


def _entropy() -> Callable[[int], bytes]:
    """Return a source of other bytes each time, and of the same ones in each book."""
    drawn = count()
    return lambda length: hashlib.shake_256(b"bench %d" % next(drawn)).digest(length)
