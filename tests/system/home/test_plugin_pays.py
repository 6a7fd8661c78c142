"""The plugin as lightningd starts it: issue a book, take an invoice, pay it once, tell its owner."""

import pytest

pytestmark = pytest.mark.system


async def test_a_signed_invoice_is_paid_and_its_proof_is_kept(house) -> None:
    paid = house.invoice(house.request())
    assert await house.node.hook(paid.encode(), house.secret()) == "resolve"
    decision = await house.node.decision("paid")
    assert decision["preimage"] == (b"p" * 32).hex()
    assert decision["amount_msat"] == 15_000
    budget = await house.budget()
    assert (budget["spent_msat"], budget["reserved_msat"], budget["remaining_msat"]) == (15_001, 0, 984_999)


async def test_the_node_is_asked_with_the_limits_of_the_book(house) -> None:
    await house.node.hook(house.invoice(house.request()).encode(), house.secret())
    await house.node.decision("paid")
    (call,) = house.node.xpay_calls
    assert (call["maxfee"], call["retry_for"], call["maxdelay"]) == (5_150, 60, 504)
    assert call["label"] == house.grant().payer_id.hex()


async def test_the_same_invoice_again_is_silently_the_same_claim(house) -> None:
    paid = house.invoice(house.request())
    for _ in range(3):
        assert await house.node.hook(paid.encode(), house.secret()) == "resolve"
    await house.node.decision("paid")
    assert await house.node.hook(paid.encode(), house.secret()) == "resolve"
    await house.node.hook(house.invoice(house.request(1), preimage=b"q" * 32).encode(), house.secret(1))
    await house.node.decisions(2, code="paid")
    assert [call["label"] for call in house.node.xpay_calls] == [house.grant(i).payer_id.hex() for i in (0, 1)]
    decisions = (await house.node.ask("bled-decisions", {}))["decisions"]
    assert {each["code"] for each in decisions} == {"paid"}
