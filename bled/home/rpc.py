"""The plugin's RPC methods: what the owner of a home asks it, through lightningd."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from bled.clock import Clock
from bled.codes import Failpoint
from bled.errors import Unavailable
from bled.failpoint import failpoint
from bled.grants.keys import MAX_U32, HomeKeys
from bled.home.answers import Answer, claim_answer, decision_answer, path_answer, revocation_answer
from bled.home.decisions import MOST_AT_ONCE, Decisions
from bled.home.issuing import ISSUE_PARAMETERS, find_book_of, issue, parse_order
from bled.home.ledger import Ledger
from bled.home.owner import Owner
from bled.home.parameters import Parameters, usage
from bled.home.path_test import PathTest
from bled.home.pay import Payer
from bled.home.rows import Book, ClaimState, Revoked
from bled.home.witness import Witness
from bled.node.home_base import HomeNode
from bled_codec.crypto import parse_point
from bled_codec.errors import CodecError
from bled_codec.units import Point

_LARGEST_SEQ: Final = 2**53


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One RPC method: the names of its parameters in order, and what lightningd's help says."""

    names: tuple[str, ...]
    usage: str
    description: str
    run: Callable[["HomeRpc", Parameters], Awaitable[Answer]]


class HomeRpc:
    """Answers calls. Every one may raise `BledError`."""

    def __init__(
        self,
        *,
        keys: HomeKeys,
        chain: bytes,
        ledger: Ledger,
        witness: Witness,
        payer: Payer,
        decisions: Decisions,
        node: HomeNode,
        clock: Clock,
        path_test: PathTest,
        owner: Owner,
    ) -> None:
        """Take what the methods need."""
        self.owner = owner
        self._keys = keys
        self._chain = chain
        self._ledger = ledger
        self._witness = witness
        self._payer = payer
        self._decisions = decisions
        self._node = node
        self._clock = clock
        self._path_test = path_test

    async def call(self, method: str, params: object) -> Answer:
        """Return the answer of one of `METHODS`. Raises `BledError`, `USAGE` for parameters that cannot be meant."""
        known = METHODS[method]
        return await known.run(self, Parameters.bind(params, known.names))

    async def issue(self, params: Parameters) -> Answer:
        """Issue a book."""
        order = parse_order(params, now=self._clock.now())
        issued = await issue(
            order,
            keys=self._keys,
            chain=self._chain,
            ledger=self._ledger,
            witness=self._witness,
            node=self._node,
            test_path=self._path_test.run,
        )
        book = issued.book
        return {
            "book_id": book.book_id,
            "device": book.device,
            "ids": book.ids,
            "not_after": book.limits.not_after,
            "paths": [path_answer(each) for each in issued.paths],
            "passphrase": issued.passphrase,
            "book": issued.data.hex(),
        }

    async def revoke(self, params: Parameters) -> Answer:
        """Revoke a book, the books of a device, one payer id, or everything: exactly one of them is named.

        A payer id whose key was made on the device is named with its book: home cannot know it by itself.

        The revocation is final when it is committed. `kept_by_node` says whether the node keeps that there was one, so
        that an old copy of the ledger cannot forget it; if not yet, it will before the next payment.
        """
        answer = revocation_answer(await self._revoked(params))
        failpoint(Failpoint.HOME_REVOKED)
        return answer | {"kept_by_node": await self._is_kept()}

    async def _is_kept(self) -> bool:
        try:
            await self._witness.testify(now=self._clock.now())
        except Unavailable:
            return False
        return True

    async def _revoked(self, params: Parameters) -> Revoked:
        now = self._clock.now()
        if params.has("book_id") and params.has("payer_id") and len(params.values) == 2:
            return self._revoke_id_of(params)
        if len(params.values) != 1:
            raise usage("one of book_id, device, payer_id and all is needed")
        if params.has("device"):
            return self._ledger.revoke_device(params.text("device"), now=now)
        if params.has("book_id"):
            return self._ledger.revoke_book(params.number("book_id", most=MAX_U32), now=now)
        if params.has("payer_id"):
            return await self._revoke_id(_payer_id(params))
        if not params.flag("all"):
            raise usage("all: must be true")
        return self._ledger.revoke_all(now=now)

    async def _revoke_id(self, payer_id: Point) -> Revoked:
        books = self._ledger.books()
        book = await asyncio.to_thread(find_book_of, payer_id, keys=self._keys, books=books)
        return self._ledger.revoke_id(payer_id, book_id=book.book_id, now=self._clock.now())

    def _revoke_id_of(self, params: Parameters) -> Revoked:
        book = self._ledger.book(params.number("book_id", most=MAX_U32))
        if book is None:
            raise usage("book_id: there is no such book")
        return self._ledger.revoke_id(_payer_id(params), book_id=book.book_id, now=self._clock.now())

    async def list(self, _: Parameters) -> Answer:
        """List the books and what they have used."""
        return {"books": [self._listed(book) for book in self._ledger.books()]}

    def _listed(self, book: Book) -> Answer:
        used, revoked = self._ledger.sums(book.book_id).used, self._ledger.revoked_ids(book.book_id)
        return {
            "book_id": book.book_id,
            "device": book.device,
            "ids": book.ids,
            "used": used,
            "ids_left": 0 if book.revoked_at is not None else max(0, book.ids - used - revoked),
            "revoked": book.revoked_at is not None,
            "revoked_ids": revoked,
            "not_before": book.limits.not_before,
            "not_after": book.limits.not_after,
            **self._budget(book),
        }

    async def budget(self, params: Parameters) -> Answer:
        """Say what one book may still spend."""
        book = self._ledger.book(params.number("book_id", most=MAX_U32))
        if book is None:
            raise usage("book_id: there is no such book")
        return {"book_id": book.book_id, **self._budget(book)}

    def _budget(self, book: Book) -> Answer:
        sums = self._ledger.sums(book.book_id)
        total = book.limits.total_msat
        return {
            "total_msat": total,
            "spent_msat": sums.spent,
            "reserved_msat": sums.reserved,
            "remaining_msat": max(0, total - sums.spent - sums.reserved),
        }

    async def decisions(self, params: Parameters) -> Answer:
        """List what was decided about invoices, oldest first."""
        since = params.number("since", 0, most=_LARGEST_SEQ)
        limit = params.number("limit", 100, least=1, most=MOST_AT_ONCE)
        found = [decision_answer(each) for each in self._decisions.since(since, limit=limit)]
        return {"decisions": found, "refused": self._decisions.counts}

    async def claims(self, params: Parameters) -> Answer:
        """List the newest claims, newest first."""
        limit = params.number("limit", 1000, least=1, most=MOST_AT_ONCE)
        return {"claims": [claim_answer(each) for each in self._ledger.claims(limit=limit)]}

    async def settle(self, params: Parameters) -> Answer:
        """End a claim by its owner's word, when the node has forgotten what became of it."""
        claim = self._ledger.claim_for(_payer_id(params))
        if claim is None or claim.state is not ClaimState.SENT:
            raise usage("payer_id: it has no claim whose outcome is unknown")
        if not params.has("paid"):
            raise usage("paid: true or false is needed")
        await self._payer.settle(claim, was_paid=params.flag("paid"))
        return claim_answer(self._ledger.claim_for(claim.payer_id) or claim)

    async def trust_clock(self, _: Parameters) -> Answer:
        """Take the present time for right, although it was later before: its owner has checked the clock."""
        now = self._clock.now()
        self._ledger.trust_time(now)
        return {"now": now}


