"""Each attack on a purchase meets the plugin itself, and the refusal that its name promises. Nothing is paid."""

import asyncio

import pytest

from bled_codec.fields import Field, ordered
from bled_codec.invoice import invoice_digest
from bled_codec.tlv import join_records, make_record

pytestmark = pytest.mark.system


def altered(house, invoice, changes, *, signer=None) -> bytes:
    """Return the invoice with records changed, signed again by the till's node or a thief's."""
    records = {record.type: record for record in invoice.records if record.type != Field.SIGNATURE}
    for type_, value in changes.items():
        records.pop(type_, None)
        if value is not None:
            records[type_] = make_record(type_, value)
    kept = ordered(records.values())
    signature = (signer or house.purchases.MERCHANT).sign(invoice_digest(kept), aux=bytes(32))
    return join_records([*kept, make_record(Field.SIGNATURE, signature)])


async def test_every_attack_is_named_and_none_is_paid(house) -> None:
    shop = house.purchases
    thief = shop.key("thief")
    honest = house.invoice(house.request())
    amount = {Field.INVREQ_AMOUNT: b"\x75\x30", Field.INVOICE_AMOUNT: b"\x75\x30"}
    free = shop.FREE
    attacks = {
        "request-signature-invalid": [
            altered(house, honest, amount),
            altered(house, honest, {Field.OFFER_DESCRIPTION: b"gold"}),
            altered(house, honest, {Field.INVOICE_REQUEST_SIGNATURE: bytes(64)}),
            altered(
                house,
                honest,
                {Field.OFFER_ISSUER_ID: thief.public_key, Field.INVOICE_NODE_ID: thief.public_key},
                signer=thief,
            ),
        ],
        "request-signature-absent": [altered(house, honest, {Field.INVOICE_REQUEST_SIGNATURE: None})],
        "payee-mismatch": [altered(house, honest, {Field.INVOICE_NODE_ID: thief.public_key}, signer=thief)],
        "amount-mismatch": [altered(house, honest, {Field.INVOICE_AMOUNT: b"\x75\x30"})],
        "bad-invoice": [honest.encode() + b"\x00"],
        "wrong-chain": [house.invoice(house.request(to=shop.offer(now=house.now, chains=None), chain=None)).encode()],
        "request-without-expiry": [
            house.invoice(house.request(to=shop.offer(now=house.now, lasting=None))).encode(),
        ],
        "request-expired": [house.invoice(house.request(to=shop.offer(now=house.now, lasting=-1))).encode()],
        "too-late-to-pay": [house.invoice(house.request(), lasting=10).encode()],
        "fee-too-high": [
            house.invoice(house.request(), payinfo=type(free)(**_fields(free) | {"fee_base_msat": 2_576})).encode()
        ],
        "over-payment-limit": [
            house.invoice(
                house.request(to=shop.offer(now=house.now, amount=400_001), amount=400_001), amount=400_001
            ).encode()
        ],
    }
    since = 0
    for code, invoices in attacks.items():
        for invoice in invoices:
            assert await house.node.hook(invoice, house.secret()) == "resolve"
            since = (await house.node.decision(code, since=since))["seq"]
    assert await house.node.claims() == []
    assert house.node.xpay_calls == []
    counted = (await house.node.ask("bled-decisions", {}))["refused"]
    assert counted == {code: len(invoices) for code, invoices in sorted(attacks.items())}


def _fields(value) -> dict[str, object]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


async def test_what_came_over_no_path_of_ours_is_left_to_the_node_and_written_down(house) -> None:
    """The node then answers as any other would: nobody learns from it which node issued a payer id."""
    honest = house.invoice(house.request())
    assert await house.node.hook(honest.encode(), house.secret(1)) == "continue"
    wrong = await house.node.decision("wrong-path")
    assert wrong["payer_id"] == house.grant().payer_id.hex()
    till = house.purchases.key("till")
    strange = house.purchases.request(
        house.grant(), house.purchases.offer(now=house.now), signer=till, payer_id=till.public_key
    )
    assert await house.node.hook(house.invoice(strange).encode(), house.secret()) == "continue"
    await house.node.decision("wrong-path", since=wrong["seq"])
    assert house.node.xpay_calls == []


async def test_a_stolen_device_stops_at_revocation(house) -> None:
    assert (await house.node.ask("bled-revoke", {"all": True}))["revoked"] == [house.issued["book_id"]]
    await house.node.hook(house.invoice(house.request()).encode(), house.secret())
    await house.node.decision("revoked")
    assert house.node.xpay_calls == []


async def test_one_lost_payer_id_can_be_revoked_by_itself(house) -> None:
    lost = house.grant().payer_id.hex()
    assert await house.node.ask("bled-revoke", {"payer_id": lost}) == {
        "revoked": [lost],
        "in_flight": [],
        "already_paid": [],
        "kept_by_node": True,
    }
    await house.node.hook(house.invoice(house.request()).encode(), house.secret())
    await house.node.decision("revoked")
    await house.node.hook(house.invoice(house.request(1), preimage=b"s" * 32).encode(), house.secret(1))
    await house.node.decision("paid")


async def test_revocation_after_paying_says_that_it_came_too_late(house) -> None:
    invoice = house.invoice(house.request())
    await house.node.hook(invoice.encode(), house.secret())
    await house.node.decision("paid")
    answer = await house.node.ask("bled-revoke", {"book_id": house.issued["book_id"]})
    assert answer == {
        "revoked": [house.issued["book_id"]],
        "in_flight": [],
        "already_paid": [
            {
                "payer_id": house.grant().payer_id.hex(),
                "amount_msat": 15_000,
                "payment_hash": invoice.invoice_payment_hash.hex(),
            }
        ],
        "kept_by_node": True,
    }


async def test_an_invoice_for_a_used_payment_hash_is_not_paid(house) -> None:
    await house.node.hook(house.invoice(house.request()).encode(), house.secret())
    await house.node.decision("paid")
    await house.node.hook(house.invoice(house.request(1)).encode(), house.secret(1))
    await house.node.decision("payment-hash-used")
    assert len(house.node.xpay_calls) == 1


async def test_broken_invoices_by_the_hundred_leave_an_honest_one_over_another_path_alone(house) -> None:
    data = house.invoice(house.request()).encode()
    for place in range(0, len(data), 4):
        broken = bytearray(data)
        broken[place] ^= 0x55
        await house.node.hook(bytes(broken), house.secret())
    await house.node.hook(house.invoice(house.request(1)).encode(), house.secret(1))
    await house.node.decision("paid")
    assert len(house.node.xpay_calls) == 1


async def test_a_path_that_was_flooded_works_again_as_soon_as_the_flood_ends(house) -> None:
    """A till sends again what was dropped."""
    data = house.invoice(house.request()).encode()
    for _ in range(100):
        await house.node.hook(data + b"\x00", house.secret())
    async with asyncio.timeout(15):
        while not house.node.xpay_calls:
            await house.node.hook(data, house.secret())
            await asyncio.sleep(0.1)
    await house.node.decision("paid")
    assert len(house.node.xpay_calls) == 1
