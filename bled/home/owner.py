"""RPC methods about books and payments that exist: changed limits, payments with their proofs, the state of home."""

import secrets
from collections.abc import Callable

from bled.clock import Clock
from bled.grants.keys import MAX_U32, HomeKeys
from bled.grants.limits import BookLimits
from bled.grants.proof import prove
from bled.grants.statement import encode_statement
from bled.home.answers import Answer, refunds_answer
from bled.home.changes import extended, topped_up
from bled.home.decisions import MOST_AT_ONCE
from bled.home.hook_order import HookOrder, Order, Place
from bled.home.ledger import Ledger
from bled.home.parameters import Parameters, usage
from bled.home.path_test import PathTest
from bled.home.paths import PATHS, why_not
from bled.home.policy import holds
from bled.home.rows import Book, Claim
from bled.home.version import NodeVersion
from bled.node.home_base import HomeNode, PathPeer
from bled_codec.errors import CodecError
from bled_codec.invoice import Invoice
from bled_codec.units import Msat

_MOST_SECONDS = 10 * 366 * 86_400
_MOST_TESTED = 8
_HASH_BYTES = 32


class Owner:
    """Answers calls. Every one may raise `BledError`."""

    def __init__(
        self,
        *,
        keys: HomeKeys,
        chain: bytes,
        ledger: Ledger,
        node: HomeNode,
        clock: Clock,
        path_test: PathTest,
        hook_order: HookOrder,
        version: NodeVersion,
        is_adrift: Callable[[], bool],
    ) -> None:
        """Take what the methods need; `is_adrift` says whether nothing keeps the clock in step."""
        self._keys = keys
        self._chain = chain
        self._ledger = ledger
        self._node = node
        self._clock = clock
        self._path_test = path_test
        self._hook_order = hook_order
        self._version = version
        self._is_adrift = is_adrift

    async def extend(self, params: Parameters) -> Answer:
        """Give a book more time."""
        seconds = params.seconds("seconds", least=60, most=_MOST_SECONDS)
        now = self._clock.now()
        return self._change(params, lambda limits: extended(limits, seconds, now=now))

    async def top_up(self, params: Parameters) -> Answer:
        """Give a book more money."""
        amount = params.msat("amount_msat", least=1)
        return self._change(params, lambda limits: topped_up(limits, amount))

    async def statement(self, params: Parameters) -> Answer:
        """Say the limits of a book again, for its device."""
        book = self._ledger.book(_book_id(params))
        if book is None:
            raise usage("book_id: there is no such book")
        return self._stated(book)

    def _change(self, params: Parameters, change: Callable[[BookLimits], BookLimits]) -> Answer:
        return self._stated(self._ledger.change_limits(_book_id(params), change))

    def _stated(self, book: Book) -> Answer:
        data = encode_statement(
            book.limits,
            book_id=book.book_id,
            chain=self._chain,
            issued_at=self._clock.now(),
            book_key=self._keys.book_key,
            aux=secrets.token_bytes(32),
        )
        return {
            "book_id": book.book_id,
            "device": book.device,
            "total_msat": book.limits.total_msat,
            "not_after": book.limits.not_after,
            "statement": data.hex(),
        }

    async def payments(self, params: Parameters) -> Answer:
        """List payments, newest first, with what is known of each."""
        limit = params.number("limit", 100, least=1, most=MOST_AT_ONCE)
        found = self._ledger.claims_from(params.number("offset", 0, most=MAX_U32), limit=limit)
        came = self._ledger.refunds_among([claim.payer_id for claim in found])
        return {"payments": [_payment(claim) | refunds_answer(claim, came) for claim in found]}

    async def proof(self, params: Parameters) -> Answer:
        """Prove a payment with the payer's key, which home derives again."""
        payment_hash = params.hex("payment_hash", length=_HASH_BYTES)
        claim = self._ledger.claim_for_hash(payment_hash)
        if claim is None or claim.preimage is None:
            raise usage("payment_hash: home has no proven payment with it")
        book = self._ledger.book(claim.book_id)
        if book is None or not holds(book, claim.index, claim.payer_id, keys=self._keys):
            raise usage(
                "payment_hash: the payer's key was made on the device; `bled buyer export-proof` proves it there"
            )
        key = self._keys.payer_key(book.salt, book.book_id, claim.index)
        if key is None:
            raise usage("payment_hash: its payer id has no key")
        note = params.text("note") if params.has("note") else None
        proof = prove(claim.invoice, preimage=claim.preimage, key=key, aux=secrets.token_bytes(32), note=note)
        return {"proof": proof.string, **_payment(claim)}

    async def check(self, _: Parameters) -> Answer:
        """Look at everything that a purchase needs of home, and send a message over each path that might be used."""
        home = await self._node.node_id()
        peers = [await self._checked(peer, number) for number, peer in enumerate(await self._node.path_peers())]
        usable = sum(peer["arrived"] is True for peer in peers)
        adrift, place = self._is_adrift(), await self._hook_order.find()
        return {
            "node_id": home.hex(),
            "version": self._version.text,
            "has_labels": self._version.has_labels,
            "peers": peers,
            "clock_in_step": not adrift,
            "asked_first": place.order.value,
            "problems": [*_problems(usable, adrift=adrift), *_misplaced(place), *self._version.lacks],
        }

    async def _checked(self, peer: PathPeer, number: int) -> Answer:
        reason = why_not(peer)
        arrived, taken = None, None
        if not reason and number < _MOST_TESTED:
            result = await self._path_test.run(peer)
            arrived, taken, reason = result.arrived, result.milliseconds, result.reason
        return {
            "node_id": peer.node_id.hex(),
            "alias": peer.alias,
            "arrived": arrived,
            "milliseconds": taken,
            "reason": reason,
        }


def _problems(usable: int, *, adrift: bool) -> list[str]:
    problems = []
    if usable == 0:
        problems.append("No message came home over any peer: no book can be issued, and no invoice would come home.")
    elif usable < PATHS:
        problems.append("Only one peer can begin a reply path: while it is away no invoice comes home.")
    if adrift:
        problems.append("Nothing keeps the clock in step (NTP): nothing is paid until something does.")
    return problems


def _misplaced(place: Place) -> list[str]:
    return [place.detail[0].upper() + place.detail[1:] + "."] if place.order is Order.NODE else []


def _book_id(params: Parameters) -> int:
    return params.number("book_id", most=MAX_U32)


def _payment(claim: Claim) -> Answer:
    invoice = _invoice(claim)
    fee = None if claim.amount_sent is None else Msat(claim.amount_sent - claim.amount)
    return {
        "payment_hash": claim.payment_hash.hex(),
        "payer_id": claim.payer_id.hex(),
        "book_id": claim.book_id,
        "claimed_at": claim.claimed_at,
        "state": claim.state.value,
        "amount_msat": claim.amount,
        "max_fee_msat": claim.max_fee,
        "fee_msat": fee,
        "merchant": None if invoice is None else invoice.offer_issuer,
        "merchant_id": None if invoice is None else invoice.invoice_node_id.hex(),
        "description": None if invoice is None else invoice.offer_description,
        "preimage": None if claim.preimage is None else claim.preimage.hex(),
        "invoice": None if invoice is None else invoice.string,
        "detail": claim.detail,
    }


def _invoice(claim: Claim) -> Invoice | None:
    try:
        return Invoice.decode(claim.invoice)
    except CodecError:  # of a part that the node's records showed
        return None