def _payer_id(params: Parameters) -> Point:
    try:
        return parse_point(params.hex("payer_id", length=33))
    except CodecError:
        raise usage("payer_id: no point of the curve") from None


METHODS: Final = {
    "bled-issue": Method(
        names=ISSUE_PARAMETERS,
        usage="device ids total_msat [per_payment_msat] [per_day_msat] [valid_seconds] [max_fee_base_msat] "
        "[max_fee_ppm] [home_label] [passphrase] [classes] [introductions] [allow_one_path] [self_test] [keys]",
        description="Issue a book of payer ids for a device; the answer holds it wrapped under a generated passphrase. "
        "Amounts are in millisatoshi or 2000sat, durations in seconds or 30d, classes 5:2000000sat:7d. "
        "Name one yourself over the socket only, for everybody on the machine may read arguments of commands.",
        run=HomeRpc.issue,
    ),
    "bled-revoke": Method(
        names=("book_id", "payer_id", "all", "device"),
        usage="[book_id] [payer_id] [all] [device]",
        description="Revoke a book, one payer id, all books of a device, or everything; says what is in flight and "
        "what was paid already.",
        run=HomeRpc.revoke,
    ),
    "bled-list": Method(names=(), usage="", description="List the books and what they have used.", run=HomeRpc.list),
    "bled-budget": Method(
        names=("book_id",), usage="book_id", description="Say what one book may still spend.", run=HomeRpc.budget
    ),
    "bled-decisions": Method(
        names=("since", "limit"),
        usage="[since] [limit]",
        description="List what was decided about invoices, oldest first.",
        run=HomeRpc.decisions,
    ),
    "bled-settle": Method(
        names=("payer_id", "paid"),
        usage="payer_id paid",
        description="End a claim whose outcome the node has forgotten, by your word that it was paid or was not.",
        run=HomeRpc.settle,
    ),
    "bled-trust-clock": Method(
        names=(),
        usage="",
        description="Take the node's present time for right after its clock was ahead; check the clock first.",
        run=HomeRpc.trust_clock,
    ),
    "bled-extend": Method(
        names=("book_id", "seconds"),
        usage="book_id seconds",
        description="Give a book more time, in seconds or 30d; the answer holds a statement for its device to import.",
        run=lambda rpc, params: rpc.owner.extend(params),
    ),
    "bled-top-up": Method(
        names=("book_id", "amount_msat"),
        usage="book_id amount_msat",
        description="Give a book more money, in millisatoshi or 2000sat; the answer holds a statement for its device.",
        run=lambda rpc, params: rpc.owner.top_up(params),
    ),
    "bled-statement": Method(
        names=("book_id",),
        usage="book_id",
        description="Say the present limits of a book, signed, for its device to import.",
        run=lambda rpc, params: rpc.owner.statement(params),
    ),
    "bled-payments": Method(
        names=("limit", "offset"),
        usage="[limit] [offset]",
        description="List payments, newest first, with state, fee, merchant and preimage.",
        run=lambda rpc, params: rpc.owner.payments(params),
    ),
    "bled-proof": Method(
        names=("payment_hash", "note"),
        usage="payment_hash [note]",
        description="Make a payer proof (lnp) of a payment, with a note of your own in it.",
        run=lambda rpc, params: rpc.owner.proof(params),
    ),
    "bled-check": Method(
        names=(),
        usage="",
        description="Look at version, clock and peers, and send a message over each reply path that might be used.",
        run=lambda rpc, params: rpc.owner.check(params),
    ),
    "bled-claims": Method(names=("limit",), usage="[limit]", description="List the newest claims.", run=HomeRpc.claims),
}
"""Every method by the name that lightningd knows it by."""
