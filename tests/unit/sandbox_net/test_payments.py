"""Paying in the sandbox: balances move once, whatever happens in between."""

import asyncio
from typing import Any

import pytest

from bled import failpoint
from bled.errors import BledError
from bled.sandbox.books_paths import STUB_PAYINFO
from bled.sandbox.books_rows import InvoiceStatus
from bled.sandbox.commit_time import COMMIT_SECONDS, seconds_on_the_way
from bled.sandbox.rpc_error import RpcError
from bled.sandbox.sendpays import SendPayStatus
from bled.sandbox.xpay_args import XpayArgs
from bled_codec.blinded_path import EncryptedData, create_blinded_path
from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.invoice import Invoice, create_invoice
from bled_codec.units import Msat

FIRST = {"home": 1_000_000_000, "hop": 1_000_000_000, "merchant": 1_000_000_000}
PAID = {"home": 999_984_999, "hop": 1_000_000_001, "merchant": 1_000_015_000}


def _args(invoice: Invoice, **params: Any) -> XpayArgs:
    return XpayArgs.read({"invstring": invoice.string, **params})


async def _pay(world: Any, invoice: Invoice, payer: str = "home", **params: Any) -> Any:
    return await world.payments.xpay(world.node(payer), _args(invoice, **params))


async def _refusal(world: Any, invoice: Invoice, payer: str = "home", **params: Any) -> RpcError:
    with pytest.raises(RpcError) as caught:
        await _pay(world, invoice, payer, **params)
    return caught.value


def _statuses(world: Any) -> list[SendPayStatus]:
    return [row.status for row in world.payments.sendpays(world.node("home"))]


async def test_a_payment_moves_the_amount_and_leaves_the_hop_its_fee(world: Any, till: Any) -> None:
    result = await _pay(world, till.invoice(15_000))
    assert world.accounts.balances() == PAID
    assert result["amount_sent_msat"] == 15_001
    assert world.node("hop").info().fees_collected == 1
    assert world.node("merchant").info().fees_collected == 0


async def test_a_payment_is_on_its_way_for_as_long_as_its_channels_commit(world: Any, till: Any) -> None:
    await _pay(world, till.invoice(15_000))
    assert world.on_the_way == [2]
    assert seconds_on_the_way(channels=2, commit_seconds=COMMIT_SECONDS) == pytest.approx(0.040)


async def test_the_payee_knows_its_invoice_as_paid_with_the_revealed_preimage(world: Any, till: Any) -> None:
    invoice = till.invoice(15_000)
    result = await _pay(world, invoice)
    (row,) = world.node("merchant").books.list_invoices(payment_hash=invoice.invoice_payment_hash)
    assert row.status is InvoiceStatus.PAID
    assert row.preimage.hex() == result["payment_preimage"]


async def test_what_was_paid_can_be_paid_back(world: Any, till: Any) -> None:
    await _pay(world, till.invoice(15_000))
    await _pay(world, till.invoice(10_000, issuer="home"), "merchant")
    assert world.accounts.balances() == {"home": 999_994_999, "hop": 1_000_000_002, "merchant": 1_000_004_999}


async def test_a_whole_balance_can_be_spent_but_not_more(world: Any, till: Any) -> None:
    assert (await _refusal(world, till.invoice(1_000_000_000))).code == 205
    await _pay(world, till.invoice(999_989_999))
    assert world.accounts.balances()["home"] == 1


async def test_payments_under_way_hold_their_money(world: Any, till: Any) -> None:
    world.gate.clear()
    first = asyncio.create_task(_pay(world, till.invoice(600_000_000)))
    await asyncio.sleep(0)
    assert (await _refusal(world, till.invoice(600_000_000))).code == 205
    world.gate.set()
    await first
    assert world.accounts.balances()["merchant"] == 1_600_000_000


async def test_an_invoice_under_way_is_not_paid_a_second_time(world: Any, till: Any) -> None:
    world.gate.clear()
    invoice = till.invoice(15_000)
    first = asyncio.create_task(_pay(world, invoice))
    await asyncio.sleep(0)
    assert (await _refusal(world, invoice)).code == -3
    world.gate.set()
    await first
    assert world.accounts.balances() == PAID


async def test_an_invoice_that_another_node_paid_is_unknown_to_the_payee(world: Any, till: Any) -> None:
    invoice = till.invoice(15_000)
    await _pay(world, invoice)
    assert (await _refusal(world, invoice, "hop")).code == 203


async def test_a_hop_without_money_fails_the_payment_and_nothing_moves(world: Any, till: Any) -> None:
    invoice = till.invoice(15_000, issuer="home")
    refusal = await _refusal(world, invoice, "merchant")
    assert refusal.code == 209
    assert "temporary_channel_failure for 102x1x0/" in refusal.message
    assert world.accounts.balances() == FIRST


async def test_a_dead_payee_fails_the_payment_which_can_be_tried_again(world: Any, till: Any) -> None:
    invoice = till.invoice(15_000)
    world.node("merchant").books.die()
    assert (await _refusal(world, invoice)).code == 209
    world.node("merchant").books.revive()
    await _pay(world, invoice)
    assert _statuses(world) == [SendPayStatus.FAILED, SendPayStatus.COMPLETE]
    assert world.accounts.balances() == PAID


