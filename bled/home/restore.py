"""A ledger that came back from an old copy: found out from the node's records, before any new work.

The node keeps every payment under the payer id as its label, and it is asked for one only when the claim is SENT on the
disk. A part that this ledger does not know, or holds for never asked, was sent by a later state of it: the copy's
counters are wrong, and ids that it holds for fresh are used. So those claims are added or set right, and every book is
revoked.
"""

from typing import Final

from bled.codes import Code
from bled.errors import Refused
from bled.grants.keys import HomeKeys
from bled.grants.metadata import open_metadata
from bled.home.ledger import Ledger
from bled.home.ledger_owner import NO_BOOK
from bled.home.policy import MOST_SECONDS_FOR_ATTEMPTS, is_of
from bled.home.rows import Claim, ClaimState, Found
from bled.node.home_base import HomeNode, PartsStatus, SentPart
from bled_codec.crypto import parse_point
from bled_codec.errors import CodecError
from bled_codec.invoice import Invoice
from bled_codec.units import Msat, UnixTime

_PAYER_ID_DIGITS: Final = 66
OLD_COPY: Final = Refused(Code.REVOKED, detail="the ledger is an old copy; every book was revoked, issue new ones")
"""What to tell the owner."""


async def compare_records(*, node: HomeNode, ledger: Ledger, keys: HomeKeys, now: UnixTime) -> bool:
    """Read what the node sent since the last time; revoke every book when the ledger is older than that.

    Says whether it was. Claims that were added or opened again are SENT and
    still to be looked up. Raises `Unavailable`; calling again goes on where this stopped.
    """
    is_older = False
    while True:
        page = await node.sent_since(ledger.records_read() + 1)
        if not page.parts:
            return is_older
        found = [
            Found(claim=claim, may_have_arrived=await _may_have_arrived(part, claim, node, ledger))
            for part in page.parts
            if (claim := _claim_of_ours(part, ledger, keys)) is not None
        ]
        is_older = (bool(found) and ledger.adopt(found, now=now)) or is_older
        ledger.note_records_read(page.parts[-1].number)
        if page.is_last:
            return is_older
        ledger.keep_records_read()


async def _may_have_arrived(part: SentPart, claim: Claim, node: HomeNode, ledger: Ledger) -> bool:
    """Say whether a part has not failed; when the ledger holds its payment for failed, by what the node says now.

    The records were read a moment ago, and another may have seen since that it failed.
    """
    if part.has_failed:
        return False
    known = ledger.claim_for(claim.payer_id)
    if known is None or known.state is not ClaimState.FAILED:
        return True
    parts = await node.lookup(claim.payment_hash, label=claim.payer_id.hex())
    return parts.status is not PartsStatus.NOTHING


def _is_known(part: SentPart, ledger: Ledger) -> bool:
    """Say whether a part is of a payment that this ledger knows to be sent: nothing can be learnt from it.

    Nearly all are. It spares them the reading of their invoice, while a buyer waits.
    """
    try:
        payer_id = parse_point(bytes.fromhex(part.label or ""))
    except (ValueError, CodecError):
        return False
    known = ledger.claim_for(payer_id)
    if known is None or known.payment_hash != part.payment_hash:
        return False
    return known.state in (ClaimState.SENT, ClaimState.PAID)


def _claim_of_ours(part: SentPart, ledger: Ledger, keys: HomeKeys) -> Claim | None:
    """Return the claim behind a part, when it was sent for a payer id that these keys issued."""
    if part.label is None or part.invoice is None or len(part.label) != _PAYER_ID_DIGITS:
        return None
    if _is_known(part, ledger):
        return None
    try:
        invoice = Invoice.from_string(part.invoice)
        issued = open_metadata(keys, invoice.invreq_metadata, invoice.invreq_payer_id)
    except (CodecError, Refused):
        return None
    if invoice.invreq_payer_id.hex() != part.label:
        return None
    book = ledger.book(issued.book_id)
    known = book is not None and is_of(book, issued, invoice.invreq_payer_id, keys=keys)
    return Claim(
        payer_id=invoice.invreq_payer_id,
        book_id=issued.book_id if known or book is None else NO_BOOK,
        index=issued.index,
        payment_hash=invoice.invoice_payment_hash,
        amount=invoice.invoice_amount,
        max_fee=Msat(max(0, part.amount_sent - invoice.invoice_amount)),
        invoice=invoice.encode(),
        claimed_at=part.created_at,
        pay_before=part.created_at,
        state=ClaimState.SENT,
        sent_at=part.created_at,
        retry_for=MOST_SECONDS_FOR_ATTEMPTS,
        node=ledger.node,
    )
