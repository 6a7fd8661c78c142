"""The buyer's vault: grant books, and every signature ever made with them.

Money rules 1 and 2 live in `Vault.reserve`: the exact bytes are on the disk before the signature leaves it, and the
payer id that signed them never signs again, whatever becomes of the sale.
"""

import os
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from bled.codes import Code, Failpoint
from bled.errors import BledError, PeerError, Refused
from bled.failpoint import failpoint
from bled.gatt.code_limits import OpenTries
from bled.grants.book import Grant, GrantBook, decode_book
from bled.grants.key_request import encode_key_request
from bled.grants.limits import BookLimits
from bled.grants.proof import prove
from bled.grants.statement import LimitsStatement, decode_statement
from bled.grants.wrapping import is_wrapped, unwrap_book
from bled.vault.choice import Choice, choose
from bled.vault.device_keys import DeviceKeys
from bled.vault.receipt import check_receipt
from bled.vault.records import BookSummary, HistoryEntry, Reservation
from bled.vault.signing import sign_request
from bled.vault.store import Store, open_store, read_store
from bled.vault.tables import Tables
from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.offer import Offer
from bled_codec.payer_proof import PayerProof
from bled_codec.units import Msat, Point, UnixTime

__all__ = ["BookSummary", "HistoryEntry", "Reservation", "Vault"]


