"""The whole way: a plugin with a database receives, workers pay, and the owner is told everything by the plugin."""

import asyncio
import time

import pytest

pytestmark = pytest.mark.system


class Plugin:
    """The plugin of a home with a book, on the database of its workers."""

    def __init__(self, serving) -> None:
        self.serving, self.node = serving, serving.node

    async def brings(self, invoice, index: int = 0) -> str:
        return await self.node.hook(invoice.encode(), self.serving.home.secret(index))


@pytest.fixture
async def plugin(serving):
    await serving.open()
    assert await serving.node.start_plugin(options={"bled-database": serving.place.url}) == {}
    yield Plugin(serving)
    await serving.node.kill_plugin()


async def test_what_the_plugin_receives_a_worker_pays_and_the_plugin_tells(plugin, serving) -> None:
    await serving.start_worker()
    assert await plugin.brings(serving.invoice(0)) == "resolve"
    paid = await plugin.node.decision("paid")
    assert paid["payer_id"] == serving.home.grant(0).payer_id.hex()
    assert await plugin.brings(serving.invoice(0, preimage=b"s" * 32)) == "resolve"
    refused = await plugin.node.decision("payer-id-used")
    assert refused["seq"] > paid["seq"]
    (book,) = (await plugin.node.ask("bled-list", {}))["books"]
    assert (book["used"], book["spent_msat"]) == (1, 15_001)
    assert len(plugin.node.xpay_calls) == 1


async def test_a_book_that_the_plugin_issued_is_one_of_the_workers(plugin, serving) -> None:
    order = {"device": "phone", "ids": 2, "total_msat": 50_000, "self_test": False}
    assert (await plugin.node.ask("bled-issue", order))["book_id"] == 2
    assert [book.device for book in serving.ledger.books()] == ["phone", "phone"]
    generation = serving.ledger.generation()
    assert {kept for kept, _ in plugin.node.datastore.values()} == {str(generation)}


async def test_without_a_worker_nothing_is_lost_and_nothing_paid(plugin, serving) -> None:
    assert await plugin.brings(serving.invoice(0)) == "resolve"
    await serving.until(lambda: serving.waiting() == 1)
    assert plugin.node.xpay_calls == []
    await serving.start_worker()
    await plugin.node.decision("paid")


async def test_a_stranger_is_let_through_to_the_node_and_writes_nothing(plugin, serving) -> None:
    assert await plugin.brings(serving.invoice(0), 1) == "continue"
    assert await plugin.brings(serving.invoice(1), 1) == "resolve"
    await serving.until(lambda: serving.waiting() == 1)


async def test_a_revocation_at_the_plugin_holds_for_every_worker(plugin, serving) -> None:
    await serving.start_worker()
    revoked = await plugin.node.ask("bled-revoke", {"all": True})
    assert (revoked["revoked"], revoked["kept_by_node"]) == ([1], True)
    await plugin.brings(serving.invoice(0))
    await plugin.node.decision("revoked")
    assert plugin.node.xpay_calls == []


async def test_the_hook_is_answered_at_once_while_the_database_is_away(plugin, serving) -> None:
    await serving.start_worker()
    await serving.until(lambda: "begins" in serving.logged())
    await asyncio.to_thread(serving.place.cluster.stop)
    try:
        began = time.monotonic()
        assert await plugin.brings(serving.invoice(0)) == "resolve"
        assert time.monotonic() - began < 2
        await plugin.node.logged("cannot be handed to the workers")
    finally:
        await asyncio.to_thread(serving.place.cluster.start)
    await plugin.brings(serving.invoice(0))
    await plugin.node.decision("paid")
    assert len(plugin.node.xpay_calls) == 1


async def test_a_plugin_that_cannot_reach_its_database_is_disabled_and_names_no_password(serving) -> None:
    await serving.node.listen()
    url = "postgresql://bled:geheim@/none?host=/nowhere"
    answer = await serving.node.start_plugin(options={"bled-database": url})
    assert "store-unreachable" in answer["disable"]
    assert "geheim" not in answer["disable"]
    assert await serving.node.hook(b"\x00", bytes(32)) == "continue"
    await serving.node.kill_plugin()
