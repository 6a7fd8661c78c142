"""The till's self-test: told once a day, and never what keeps a sale from beginning."""

from pathlib import Path

import pytest

from bled.node.base import Echo
from bled.sales.self_test import SELF_TEST_FILE, check_node_daily, describe_echo
from bled_codec.units import UnixTime

from .stage import Shop

pytestmark = pytest.mark.system

NOW = UnixTime(1_800_000_000)


@pytest.fixture
def shop(any_shop: Shop) -> Shop:
    return any_shop


async def test_it_is_told_once_a_day(shop: Shop, tmp_path: Path) -> None:
    async with shop.node() as node:
        for later, told in ((0, 1), (86_399, 1), (86_400, 2)):
            await check_node_daily(node, state=tmp_path / "till", now=UnixTime(NOW + later), on_step=shop.note)
            assert shop.step_names == ["self-test"] * told
    assert "came back through" in shop.steps[0][1]["onion_message"]
    assert not shop.is_open()


async def test_what_is_wrong_is_told_and_not_raised(shop: Shop, tmp_path: Path) -> None:
    shop.merchant.disconnect_peer(shop.hop.node_id, force=True)
    async with shop.node() as node:
        await check_node_daily(node, state=tmp_path, now=NOW, on_step=shop.note)
        assert "no peer" in shop.steps[0][1]["wrong"]
        await shop.server.stop()
        (tmp_path / SELF_TEST_FILE).write_text("nonsense")
        await check_node_daily(node, state=tmp_path, now=NOW, on_step=shop.note)
    assert shop.steps[1][1]["failed"]


def test_how_it_went_is_said_in_a_few_words() -> None:
    assert "did not come back" in describe_echo(Echo(came_back=False))
    assert "inside the node only" in describe_echo(Echo(came_back=True, milliseconds=1.0))