class Vault:
    """An open vault. One process at a time has it; `close` gives it free. Not for several threads.

    Every method raises `BledError` (`STORE_BROKEN`) when the disk does not read or write.
    """

    def __init__(self, store: Store) -> None:
        """Take over an open store; `Vault.open` is the way in."""
        self._store = store
        self._tables = Tables(store)
        self._device_keys = DeviceKeys(store)

    @classmethod
    def open(cls, folder: Path, *, create: bool = True) -> "Vault":
        """Open the vault in `folder`; `create` makes a new one when there is none.

        Raises `BledError`: `CONFIG_BAD` without a vault or permission, `STORE_LOCKED` while another process has it,
        `STORE_VERSION` when another version of bled wrote it, `STORE_BROKEN`.
        """
        return cls(open_store(folder, create=create))

    @classmethod
    def read(cls, folder: Path) -> "Vault":
        """Open a vault that another process has, to look at it. Raises `BledError` as `open`; whatever writes fails."""
        return cls(read_store(folder))

    def close(self) -> None:
        """Close the vault. May be called again."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def import_book(self, data: bytes, *, passphrase: str | None, chain: bytes, now: UnixTime) -> GrantBook:
        """Check a book's file, take it whole or not at all, and return it.

        The first book pins its home's key and its chain. `passphrase` is for a wrapped book. Raises `BledError`: all
        of `unwrap_book` and `decode_book`, `BOOK_OTHER_HOME`, `BOOK_ALREADY_IMPORTED`.
        """
        book = decode_book(_unwrapped(data, passphrase), chain=chain, now=now)
        with self._store.change():
            book = replace(book, grants=self._device_keys.join(book.grants))
            self._check_new(book)
            self._tables.add_book(book)
            self._device_keys.drop(grant.payer_id for grant in book.grants)
        return book

    def make_keys(self, count: int, *, device: str, now: UnixTime) -> bytes:
        """Make `count` payer keys, and return the file that asks home for a book for them.

        The keys are on the disk when this returns, and stay here. Raises `ValueError` for a name that cannot be shown
        or a number outside of 1 to 10,000.
        """
        keys = [SecretKey(os.urandom(32)) for _ in range(count)]
        request = encode_key_request(keys, device=device, made_at=now, aux=os.urandom(32))
        with self._store.change():
            self._device_keys.add(keys, now=now)
        return request

    def import_limits(self, data: bytes) -> LimitsStatement:
        """Take changed limits of a book that is here, by home's own statement, and return it.

        Raises `BledError`: all of `decode_statement`, `BOOK_OTHER_HOME`, `BOOK_CHAIN`, `BOOK_UNKNOWN`,
        `BOOK_NEWER_HERE`.
        """
        statement = decode_statement(data)
        with self._store.change():
            self._check_home(statement.book_key, statement.chain)
            present = self._tables.present_limits(statement.book_id)
            if present is None:
                raise BledError(Code.BOOK_UNKNOWN, detail=f"book {statement.book_id}")
            issued_at, limits = present
            # Home only ever widens a book, so of two statements of one second the wider one is the later.
            if (statement.issued_at, *_width(statement.limits)) < (issued_at, *_width(limits)):
                raise BledError(Code.BOOK_NEWER_HERE, detail=f"of {statement.issued_at}, here since {issued_at}")
            self._tables.set_limits(statement)
        return statement

    def prove(self, payer_id: Point, *, note: str | None) -> PayerProof:
        """Return the proof of a payment, from the receipt that the till sent, signed with the payer's own key.

        Raises `Refused` (`PAYER_ID_NOT_ISSUED`) when nothing was signed with this id, and `PeerError`
        (`PROOF_MISMATCH`) without a receipt that proves the payment.
        """
        entry = next((entry for entry in self._tables.history() if entry.payer_id == payer_id), None)
        if entry is None:
            raise Refused(Code.PAYER_ID_NOT_ISSUED, detail="nothing was signed with this payer id")
        if not entry.proven or entry.invoice is None or entry.preimage is None:
            raise PeerError(Code.PROOF_MISMATCH, detail="the till sent no receipt that proves this payment")
        key = self._tables.grant(entry.book_id, entry.index).secret
        if key is None:
            raise BledError(Code.STORE_BROKEN, detail="the key of this payer id is gone")
        return prove(entry.invoice, preimage=entry.preimage, key=key, aux=os.urandom(32), note=note)

    def _check_new(self, book: GrantBook) -> None:
        self._check_home(book.book_key, book.chain)
        if self._tables.has_book(book.book_id):
            raise BledError(Code.BOOK_ALREADY_IMPORTED, detail=f"book {book.book_id}")
        if any(self._tables.has_grant(grant.payer_id) for grant in book.grants):
            raise BledError(Code.BOOK_ALREADY_IMPORTED, detail="one of its payer ids is here in another book")
        if all(grant.secret is None for grant in book.grants):
            raise BledError(Code.BOOK_KEYS_ELSEWHERE)

    def _check_home(self, book_key: bytes, chain: bytes) -> None:
        home_key, own_chain = self._tables.pinned()
        if home_key not in (None, book_key):
            raise Refused(Code.BOOK_OTHER_HOME, detail=f"signed by {book_key.hex()}, not by {home_key.hex()}")
        if own_chain not in (None, chain):
            raise BledError(Code.BOOK_CHAIN, detail="the vault has books of another chain")

    def clock_trusted(self, now: UnixTime) -> bool:
        """Say whether `now` can be right: not before the issue of a book, nor before the last use of the vault."""
        return now >= self.earliest_now()

    def earliest_now(self) -> UnixTime:
        """Return a time that has certainly passed, whatever any clock says."""
        return self._tables.earliest_now()

    def max_fee(self, amount: Msat, *, now: UnixTime) -> Msat:
        """Return the maximum fee of the payment that `reserve` would make of the same arguments.

        Raises `Refused` as `reserve` does.
        """
        return self._choose(amount, now).max_fee

    def reserve(
        self, offer: Offer, *, amount: Msat, now: UnixTime, clock_trusted: bool = True, allows_refund: bool = False
    ) -> Reservation:
        """Sign a request for `offer`, burn its payer id, and return when both are on the disk.

        `allows_refund` signs the payer id's refund offer with it.
        Unless `clock_trusted`, `now` is a till's word, and is not remembered as a time that has passed.
        Raises `Refused`: `NO_GRANT_LEFT`, what `check_limits` refuses, `OFFER_WITHOUT_EXPIRY`; `PeerError` for an
        offer that cannot be answered; nothing is burnt then. `BledError` (`STORE_BROKEN`): the signature is not given
        out, the id may be burnt.
        """
        with self._store.change():
            choice = self._choose(amount, now)
            grant = self._tables.grant(choice.book_id, choice.index)
            reservation = self._sign(grant, choice, offer, amount, now, allows_refund=allows_refund)
            self._tables.add_reservation(reservation, now)
            if clock_trusted:
                self._tables.saw(now)
        failpoint(Failpoint.BUYER_RESERVED)
        return reservation

    def _choose(self, amount: Msat, now: UnixTime) -> Choice:
        return choose(self._tables.candidates(now), amount=amount, now=now)

    def _sign(
        self, grant: Grant, choice: Choice, offer: Offer, amount: Msat, now: UnixTime, *, allows_refund: bool
    ) -> Reservation:
        _, chain = self._tables.pinned()
        request = sign_request(
            grant,
            offer,
            amount=amount,
            chain=chain or BITCOIN_CHAIN,
            aux=os.urandom(32),
            now=now,
            allows_refund=allows_refund,
        )
        return Reservation(
            request=request.encode(),
            payer_id=grant.payer_id,
            amount=amount,
            max_fee=choice.max_fee,
            offer=offer,
        )

    def record_outcome(
        self,
        payer_id: Point,
        code: Code,
        *,
        invoice: bytes | None,
        preimage: bytes | None,
        now: UnixTime,
        reader_key: bytes | None = None,
    ) -> None:
        """Record what the till said of a payment. Nothing is ever given back here: only home knows.

        `reader_key`, 32 bytes, is that of the till's reader: it is remembered when the payment is recorded as made.

        `PAID` with an invoice is checked. Raises `BledError` (`PROOF_MISMATCH`), recorded as well, and `Refused`
        (`PAYER_ID_NOT_ISSUED`) when nothing was signed with `payer_id`.
        """
        request = self._tables.request_of(payer_id)
        fault = None
        if code is Code.PAID and invoice is not None:
            fault = _fault(request=request, invoice=invoice, preimage=preimage)
        proven = code is Code.PAID and invoice is not None and fault is None
        said = code if fault is None else fault.code
        with self._store.change():
            self._tables.add_outcome(payer_id, said, proven=proven, invoice=invoice, preimage=preimage, at=now)
            self._tables.saw(now)
            if said is Code.PAID and reader_key is not None:
                self._tables.add_payment_at(reader_key, now)
        if fault is not None:
            raise fault

    def times_paid_at(self, reader_key: bytes) -> int:
        """Return how many payments were made at the till with this key: a hint for people, never a licence."""
        return self._tables.payments_at(reader_key)

    def open_tries(self) -> OpenTries:
        """Return the tries in open mode that may still count."""
        return OpenTries(times=self._tables.open_tries())

    def keep_open_tries(self, tries: OpenTries) -> None:
        """Have `tries` on the disk when this returns."""
        with self._store.change():
            self._tables.set_open_tries(tries.times)

    def books(self, *, now: UnixTime) -> tuple[BookSummary, ...]:
        """Return what is left of every book, by number."""
        return self._tables.summaries(now)

    def history(self) -> tuple[HistoryEntry, ...]:
        """Return everything that was ever signed, oldest first."""
        return self._tables.history()


def _unwrapped(data: bytes, passphrase: str | None) -> bytes:
    if not is_wrapped(data):
        return data
    if passphrase is None:
        raise BledError(Code.BOOK_PASSPHRASE, detail="the book is wrapped and needs its passphrase")
    return unwrap_book(data, passphrase=passphrase)


def _fault(*, request: bytes, invoice: bytes, preimage: bytes | None) -> BledError | None:
    try:
        check_receipt(request=request, invoice=invoice, preimage=preimage)
    except PeerError as error:
        return error
    return None


def _width(limits: BookLimits) -> tuple[int, int]:
    return limits.total_msat, limits.not_after
