"""What is around the plugin breaks: the decision is clear, and nothing is paid twice."""

import asyncio
import os
import resource
import sqlite3

import pytest

pytestmark = pytest.mark.system


async def deliver(house, index: int = 0, *, preimage: bytes = b"p" * 32):
    invoice = house.invoice(house.request(index), preimage=preimage)
    assert await house.node.hook(invoice.encode(), house.secret(index)) == "resolve"
    return invoice


async def test_an_xpay_that_dies_leaves_the_outcome_unknown_and_is_not_called_again(house) -> None:
    async def dies(params):
        house.node.part(params, "pending")
        raise house.RpcError(-4, "Plugin terminated before replying to RPC call.")

    house.node.xpay = dies
    invoice = await deliver(house)
    await house.node.decision("outcome-unknown")
    assert (await house.budget())["reserved_msat"] == 20_150
    house.node.completes(invoice.invoice_payment_hash)
    await house.node.decision("paid")
    assert len(house.node.xpay_calls) == 1


async def at_work(house) -> None:
    """Wait until the plugin has read the node's records and begun new work: it refuses a broken invoice."""
    await house.node.hook(house.invoice(house.request()).encode() + b"\x00", house.secret())
    await house.node.decision("bad-invoice")


async def test_a_socket_that_is_gone_before_paying_uses_nothing_up(house) -> None:
    """The till goes on sending, and is paid when the node can be asked again."""
    await at_work(house)
    await house.node.close_socket()
    await deliver(house)
    await house.node.decision("node-unreachable")
    assert await house.node.claims() == []
    await house.node.listen()
    await deliver(house)
    await house.node.decision("paid")
    assert len(house.node.xpay_calls) == 1


async def test_a_hash_that_another_wallet_paid_is_refused(house) -> None:
    invoice = house.invoice(house.request())
    house.node.part({"invstring": invoice.string, "label": "rent"}, "complete")
    await deliver(house)
    await house.node.decision("payment-hash-used")
    assert await house.node.claims() == []
    assert house.node.xpay_calls == []


async def test_a_socket_that_breaks_while_paying_is_looked_up_when_it_is_back(house) -> None:
    asked = asyncio.Event()

    async def holds(params):
        house.node.part(params, "pending")
        asked.set()
        await asyncio.Event().wait()

    house.node.xpay = holds
    invoice = await deliver(house)
    await asked.wait()
    await house.node.close_socket()
    await house.node.decision("outcome-unknown")
    house.node.completes(invoice.invoice_payment_hash)
    await house.node.listen()
    await house.node.decision("paid")
    assert len(house.node.xpay_calls) == 1


@pytest.mark.parametrize(
    "garble", [{"amount_sent_msat": "9" * 5_000 + "msat"}, {"created_index": 2**63}, {"created_at": None}]
)
async def test_records_that_cannot_be_read_hold_home_up_and_do_not_end_it(house, garble) -> None:
    """Whatever the node says, home waits until it says something better; ended, it would watch over nothing."""
    asked = asyncio.Event()

    async def holds(params):
        house.node.part(params, "pending")
        asked.set()
        await asyncio.Event().wait()

    house.node.xpay = holds
    invoice = await deliver(house)
    await asked.wait()
    await house.node.kill_plugin()
    (row,) = house.node.rows[invoice.invoice_payment_hash.hex()]
    sane = dict(row)
    row.update(garble)
    assert await house.node.start_plugin(startup=False) == {}
    await house.node.logged("waiting for the node's records")
    row.update(sane)
    house.node.completes(invoice.invoice_payment_hash)
    await house.node.decision("paid")


@pytest.mark.parametrize("code", [203, 205, 206, 207, 209])
async def test_a_payment_that_failed_is_free_again_and_the_payer_id_is_not(house, code) -> None:
    async def fails(params):
        house.node.part(params, "failed")
        raise house.RpcError(code, "Failed: no route")

    house.node.xpay = fails
    await deliver(house)
    failed = await house.node.decision("payment-failed")
    assert str(code) in failed["detail"]
    budget = await house.budget()
    assert (budget["spent_msat"], budget["reserved_msat"]) == (0, 0)
    await deliver(house, preimage=b"s" * 32)
    await house.node.decision("payer-id-used")
    assert len(house.node.xpay_calls) == 1


async def test_an_invoice_that_was_paid_already_is_recorded_as_paid(house) -> None:
    async def paid_before(params):
        house.node.part(params, "complete")
        raise house.RpcError(219, "Already paid this invoice successfully")

    house.node.xpay = paid_before
    await deliver(house)
    await house.node.decision("paid")