async def test_a_delay_above_the_limit_is_refused(world: Any, till: Any) -> None:
    invoice = till.invoice(15_000)
    assert (await _refusal(world, invoice, maxdelay=15)).code == 206
    await _pay(world, invoice, maxdelay=16)


async def test_without_a_maximum_the_fee_may_be_one_percent(world: Any, till: Any) -> None:
    invoice = till.invoice(15_000)
    assert _args(invoice).fee_limit(invoice.invoice_amount) == 5_000
    assert _args(till.invoice(1_000_000)).fee_limit(1_000_000) == 10_000


async def test_a_node_can_pay_itself_and_nothing_moves(world: Any, till: Any) -> None:
    result = await _pay(world, till.invoice(15_000, issuer="home"))
    assert result["amount_sent_msat"] == 15_000
    assert world.accounts.balances() == FIRST


@pytest.mark.parametrize(
    "params", [{"amount_msat": 1}, {"partial_msat": 1}, {"maxfee": -1}, {"maxfee": True}, {"retry_for": "x"}]
)
async def test_a_parameter_that_cannot_be_used_is_refused(till: Any, params: dict[str, Any]) -> None:
    with pytest.raises(RpcError) as caught:
        _args(till.invoice(15_000), **params)
    assert caught.value.code == -32602


async def test_a_caller_that_gives_up_leaves_a_payment_that_the_next_start_completes(world: Any, till: Any) -> None:
    world.gate.clear()
    call = asyncio.create_task(_pay(world, till.invoice(15_000)))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait({call})
    assert _statuses(world) == [SendPayStatus.PENDING]
    assert [row.status for row in world.payments.recover()] == [SendPayStatus.COMPLETE]
    assert world.accounts.balances() == PAID


@pytest.mark.parametrize("name", ["sandbox.pay.pending", "sandbox.pay.settled", "sandbox.pay.moved"])
async def test_a_payment_broken_off_anywhere_is_completed_once(
    world: Any, till: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = till.invoice(15_000)
    failpoint._hits.clear()
    monkeypatch.setenv("BLED_FAILPOINT", f"{name}=error")
    with pytest.raises(BledError):
        await _pay(world, invoice)
    monkeypatch.delenv("BLED_FAILPOINT")
    world.payments.recover()
    assert world.payments.recover() == ()
    assert _statuses(world) == [SendPayStatus.COMPLETE]
    assert world.accounts.balances() == PAID
    assert (await _refusal(world, invoice)).code == 219


async def test_a_payment_broken_off_before_the_payee_was_asked_fails_when_it_is_too_late(
    world: Any, till: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = till.invoice(15_000)
    failpoint._hits.clear()
    monkeypatch.setenv("BLED_FAILPOINT", "sandbox.pay.pending=error")
    with pytest.raises(BledError):
        await _pay(world, invoice)
    world.clock.seconds = float(invoice.expires_at)
    assert [row.status for row in world.payments.recover()] == [SendPayStatus.FAILED]
    assert world.accounts.balances() == FIRST


async def test_an_invoice_of_another_chain_is_refused(world: Any, till: Any) -> None:
    merchant = world.node("merchant")
    path = create_blinded_path([merchant.node_id], [b""], session_key=SecretKey(b"\x01" * 32))
    unsigned = create_invoice(
        till.request_on(BITCOIN_CHAIN, 15_000),
        payment_hash=bytes(32),
        created_at=world.clock.now(),
        node_id=merchant.node_id,
        amount=Msat(15_000),
        paths=[path],
        blindedpay=[STUB_PAYINFO],
    )
    refusal = await _refusal(world, unsigned.sign(merchant.key, aux=bytes(32)))
    assert (refusal.code, refusal.message) == (-32602, "Invalid bolt12 invoice: wrong chain")


async def test_a_string_that_is_no_invoice_is_refused(world: Any, till: Any) -> None:
    for text in ("", "lno1", "lnbc1", till.request(15_000).string, till.invoice(15_000).string[:-20]):
        with pytest.raises(RpcError, match="Invalid bolt12 invoice"):
            await world.payments.xpay(world.node("home"), XpayArgs.read([text]))


async def test_every_path_of_an_invoice_is_tried_before_it_fails(world: Any, till: Any) -> None:
    merchant = world.node("merchant")
    nodes = [world.node("hop").node_id, merchant.node_id]
    data = [EncryptedData(next_node_id=merchant.node_id, payment_relay=b"\x00\x06" + bytes(4)), EncryptedData()]
    clear = [part.encode() for part in data]
    paths = [create_blinded_path(nodes, clear, session_key=SecretKey(bytes([n]) * 32)) for n in (1, 2)]
    unsigned = create_invoice(
        till.request(15_000),
        payment_hash=bytes(32),
        created_at=world.clock.now(),
        node_id=merchant.node_id,
        amount=Msat(15_000),
        paths=paths,
        blindedpay=[STUB_PAYINFO, STUB_PAYINFO],
    )
    refusal = await _refusal(world, unsigned.sign(merchant.key, aux=bytes(32)))
    assert refusal.code == 209
    assert refusal.message.startswith("Failed after 2 attempts. We got an error from inside the blinded path 0x0x0/1")
    assert [row.partid for row in world.payments.sendpays(world.node("home"))] == [1, 2]
    assert _statuses(world) == [SendPayStatus.FAILED] * 2
    assert world.accounts.balances() == FIRST
