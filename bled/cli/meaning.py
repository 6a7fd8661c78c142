"""What a payer proof proves, and what it does not, in words."""

from datetime import UTC, datetime

from bled.cli.amount import format_amount
from bled.cli.plain import printable
from bled_codec.payer_proof import PayerProof


def meaning_of(proof: PayerProof) -> tuple[str, ...]:
    """Return sentences about a proof that holds; a merchant's and a payer's own texts are quoted, not believed."""
    copied = "" if proof.proof_note else "Without a note it may be a copy: ask for one with a note of your own. "
    return (
        (
            f"Whoever has the secret of the payer id {proof.invreq_payer_id.hex()} paid {_amount(proof)} "
            f"to {_payee(proof)}{_what(proof)}{_when(proof)}, and signed this proof."
        ),
        *_note(proof),
        (
            f"It does not say who that is: a payer id is used once, and names nobody. {copied}"
            "Nor does it say that the goods were handed over, or that the money was not given back."
        ),
    )


def _amount(proof: PayerProof) -> str:
    return "an amount that is not shown" if proof.invoice_amount is None else format_amount(proof.invoice_amount)


def _payee(proof: PayerProof) -> str:
    issuer = f'"{printable(proof.offer_issuer)}", ' if proof.offer_issuer else ""
    return f"{issuer}the node {proof.invoice_node_id.hex()}"


def _what(proof: PayerProof) -> str:
    return f' for "{printable(proof.offer_description)}"' if proof.offer_description else ""


def _when(proof: PayerProof) -> str:
    if proof.invoice_created_at is None:
        return ""
    try:
        return f" on an invoice of {datetime.fromtimestamp(proof.invoice_created_at, UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError):  # a time that no calendar has
        return ""


def _note(proof: PayerProof) -> tuple[str, ...]:
    return (f'The payer added: "{printable(proof.proof_note)}"',) if proof.proof_note else ()
