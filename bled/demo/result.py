"""What the demo found out, and whether it is what it should be."""

import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bled.buyer.meeting import Purchase
from bled.codes import EXIT_INTERNAL, EXIT_OK, EXIT_REFUSED, OUTCOMES, Code
from bled.demo.attacks import Attack
from bled.demo.recorder import Recorder
from bled.link.base import LinkStats
from bled.sales.charge import SaleResult
from bled_codec.crypto import sha256
from bled_codec.errors import CodecError
from bled_codec.invoice import Invoice
from bled_codec.request_signature import RequestSignature

_KIB: Final = 1024 if sys.platform != "darwin" else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A figure before and after, in millisatoshi."""

    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One run of the demo.

    Attributes:
        amount_msat: what the merchant gets, the tip in it.
        tip_msat: what of it is a tip.
        sale: how the till's sale ended; None when the demo stopped it after home's refusal.
        purchase: how the meeting ended for the buyer; None likewise.
        decision: what home decided about the invoice.
        attack: what was tried; None for an honest purchase.
        balances: what each node owned before and after.
    """

    amount_msat: int
    tip_msat: int = 0
    sale: SaleResult | None
    purchase: Purchase | None
    decision: Mapping[str, Any]
    attack: Attack | None
    budget: Change
    balances: Mapping[str, Change]
    stats: LinkStats
    recorder: Recorder
    problems: tuple[str, ...] = field(default=())

    @property
    def refused_by(self) -> Code | None:
        """The rule by which home refused, None for what it paid or what is no refusal."""
        known = {code.value: code for code in Code}
        code = known.get(str(self.decision.get("code")))
        return code if code is not None and OUTCOMES[code].exit_code == EXIT_REFUSED else None

    @property
    def exit_code(self) -> int:
        """0 for a purchase that is paid and proved, 77 for an attack that home stopped, 70 for anything else."""
        if self.problems:
            return EXIT_INTERNAL
        return EXIT_OK if self.attack is None else EXIT_REFUSED

    @property
    def paid_ms(self) -> float | None:
        """From the advertisement seen to the till's knowing that it was paid."""
        seen, paid = self.recorder.at("advertisement seen"), self.recorder.at("paid")
        return None if seen is None or paid is None else round(paid - seen, 1)


def request_signature(invoice: str | None) -> str:
    """Return what field 239 of an invoice is: valid, invalid or absent."""
    try:
        return Invoice.from_string(invoice or "").request_signature.value
    except CodecError:
        return RequestSignature.ABSENT.value


def peak_memory() -> int:
    """Return the most memory that this process or a child of it had, in bytes."""
    usage = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(usage) * _KIB


def purchase_problems(result: Result) -> tuple[str, ...]:
    """Return what is wrong with an honest purchase; nothing when it is paid and proved."""
    sale, purchase = result.sale, result.purchase
    if sale is None or sale.code is not Code.PAID:
        return (f"the till's sale ended as {sale.code.value if sale else 'nothing'}: {sale.detail if sale else ''}",)
    checks = {
        "the buyer's device does not know that it was paid": purchase is not None and purchase.code is Code.PAID,
        "home did not record a payment": result.decision.get("code") == Code.PAID.value,
        "field 239 is not valid": request_signature(sale.invoice) == RequestSignature.VALID.value,
        "the preimage does not prove the payment": sha256(sale.preimage or b"") == sale.payment_hash,
        "the buyer holds no proof": purchase is not None and purchase.preimage == sale.preimage is not None,
        "the till does not know the tip": (sale.amount, sale.tip) == (result.amount_msat, result.tip_msat),
        "the merchant did not get the amount": _gain(result, "merchant") == result.amount_msat,
        "home paid less than the amount": -_gain(result, "home") >= result.amount_msat,
        "the budget did not shrink by what home paid": _spent(result) == -_gain(result, "home"),
    }
    return tuple(problem for problem, right in checks.items() if not right)


def attack_problems(result: Result, attack: Attack) -> tuple[str, ...]:
    """Return what is wrong after an attack; nothing when home stopped it and nobody lost anything."""
    code = result.refused_by
    expected = ", ".join(sorted(rule.value for rule in attack.rules))
    checks = {
        f"home answered {result.decision.get('code')}, not {expected}": code in attack.rules,
        "a balance changed": all(change.before == change.after for change in result.balances.values()),
        "the budget changed": _spent(result) == 0,
    }
    return tuple(problem for problem, right in checks.items() if not right)


def _gain(result: Result, node: str) -> int:
    change = result.balances[node]
    return change.after - change.before


def _spent(result: Result) -> int:
    return result.budget.before - result.budget.after


def as_json(result: Result) -> dict[str, Any]:
    """Return the one object that `--json` prints."""
    sale, purchase, code = result.sale, result.purchase, result.refused_by
    reservation = purchase.reservation if purchase else None
    made = result.recorder.facts("invoice created")
    invoice = sale.invoice if sale else made.get("invoice")
    told: dict[str, Any] = {
        "outcome": "failed" if result.problems else ("paid" if result.attack is None else "refused"),
        "amount_msat": result.amount_msat,
        "tip_msat": result.tip_msat,
        "offer": sale.offer if sale else result.recorder.facts("offer created").get("offer"),
        "invoice_request": sale.invoice_request if sale else None,
        "invoice": invoice,
        "request_signature": request_signature(str(invoice)) if invoice else None,
        "payment_hash": sale.payment_hash.hex() if sale and sale.payment_hash else made.get("payment_hash"),
        "preimage": sale.preimage.hex() if sale and sale.preimage else None,
        "payer_id": reservation.payer_id.hex() if reservation else result.decision.get("payer_id"),
        "steps": [
            {"name": f"{step.who}: {step.name}", "at_ms": step.at_ms}
            for step in result.recorder.steps
            if not step.is_setup
        ],
        "att_pdus": result.stats.att_pdus,
        "bytes_on_air": result.stats.bytes_on_air,
        "budget_msat": {"before": result.budget.before, "after": result.budget.after},
        "balances_msat": {
            name: {"before": change.before, "after": change.after} for name, change in result.balances.items()
        },
        "paid_ms": result.paid_ms,
        "peak_memory_bytes": peak_memory(),
        "problems": list(result.problems),
    }
    if result.attack is not None:
        told["attack"] = result.attack.story
        told["rule"] = code.value if code else None
        told["sentence"] = OUTCOMES[code].buyer if code else None
    return told
