"""What the plugin's RPC methods tell of claims, decisions, paths and revocations, as JSON. Pure."""

from collections.abc import Sequence
from typing import Any

from bled.home.paths import PathResult
from bled.home.refund_rows import HomeRefund
from bled.home.rows import Claim, Decision, Revoked

Answer = dict[str, Any]
"""The `result` of a call."""


def path_answer(path: PathResult) -> Answer:
    """Return what is told of a reply path."""
    return {
        "introduction": path.introduction.hex(),
        "alias": path.alias,
        "arrived": path.arrived,
        "milliseconds": path.milliseconds,
    }


def revocation_answer(revoked: Revoked) -> Answer:
    """Return what a revocation did, and what it came too late for."""
    return {
        "revoked": [*revoked.books, *(payer_id.hex() for payer_id in revoked.payer_ids)],
        "in_flight": [_money(claim) for claim in revoked.in_flight],
        "already_paid": [_money(claim) for claim in revoked.already_paid],
    }


def _money(claim: Claim) -> Answer:
    return {
        "payer_id": claim.payer_id.hex(),
        "amount_msat": claim.amount,
        "payment_hash": claim.payment_hash.hex(),
    }


def decision_answer(decision: Decision) -> Answer:
    """Return what is told of a decision."""
    return {
        "seq": decision.seq,
        "at": decision.at,
        "code": decision.code.value,
        "detail": decision.detail,
        "payer_id": _hex(decision.payer_id),
        "payment_hash": _hex(decision.payment_hash),
        "amount_msat": decision.amount,
        **_proof(decision.preimage),
    }


def claim_answer(claim: Claim) -> Answer:
    """Return what is told of a claim."""
    return {
        **_money(claim),
        "book_id": claim.book_id,
        "index": claim.index,
        "max_fee_msat": claim.max_fee,
        "claimed_at": claim.claimed_at,
        "sent_at": claim.sent_at,
        "state": claim.state.value,
        "amount_sent_msat": claim.amount_sent,
        "detail": claim.detail,
        **_proof(claim.preimage),
    }


def refunds_answer(claim: Claim, came: Sequence[HomeRefund]) -> Answer:
    """Return what came back of a payment, in all and one by one."""
    own = [refund for refund in came if refund.payer_id == claim.payer_id]
    told = [
        {
            "payment_hash": refund.payment_hash.hex(),
            "amount_msat": refund.amount,
            "received_msat": refund.received,
            "received_at": refund.received_at,
        }
        for refund in own
    ]
    return {"refunded_msat": sum(refund.received or 0 for refund in own), "refunds": told}


def _proof(preimage: bytes | None) -> Answer:
    return {} if preimage is None else {"preimage": preimage.hex()}


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()
