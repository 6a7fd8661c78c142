"""A purchase between real nodes: book, offer, signed request, invoice with field 239, onion, verification, payment."""

import importlib.util
import secrets
import sys
import time
from pathlib import Path

import pytest

from bled.grants.book import decode_book
from bled.grants.wrapping import unwrap_book
from bled.node.base import invoice_label
from bled.node.cln_onions import invoice_onion
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey, parse_point, sha256
from bled_codec.invoice import Invoice, create_invoice
from bled_codec.invoice_request import create_invoice_request
from bled_codec.offer import Offer
from bled_codec.units import Msat, UnixTime

_PATH = Path(__file__).with_name("nodes.py")
_SPEC = importlib.util.spec_from_file_location("tests_regtest_nodes", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
sys.modules[_SPEC.name] = nodes = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(nodes)

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        bool(nodes.MISSING), reason=f"real nodes are needed, and these are not on PATH: {', '.join(nodes.MISSING)}"
    ),
]

AMOUNT = Msat(15_000)


def now() -> UnixTime:
    return UnixTime(int(time.time()))


async def book_from(home, hop):
    """Have home issue a book whose reply paths begin at the hop."""
    order = {"device": "phone", "ids": 3, "total_msat": 1_000_000, "introductions": [hop.node_id]}
    issued = await home.call("bled-issue", **order)
    clear = unwrap_book(bytes.fromhex(issued["book"]), passphrase=issued["passphrase"])
    return decode_book(clear, chain=REGTEST_CHAIN, now=now())


async def signed_request(merchant, grant):
    """Have the merchant's node make an offer, and the buyer's device sign for it."""
    # Two offers of the same words and second would be one, which a purchase has used up.
    terms = {"description": f"coffee {grant.index}", "absolute_expiry": now() + 300, "single_use": True}
    made = await merchant.call("offer", amount=f"{AMOUNT}msat", **terms)
    return create_invoice_request(
        Offer.from_string(made["bolt12"]),
        metadata=grant.metadata,
        payer_id=grant.payer_id,
        amount=AMOUNT,
        chain=REGTEST_CHAIN,
        paths=grant.invreq_paths,
    ).sign(grant.secret, aux=bytes(32))


async def invoice_for(merchant, request):
    """Have the merchant's node sign an invoice with field 239, under the label of its offers plugin."""
    preimage = secrets.token_bytes(32)
    draft = create_invoice(
        request,
        payment_hash=sha256(preimage),
        created_at=now(),
        node_id=parse_point(bytes.fromhex(merchant.node_id)),
        amount=AMOUNT,
        relative_expiry=300,
    )
    offer_id = Offer.decode(b"".join(record.raw for record in request.offer_records)).offer_id
    label = invoice_label(offer_id, request.invreq_payer_id)
    made = await merchant.call("createinvoice", invstring=draft.string, label=label, preimage=preimage.hex())
    return Invoice.from_string(made["bolt12"]), label, preimage


async def deliver(merchant, invoice) -> None:
    """Send an invoice along the buyer's reply path."""
    onion = invoice_onion(
        parse_point(bytes.fromhex(merchant.node_id)),
        invoice.encode(),
        path=invoice.invreq_paths[0],
        path_session=SecretKey(secrets.token_bytes(32)),
        onion_session=SecretKey(secrets.token_bytes(32)),
    )
    await merchant.call("injectonionmessage", path_key=onion.path_key.hex(), message=onion.onion.hex())


async def test_a_purchase_between_real_nodes_is_paid_once(folder) -> None:
    plugin = Path(sys.executable).with_name("bled-home")
    async with nodes.town(folder, plugin) as (merchant, hop, home):
        book = await book_from(home, hop)
        invoice, label, preimage = await invoice_for(merchant, await signed_request(merchant, book.grants[0]))
        for _ in range(2):  # the till sends again, as it does
            await deliver(merchant, invoice)

        async def decided() -> list[dict[str, object]]:
            decisions = (await home.call("bled-decisions"))["decisions"]
            return [each for each in decisions if each["code"] == "paid"]

        (paid,) = await nodes.until(decided, f"home has paid: {home.log()}")
        assert paid["preimage"] == preimage.hex()
        (row,) = (await merchant.call("listinvoices", label=label))["invoices"]
        assert (row["status"], row["amount_received_msat"]) == ("paid", AMOUNT)
        parts = (await home.call("listsendpays", payment_hash=invoice.invoice_payment_hash.hex()))["payments"]
        assert [(part["status"], part["label"]) for part in parts] == [("complete", book.grants[0].payer_id.hex())]

        stolen, _, _ = await invoice_for(merchant, await signed_request(merchant, book.grants[1]))
        await home.call("bled-revoke", all=True)
        await deliver(merchant, stolen)

        async def refused() -> bool:
            return any(each["code"] == "revoked" for each in (await home.call("bled-decisions"))["decisions"])

        await nodes.until(refused, f"home has refused: {home.log()}")
        assert len((await home.call("bled-claims"))["claims"]) == 1
