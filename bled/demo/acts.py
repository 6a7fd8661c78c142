"""The plays: an honest purchase, and the same purchase attacked at one point."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bled.demo.attacks import ATTACKS, Tamper, max_fee
from bled.demo.crooked_node import Crooked, CrookedLndNode, CrookedNode
from bled.demo.purchase import Meet, decision_after, last_decision, meet
from bled.demo.recorder import Recorder, Who
from bled.demo.result import Change, Result, attack_problems, purchase_problems
from bled.demo.stage import MAX_FEE_BASE, MAX_FEE_PPM, IssuedBook, Stage, open_stage
from bled.node.opening import NodeKind
from bled_codec.units import Msat

_IDS: Final = 10
_LATE_SECONDS: Final = 310
"""How long the till holds the request in the late attack; what the buyer signed ends after 300 s."""
_SHORT_BOOK_SECONDS: Final = 120
"""Life of the book that runs out."""
_OUTLIVED_SECONDS: Final = 150
"""How long the till holds the request until that book has run out; what the buyer signed is still good then."""


def book_terms(amount: Msat) -> dict[str, object]:
    """Return the terms of the demo's book: twenty such payments, at most this amount each."""
    return {
        "ids": _IDS,
        "total_msat": 20 * (amount + max_fee(amount)),
        "per_payment_msat": amount,
        "max_fee_base_msat": MAX_FEE_BASE,
        "max_fee_ppm": MAX_FEE_PPM,
        "home_label": "demo home",
    }


async def play_purchase(
    folder: Path,
    *,
    amount: Msat,
    tip: Msat,
    description: str,
    att_mtu: int,
    recorder: Recorder,
    merchant: NodeKind = NodeKind.CLN,
) -> Result:
    """Play an honest purchase, with `tip` on top of `amount`, and check everything that can be checked about it."""
    async with open_stage(folder, att_mtu=att_mtu, recorder=recorder, merchant=merchant) as stage:
        book = await stage.issue_book("phone", book_terms(Msat(amount + tip)))
        with stage.device("phone", book) as vault:
            figures = await _figures(stage, book)
            recorder.restart()
            async with meet(stage, vault, amount=amount, tip=tip, description=description) as meeting:
                sale, purchase = await asyncio.gather(meeting.sale, meeting.purchase)
                stats = meeting.stats
        decision = await decision_after(stage, 0) if sale.payment_hash is not None else {}
        recorder.add(Who.HOME, f"decided: {decision.get('code', 'nothing')}")
        result = Result(
            amount_msat=Msat(amount + tip),
            tip_msat=tip,
            sale=sale,
            purchase=purchase,
            decision=decision,
            attack=None,
            stats=stats,
            recorder=recorder,
            **_changes(figures, await _figures(stage, book)),
        )
    return replace(result, problems=purchase_problems(result))


async def play_attack(
    folder: Path,
    tamper: Tamper,
    *,
    amount: Msat,
    description: str,
    att_mtu: int,
    recorder: Recorder,
    merchant: NodeKind = NodeKind.CLN,
) -> Result:
    """Play a purchase attacked at one point, until home has decided; then see that nothing moved."""
    async with open_stage(folder, att_mtu=att_mtu, recorder=recorder, merchant=merchant, is_crooked=True) as stage:
        play = _Attacked(stage, tamper, amount=amount, description=description)
        result = await play.run()
    return replace(result, problems=attack_problems(result, ATTACKS[tamper]))


