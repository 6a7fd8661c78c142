"""`plugin start` of a running node, which can put home behind the node's own plugin."""

import pytest

pytestmark = pytest.mark.system

WORDS = "the node answers every invoice before home is asked"


@pytest.mark.parametrize("offers_first", [True, False])
async def test_a_home_that_lost_its_place_says_so_and_what_to_do(house, offers_first) -> None:
    await house.node.kill_plugin()
    house.node.offers_first = offers_first
    assert await house.node.start_plugin(startup=False) == {}
    if offers_first:
        await house.node.logged(WORDS)
        assert any("plugin=/path/to/bled-home" in line for line in house.node.logs)
    told = await house.node.ask("bled-check", {})
    assert told["asked_first"] == ("node" if offers_first else "home")
    assert offers_first == any(WORDS in problem.lower() for problem in told["problems"])
    await house.node.hook(house.invoice(house.request()).encode(), house.secret())
    await house.node.decision("paid")
    assert offers_first == any(WORDS in line for line in house.node.logs)
    refusals = (await house.node.ask("bled-decisions", {}))["refused"]
    assert refusals == {}, "what home asks itself is no invoice"


async def test_a_home_that_starts_with_its_node_asks_nothing(house) -> None:
    await house.node.kill_plugin()
    house.node.offers_first = True
    assert await house.node.start_plugin(startup=True) == {}
    await house.node.hook(house.invoice(house.request()).encode(), house.secret())
    await house.node.decision("paid")
    assert not any(WORDS in line for line in house.node.logs)
