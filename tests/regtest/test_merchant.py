"""The till of production at real nodes: both ways, also for a merchant with unannounced channels only; and how fast."""

import importlib.util
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from bled.findings import Level
from bled.node.doctor import examine
from bled.node.opening import NodeFiles


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
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        bool(nodes.MISSING), reason=f"real nodes are needed, and these are not on PATH: {', '.join(nodes.MISSING)}"
    ),
]


@asynccontextmanager
async def open_shop(folder: Path, *, private: bool = False) -> AsyncIterator[tuple[object, object]]:
    """Give a shop at real nodes, and the merchant's one."""
    plugin = Path(sys.executable).with_name("bled-home")
    async with nodes.town(folder, plugin, private=private) as (merchant, hop, home):
        yield shops.Shop.at(folder / "till", merchant=merchant, hop=hop, home=home, radio=stage.Meeting), merchant


async def test_a_till_at_a_real_node_sells_both_ways_and_as_fast_as_the_node_itself(folder) -> None:
    async with open_shop(folder) as (shop, merchant):
        await shops.check_both_ways(shop)
        offers = (await merchant.call("listoffers", active_only=True))["offers"]
        assert offers == [], merchant.log()
        assert await shops.ratio(shop, merchant.call) <= shops.RATIO


async def test_a_real_merchant_with_unannounced_channels_only_is_paid_both_ways(folder) -> None:
    async with open_shop(folder, private=True) as (shop, _):
        node = await shop.node()
        try:
            assert await node.is_private()
        finally:
            await node.close()
        await shops.check_both_ways(shop)


async def test_a_tip_is_paid_and_everything_is_given_back_at_real_nodes(folder) -> None:
    async with open_shop(folder) as (shop, _):
        await shops.check_tip_and_refunds(shop)


async def test_the_doctor_finds_no_problem_at_a_real_node(folder) -> None:
    async with open_shop(folder) as (shop, _):
        files = NodeFiles(folder=shop.credentials, state=shop.folder)
        findings = await examine(shop.target, files, now=datetime.now(UTC))
        assert [each for each in findings if each.level is Level.PROBLEM] == []
