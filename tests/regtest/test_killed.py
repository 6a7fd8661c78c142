"""A lightningd is killed while a buyer pays: paid at most once, and nobody says what the nodes' records do not."""

import asyncio
import importlib.util
import os
import random
import sys
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from bled.clock import SystemClock
from bled.codes import Code
from bled.progress import ignore_steps
from bled.sales.charge import SaleResult, resume
from bled.sales.ledger import SaleLedger
from bled.sales.times import Times

KILLS = int(os.environ.get("REGTEST_KILLS", "2"))
"""How often; a campaign takes more (about 15 s each)."""
LATEST = 0.3
"""Seconds after the invoice was sent until a payment is over at real nodes, nearly always."""
PATIENCE = 20.0
UNPAID = {("pending", "sent"), ("failed", "failed"), (None, "failed"), (None, "dropped"), (None, None)}
"""What home's node and home may say of a payment that did not reach the merchant."""


def load(path: str) -> ModuleType:
    """Import a file that is no test, once."""
    name = f"tests_regtest_{Path(path).stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / path)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


nodes, shops, stage = (load(path) for path in ("nodes.py", "shop.py", "../system/merchant/stage.py"))

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(300 + 60 * KILLS),
    pytest.mark.skipif(
        bool(nodes.MISSING), reason=f"real nodes are needed, and these are not on PATH: {', '.join(nodes.MISSING)}"
    ),
]


async def sell_and_kill(shop, device, victim, after: float) -> SaleResult:
    """Sell, kill a node so many seconds after the invoice was sent, and let the till find out how it ended."""
    selling = asyncio.create_task(shop.sell(device))

    async def is_sent() -> bool:
        return selling.done() or any(name == "invoice sent" for name, _ in shop.steps)

    await nodes.until(is_sent, "the invoice is sent", pause=0.001)
    await asyncio.sleep(after)
    await victim.kill_and_start()
    done, _ = await asyncio.wait({selling}, timeout=PATIENCE)
    if done:
        return selling.result()
    selling.cancel()  # the cashier gives up; the sale stays open, and the next start finishes it
    await asyncio.gather(selling, return_exceptions=True)
    return await finish(shop)


async def finish(shop) -> SaleResult:
    """Start the till again, which ends what it left open."""
    node = await shop.node()
    try:
        with SaleLedger.open(shop.folder / "sales.sqlite") as ledger:
            times = Times(resume=2.0)
            (result,) = await resume(node=node, ledger=ledger, clock=SystemClock(), on_step=ignore_steps, times=times)
            return result
    finally:
        await node.close()


async def is_reachable(shop) -> bool:
    """Say whether a till can talk to its node; right after a kill an earlier gRPC plugin may still hold the port."""
    node = await shop.node()
    await node.close()
    return True


async def check_truth(result: SaleResult, merchant, home) -> str:
    """Compare what till and home say with the records of both nodes; return what became of it in a word."""
    hash_ = result.payment_hash.hex()
    (invoice,) = (await merchant.call("listinvoices", payment_hash=hash_))["invoices"]
    assert (result.code is Code.PAID) == (invoice["status"] == "paid"), (result, invoice)

    async def told() -> str | None:
        parts = (await home.call("listsendpays", payment_hash=hash_))["payments"]
        claims = [each for each in (await home.call("bled-claims"))["claims"] if each["payment_hash"] == hash_]
        assert max(len(parts), len(claims)) <= 1, (parts, claims)
        part = parts[0]["status"] if parts else None
        claim = claims[0]["state"] if claims else None
        assert claim or not part, "every payment of the node is known to home"
        if invoice["status"] == "paid":
            return claim if (part, claim) == ("complete", "paid") else None
        # lightningd may list a part as pending for good that it was killed with (docs/nodes.md)
        return claim or "never claimed" if (part, claim) in UNPAID else None

    return str(await nodes.until(told, f"home says what the nodes' records say of {result}: {home.log()}"))


@pytest.mark.parametrize("victim", ["home", "hop", "merchant"])
async def test_a_node_is_killed_while_a_buyer_pays_and_nothing_is_paid_twice_or_told_wrongly(folder, victim) -> None:
    plugin = Path(sys.executable).with_name("bled-home")
    chance = random.Random(KILLS)  # noqa: S311 - moments of kills, no secret
    async with nodes.town(folder, plugin) as (merchant, hop, home):
        shop = shops.Shop.at(folder / "till", merchant=merchant, hop=hop, home=home, radio=stage.Meeting)
        killed, ended = {"home": home, "hop": hop, "merchant": merchant}[victim], []
        for _ in range(KILLS):
            book = await shop.book()
            result = await sell_and_kill(shop, shops.Device(book, 0), killed, chance.uniform(0, LATEST))
            ended.append(await check_truth(result, merchant, home))
            await nodes.until(partial(is_reachable, shop), "the merchant's gRPC is back")
            # xpay holds a channel for empty, for an hour, over which a payment failed while its other end was away.
            await home.call("askrene-age", layer="xpay", cutoff=shops.now())
            for one, other in ((home, hop), (hop, merchant)):
                await nodes.until(partial(one.is_connected, other), "the channel is back")
            await shops.check_paid(shop, shops.Device(book, 1))
        sys.stdout.write(f"{KILLS} kills of {victim}: {', '.join(ended)}\n")
