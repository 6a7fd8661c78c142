"""The whole way: a plugin with a database receives, workers pay, and the owner is told everything by the plugin."""

import asyncio
import time

import pytest

from bled.grants.book import Grant, GrantBook, decode_book
from bled.grants.keys import HomeKeys
from bled.grants.metadata import path_secret
from bled.grants.wrapping import unwrap_book
from bled.home.master import read_master
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.units import UnixTime

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


async def _issued(node) -> GrantBook:
    order = {"device": "phone", "ids": 2, "total_msat": 100_000, "self_test": False}
    issued = await node.ask("bled-issue", order)
    clear = unwrap_book(bytes.fromhex(issued["book"]), passphrase=issued["passphrase"])
    return decode_book(clear, chain=REGTEST_CHAIN, now=UnixTime(int(time.time())))


async def _buy(serving, grant: Grant, preimage: bytes) -> None:
    made = serving.invoice(
        request=serving.purchases.request(grant, serving.purchases.offer(now=int(time.time()))), preimage=preimage
    )
    keys = HomeKeys.from_master(read_master(serving.folder / "bled-home"))
    await serving.node.hook(made.encode(), path_secret(keys, grant.payer_id))


async def test_a_home_that_goes_over_to_a_database_begins_with_new_books(serving) -> None:
    """As docs/home_provider.md says: what was paid is known again, earlier books pay nothing, new ones do."""
    node = serving.node
    await node.listen()
    assert await node.start_plugin() == {}
    old = await _issued(node)
    await _buy(serving, old.grants[0], b"a" * 32)
    await node.decision("paid")
    await node.kill_plugin()
    assert await node.start_plugin(options={"bled-database": serving.place.url}) == {}
    await serving.start_worker()
    await node.settled_claims(1)  # the payment is found in the node's records, and with that every book was revoked
    new = await _issued(node)
    for grant, preimage in ((old.grants[0], b"b" * 32), (old.grants[1], b"c" * 32), (new.grants[0], b"d" * 32)):
        await _buy(serving, grant, preimage)
    claims = await node.settled_claims(2)
    assert {each["payer_id"] for each in claims} == {book.grants[0].payer_id.hex() for book in (old, new)}
    assert {each["state"] for each in claims} == {"paid"}
    assert len(node.xpay_calls) == 2
    assert new.book_id > old.book_id
    assert new.book_key == old.book_key
    await node.kill_plugin()
