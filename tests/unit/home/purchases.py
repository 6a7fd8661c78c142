"""Everything a purchase needs before it comes home: a book, an offer, a signed request, an invoice."""

import hashlib
import itertools
from dataclasses import dataclass, field, replace

from bled.grants.book import GrantBook
from bled.grants.grant import Grant
from bled.grants.issue import issue_book
from bled.grants.keys import HomeKeys
from bled.grants.limits import BookLimits, GrantClass, MaxFee
from bled.grants.metadata import path_secret
from bled.home.rows import Book
from bled_codec.blinded_path import create_blinded_path
from bled_codec.blinded_payinfo import BlindedPayinfo
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import Invoice, create_invoice
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request
from bled_codec.offer import Offer, create_offer
from bled_codec.units import MAX_MSAT, Msat, UnixTime

NOW = UnixTime(1_795_000_000)
AUX = bytes(32)
_entropy = itertools.count(1)


def entropy(length: int) -> bytes:
    """Return bytes that no call before returned, the same in every run."""
    return hashlib.shake_256(b"tests/home" + next(_entropy).to_bytes(8, "big")).digest(length)


def key(name: str) -> SecretKey:
    return SecretKey(sha256(name.encode()))


MERCHANT, HOP, HOME = key("merchant"), key("hop"), key("home")
FREE = BlindedPayinfo(
    fee_base_msat=0,
    fee_proportional_millionths=0,
    cltv_expiry_delta=18,
    htlc_minimum_msat=Msat(0),
    htlc_maximum_msat=MAX_MSAT,
)


def limits(*, now: UnixTime = NOW, ids: int = 5, **changes: object) -> BookLimits:
    """Return limits of 1,000,000 msat in all, for 30 days."""
    until = UnixTime(now + 30 * 86_400)
    one_class = GrantClass(first_index=0, count=ids, per_payment_msat=Msat(400_000), not_before=now, not_after=until)
    whole = BookLimits(
        total_msat=Msat(1_000_000),
        per_payment_msat=Msat(400_000),
        per_day_msat=Msat(1_000_000),
        payments=ids,
        not_before=now,
        not_after=until,
        max_fee=MaxFee(base_msat=Msat(5_000), ppm=10_000),
        classes=(one_class,),
    )
    return replace(whole, **changes)


@dataclass(kw_only=True)
class Purchases:
    """A home's book, and purchases with it."""

    keys: HomeKeys = field(default_factory=lambda: HomeKeys.from_master(bytes(range(32))))
    now: UnixTime = NOW
    book_id: int = 1
    salt: bytes = b"sixteen bytes ok"
    ids: int = 5
    book_limits: BookLimits | None = None

    def __post_init__(self) -> None:
        self.book_limits = self.book_limits or limits(now=self.now, ids=self.ids)
        self.grants: GrantBook = issue_book(
            self.keys,
            book_id=self.book_id,
            book_salt=self.salt,
            device="phone",
            chain=REGTEST_CHAIN,
            issued_at=self.now,
            limits=self.book_limits,
            home_label="home",
            routes=[(HOP.public_key, HOME.public_key)],
            entropy=entropy,
        )

    @property
    def row(self) -> Book:
        """What the ledger keeps of the book."""
        return Book(
            book_id=self.book_id,
            salt=self.salt,
            device="phone",
            home_label="home",
            issued_at=self.now,
            ids=self.ids,
            limits=self.book_limits,
        )

    def grant(self, index: int = 0) -> Grant:
        return self.grants.grants[index]

    def secret(self, index: int = 0) -> bytes:
        """Return what the hook brings with a message over the paths of this id."""
        return path_secret(self.keys, self.grant(index).payer_id)


def offer(*, now: UnixTime = NOW, lasting: int | None = 300, amount: int | None = 15_000, **fields: object) -> Offer:
    """Return a till's offer; it has no expiry when `lasting` is None."""
    values: dict[str, object] = {
        "description": "two coffees",
        "chains": [REGTEST_CHAIN],
        "absolute_expiry": None if lasting is None else UnixTime(now + lasting),
        "issuer_id": MERCHANT.public_key,
    }
    return create_offer(amount=amount, **values | fields)


def request(
    grant: Grant,
    to: Offer | None = None,
    *,
    amount: int | None = 15_000,
    chain: bytes | None = REGTEST_CHAIN,
    signer: SecretKey | None = None,
    **fields: object,
) -> InvoiceRequest:
    """Return what the buyer's device signs."""
    values: dict[str, object] = {"metadata": grant.metadata, "payer_id": grant.payer_id, "paths": grant.invreq_paths}
    unsigned = create_invoice_request(
        offer() if to is None else to, amount=None if amount is None else Msat(amount), chain=chain, **values | fields
    )
    return unsigned.sign(signer or grant.secret, aux=AUX)


def invoice(
    to: InvoiceRequest,
    *,
    now: UnixTime = NOW,
    amount: int = 15_000,
    preimage: bytes = b"p" * 32,
    lasting: int = 300,
    signer: SecretKey = MERCHANT,
    payinfo: BlindedPayinfo = FREE,
    with_request_signature: bool = True,
) -> Invoice:
    """Return what the till's node answers."""
    path = create_blinded_path([signer.public_key], [b""], session_key=SecretKey(entropy(32)))
    unsigned = create_invoice(
        to,
        payment_hash=sha256(preimage),
        created_at=now,
        node_id=signer.public_key,
        amount=Msat(amount),
        relative_expiry=lasting,
        paths=[path],
        blindedpay=[payinfo],
        with_request_signature=with_request_signature,
    )
    return unsigned.sign(signer, aux=AUX)
