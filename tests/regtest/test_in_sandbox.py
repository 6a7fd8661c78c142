"""What is done at real nodes, done at the sandbox: so that it is known to work before a real node is at hand."""

import importlib.util
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

import pytest

from bled.node.lightning_rpc import LightningRpc
from bled.sandbox.world import Sandbox

pytestmark = pytest.mark.system


def load(path: str) -> ModuleType:
    """Import a file that is no test, once."""
    name = f"tests_regtest_{Path(path).stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / path)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


shops, stage = (load(path) for path in ("shop.py", "../system/merchant/stage.py"))


@asynccontextmanager
async def open_shop(folder: Path) -> AsyncIterator[tuple[object, Sandbox]]:
    """Give a shop at the sandbox's nodes."""
    async with Sandbox.run(folder / "sandbox") as sandbox:
        shop = shops.Shop(
            folder=folder,
            target=sandbox.grpc_target,
            credentials=sandbox.credentials,
            home=LightningRpc(sandbox.home_rpc),
            introduction=sandbox.hop.node_id.hex(),
            radio=stage.Meeting,
        )
        yield shop, sandbox


async def test_a_till_at_the_sandbox_sells_both_ways(folder: Path) -> None:
    async with open_shop(folder) as (shop, sandbox):
        await shops.check_both_ways(shop)
        assert shop.seconds_to_money() > 0
        assert not sandbox.merchant.books.list_offers(active_only=True)


async def test_a_tip_is_paid_and_everything_is_given_back_at_the_sandbox(folder: Path) -> None:
    async with open_shop(folder) as (shop, _):
        await shops.check_tip_and_refunds(shop)
