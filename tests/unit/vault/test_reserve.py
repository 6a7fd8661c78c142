"""Reserving: the right id, the right bytes, on the disk, and never twice."""

from pathlib import Path

from bled.codes import Code
from bled.vault.vault import Vault
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.checks import check_request_for_offer
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer
from bled_codec.units import Msat, UnixTime


def test_the_request_answers_the_offer_by_every_rule(vault: Vault, offer: Offer, now: UnixTime) -> None:
    reservation = vault.reserve(offer, amount=Msat(15_000), now=now)
    request = InvoiceRequest.decode(reservation.request)
    check_request_for_offer(request, offer, chain=REGTEST_CHAIN, now=now)
    assert (request.invreq_payer_id, request.invreq_amount, request.invreq_chain) == (
        reservation.payer_id,
        15_000,
        REGTEST_CHAIN,
    )
    assert len(request.invreq_paths or ()) == 2
    assert len(request.invreq_metadata) == 24


def test_a_reservation_survives_the_vault(vault: Vault, folder: Path, offer: Offer, now: UnixTime) -> None:
    reservation = vault.reserve(offer, amount=Msat(15_000), now=now)
    vault.close()
    with Vault.open(folder) as reopened:
        entry = reopened.history()[0]
        following = reopened.reserve(offer, amount=Msat(15_000), now=now)
    assert (entry.request, entry.code) == (reservation.request, Code.OUTCOME_UNKNOWN)
    assert following.payer_id != reservation.payer_id