class _Attacked:
    """One attack under way."""

    def __init__(self, stage: Stage, tamper: Tamper, *, amount: Msat, description: str) -> None:
        self._stage = stage
        self._tamper = tamper
        self._attack = ATTACKS[tamper]
        self._amount = amount
        self._description = description
        self._node = _crooked(stage)
        self._plot = self._node.plot

    async def run(self) -> Result:
        """Issue the book, prepare, attack."""
        book = await self._stage.issue_book("phone", self._terms())
        self._prepare(book)
        if self._tamper is Tamper.OVER_BUDGET:
            await self._spend_honestly(book)
        device = "copy of the phone" if self._tamper is Tamper.OVER_BUDGET else "phone"
        with self._stage.device(device, book) as vault:
            if self._tamper is Tamper.REPLAY:
                return await self._replay(book, vault)
            return await self._meet_and_watch(book, vault)

    def _terms(self) -> dict[str, object]:
        terms = book_terms(self._amount)
        if self._tamper is Tamper.EXPIRED:
            terms["valid_seconds"] = _SHORT_BOOK_SECONDS
        if self._tamper is Tamper.OVER_BUDGET:
            terms |= _tight_terms(self._amount)
        return terms

    def _prepare(self, book: IssuedBook) -> None:
        self._plot.alter = self._attack.alter
        self._plot.forge = self._attack.forge
        self._plot.spare = self._tamper is Tamper.REPLAY
        if self._tamper is Tamper.REVOKED:
            self._plot.before_invoice = lambda: self._revoke(book)
        if self._tamper is Tamper.LATE:
            self._plot.before_invoice = lambda: self._hold(_LATE_SECONDS)
        if self._tamper is Tamper.EXPIRED:
            self._plot.before_invoice = lambda: self._hold(_OUTLIVED_SECONDS)

    async def _revoke(self, book: IssuedBook) -> None:
        await self._stage.home.call("bled-revoke", {"book_id": book.book_id})
        self._stage.recorder.add(Who.HOME, "book revoked", {"book_id": book.book_id})

    async def _hold(self, seconds: int) -> None:
        self._stage.let_time_pass(seconds)

    async def _spend_honestly(self, book: IssuedBook) -> None:
        """The owner buys something with the phone; the budget that is left does not cover the thief's purchase."""
        half = Msat(max(1, self._amount // 2))
        with self._stage.device("phone", book) as vault:
            async with meet(self._stage, vault, amount=half, description="the owner's own purchase") as meeting:
                await asyncio.gather(meeting.sale, meeting.purchase)

    async def _replay(self, book: IssuedBook, vault: Any) -> Result:
        stage = self._stage
        async with meet(stage, vault, amount=self._amount, description=self._description) as meeting:
            await asyncio.gather(meeting.sale, meeting.purchase)
            seq, figures = await last_decision(stage), await _figures(stage, book)
            if self._plot.spared is not None:
                invoice, path = self._plot.spared
                stage.recorder.add(Who.ATTACKER, "sends a second invoice for the paid request")
                await self._node.push(invoice, path=path)
            return await self._watch(book, meeting, seq, figures)

    async def _meet_and_watch(self, book: IssuedBook, vault: Any) -> Result:
        stage = self._stage
        seq, figures = await last_decision(stage), await _figures(stage, book)
        stage.recorder.restart()
        stage.recorder.add(Who.ATTACKER, self._attack.story)
        async with meet(stage, vault, amount=self._amount, description=self._description) as meeting:
            return await self._watch(book, meeting, seq, figures)

    async def _watch(self, book: IssuedBook, meeting: Meet, seq: int, figures: Mapping[str, int]) -> Result:
        stage = self._stage
        decision = await decision_after(stage, seq, meeting=None if self._tamper is Tamper.REPLAY else meeting)
        stage.recorder.add(Who.HOME, f"refused: {decision['code']}", {"detail": decision.get("detail", "")})
        return Result(
            amount_msat=self._amount,
            sale=meeting.sale.result() if meeting.sale.done() else None,
            purchase=meeting.purchase.result() if meeting.purchase.done() else None,
            decision=decision,
            attack=self._attack,
            stats=meeting.stats,
            recorder=stage.recorder,
            **_changes(figures, await _figures(stage, book)),
        )


def _tight_terms(amount: Msat) -> dict[str, object]:
    """A budget for one such payment, in two classes, so that owner and thief use different payer ids."""
    limits = (Msat(max(1, amount // 2)), amount)
    return {
        "ids": None,
        "total_msat": amount + max_fee(amount),
        "classes": [{"count": _IDS // 2, "per_payment_msat": limit} for limit in limits],
    }


def _crooked(stage: Stage) -> Crooked:
    if not isinstance(stage.node, CrookedNode | CrookedLndNode):
        raise TypeError("an attack needs a crooked node")
    return stage.node


async def _figures(stage: Stage, book: IssuedBook) -> dict[str, int]:
    return {"budget": await stage.budget(book), **stage.balances()}


def _changes(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, Any]:
    changes = {name: Change(before=before[name], after=after[name]) for name in before}
    return {"budget": changes.pop("budget"), "balances": changes}