async def test_a_full_disk_pays_nothing_and_says_so(house) -> None:
    await deliver(house)
    await house.node.decision("paid")
    pid = house.node.plugin_pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
    await deliver(house, 1, preimage=b"s" * 32)
    broken = await house.node.decision("store-broken")
    assert broken["payer_id"] == house.grant(1).payer_id.hex()
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    await deliver(house, 1, preimage=b"s" * 32)
    await house.node.decisions(2, code="paid")
    assert len(house.node.xpay_calls) == 2


async def test_a_ledger_that_a_stranger_holds_pays_nothing_and_says_so(house) -> None:
    await at_work(house)
    ledger = house.node.folder / "bled-home" / "ledger.sqlite"
    stranger = sqlite3.connect(ledger, isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    await deliver(house)
    await house.node.decision("store-locked")
    stranger.execute("ROLLBACK")
    stranger.close()
    assert house.node.xpay_calls == []
    await deliver(house)
    await house.node.decision("paid")


@pytest.mark.parametrize(("shift", "code"), [(-400, "request-expired"), (400, "request-without-expiry")])
async def test_clocks_that_differ_too_much_pay_nothing(house, shift, code) -> None:
    """A till whose clock is `shift` ahead of home's; or home's is behind by as much."""
    offer = house.purchases.offer(now=house.now + shift)
    invoice = house.invoice(house.request(to=offer), lasting=3_600)
    await house.node.hook(invoice.encode(), house.secret())
    await house.node.decision(code)
    assert await house.node.claims() == []


async def test_a_clock_that_was_ahead_pays_again_when_its_owner_says_so(house) -> None:
    await house.node.kill_plugin()
    ledger = sqlite3.connect(house.node.folder / "bled-home" / "ledger.sqlite")
    ledger.execute("INSERT OR REPLACE INTO meta VALUES ('latest_time', ?)", (house.now + 86_400,))
    ledger.commit()
    ledger.close()
    assert await house.node.start_plugin() == {}
    await deliver(house)
    await house.node.decision("clock-wrong")
    assert (await house.node.ask("bled-trust-clock", {}))["now"] - house.now in (-1, 0)
    await deliver(house)
    await house.node.decision("paid")


async def test_a_payment_that_the_node_forgot_stays_reserved_until_its_owner_settles_it(house) -> None:
    """autoclean removed the node's record while home was off for two days."""

    asked = asyncio.Event()

    async def thinks(params):
        asked.set()
        await asyncio.Event().wait()

    house.node.xpay = thinks
    await deliver(house)
    await asked.wait()
    await house.node.kill_plugin()
    ledger = sqlite3.connect(house.node.folder / "bled-home" / "ledger.sqlite")
    ledger.execute("UPDATE claims SET sent_at = sent_at - 2 * 86400")
    ledger.commit()
    ledger.close()
    assert await house.node.start_plugin(startup=True) == {}
    await house.node.decision("outcome-unknown")
    assert (await house.budget())["reserved_msat"] == 20_150
    payer_id = house.grant().payer_id.hex()
    with pytest.raises(house.RpcError, match="paid: true or false"):
        await house.node.ask("bled-settle", {"payer_id": payer_id})
    settled = await house.node.ask("bled-settle", {"payer_id": payer_id, "paid": True})
    assert (settled["state"], settled["amount_sent_msat"]) == ("paid", 20_150)
    with pytest.raises(house.RpcError, match="no claim"):
        await house.node.ask("bled-settle", {"payer_id": payer_id, "paid": False})


async def test_a_second_plugin_on_the_same_ledger_disables_itself(house) -> None:
    second = type(house.node)(house.node.folder)
    try:
        assert "store-locked" in (await second.start_plugin())["disable"]
        assert await second.hook(b"\x00", bytes(32)) == "continue"
    finally:
        await second.kill_plugin()


async def test_a_master_secret_that_is_gone_disables_the_plugin(house) -> None:
    await house.node.kill_plugin()
    secret = house.node.folder / "bled-home" / "master.secret"
    kept = secret.read_bytes()
    secret.unlink()
    assert "bled home restore" in (await house.node.start_plugin())["disable"]
    assert not secret.exists()
    await house.node.kill_plugin()
    secret.write_bytes(kept)
    os.chmod(secret, 0o644)  # noqa: PTH101 - what a careless copy leaves
    assert "0600" in (await house.node.start_plugin())["disable"]
    await house.node.kill_plugin()
    os.chmod(secret, 0o600)  # noqa: PTH101
    assert await house.node.start_plugin() == {}
