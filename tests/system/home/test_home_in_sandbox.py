"""The plugin in the sandbox's home node: its book, a purchase at the sandbox's merchant, its money."""

import asyncio
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bled.errors import ConfigurationError
from bled.grants.book import GrantBook, decode_book
from bled.grants.wrapping import unwrap_book
from bled.node.base import invoice_label
from bled.node.cln_errors import RpcFailure
from bled.node.cln_onions import invoice_onion
from bled.node.lightning_rpc import LightningRpc
from bled.sandbox.books_rows import OfferArgs
from bled.sandbox.world import Sandbox
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import Invoice, create_invoice
from bled_codec.invoice_request import InvoiceRequest, create_invoice_request
from bled_codec.offer import Offer
from bled_codec.units import Msat, UnixTime

pytestmark = pytest.mark.system


def now() -> UnixTime:
    return UnixTime(int(time.time()))


@dataclass
class Town:
    """A sandbox whose home has issued a book."""

    sandbox: Sandbox
    book: GrantBook
    rpc: LightningRpc

    def request(self, index: int = 0) -> InvoiceRequest:
        """Have the merchant make an offer, and the buyer's device sign for it."""
        ends = UnixTime(now() + 300)
        args = OfferArgs(amount="15000msat", description="coffee", absolute_expiry=ends, single_use=True)
        offer = Offer.from_string(self.sandbox.merchant.books.offer(args).bolt12)
        grant = self.book.grants[index]
        unsigned = create_invoice_request(
            offer,
            metadata=grant.metadata,
            payer_id=grant.payer_id,
            amount=Msat(15_000),
            chain=REGTEST_CHAIN,
            paths=grant.invreq_paths,
        )
        assert grant.secret is not None
        return unsigned.sign(grant.secret, aux=bytes(32))

    def invoice(self, request: InvoiceRequest) -> Invoice:
        """Have the merchant's node make the invoice with field 239."""
        preimage = secrets.token_bytes(32)
        draft = create_invoice(
            request,
            payment_hash=sha256(preimage),
            created_at=now(),
            node_id=self.sandbox.merchant.node_id,
            amount=Msat(15_000),
            relative_expiry=300,
        )
        offer_id = Offer.decode(b"".join(record.raw for record in request.offer_records)).offer_id
        label = invoice_label(offer_id, request.invreq_payer_id)
        row = self.sandbox.merchant.books.create_invoice(draft.string, label, preimage)
        return Invoice.from_string(row.bolt12)

    def deliver(self, invoice: Invoice) -> None:
        """Send the invoice along the buyer's own reply path through the hop, a peer of the merchant's, to home."""
        assert invoice.invreq_paths is not None
        (path,) = [path for path in invoice.invreq_paths if path.introduction == self.sandbox.hop.node_id]
        onion = invoice_onion(
            self.sandbox.merchant.node_id,
            invoice.encode(),
            path=path,
            path_session=SecretKey(secrets.token_bytes(32)),
            onion_session=SecretKey(secrets.token_bytes(32)),
        )
        self.sandbox.merchant.inject_onion(onion.path_key, onion.onion)

    async def decided(self, code: str) -> dict[str, object]:
        """Wait until home has decided so."""
        async with asyncio.timeout(15):
            while True:
                await self.sandbox.plugin.ready()
                decisions = (await self.rpc.call("bled-decisions"))["decisions"]
                for decision in decisions:
                    if decision["code"] == code:
                        return decision
                await asyncio.sleep(0.05)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for a unix socket."""
    path = Path(tempfile.mkdtemp(prefix="bled-"))
    yield path
    shutil.rmtree(path)


@asynccontextmanager
async def town_in(folder: Path, **how: str) -> AsyncIterator[Town]:
    async with Sandbox.run(folder, **how) as sandbox:
        rpc = LightningRpc(sandbox.home_rpc)
        issued = await rpc.call("bled-issue", {"device": "phone", "ids": 3, "total_msat": 1_000_000})
        clear = unwrap_book(bytes.fromhex(issued["book"]), passphrase=issued["passphrase"])
        yield Town(sandbox, decode_book(clear, chain=REGTEST_CHAIN, now=now()), rpc)


async def test_a_purchase_is_paid_through_the_network(folder) -> None:
    async with town_in(folder) as town:
        before = town.sandbox.balances()
        town.deliver(town.invoice(town.request()))
        paid = await town.decided("paid")
        after = town.sandbox.balances()
        assert after["merchant"] - before["merchant"] == 15_000
        budget = await town.rpc.call("bled-budget", {"book_id": town.book.book_id})
        assert budget["spent_msat"] == before["home"] - after["home"]
        assert budget["reserved_msat"] == 0
        (claim,) = (await town.rpc.call("bled-claims"))["claims"]
        assert claim["preimage"] == paid["preimage"]


async def test_a_book_has_two_paths_over_which_a_message_came_home(folder) -> None:
    async with Sandbox.run(folder) as sandbox:
        issued = await LightningRpc(sandbox.home_rpc).call("bled-issue", {"device": "phone", "total_msat": 1_000_000})
        assert {path["alias"] for path in issued["paths"]} == {"hop", "relay"}
        assert [path["arrived"] for path in issued["paths"]] == [True, True]
        clear = unwrap_book(bytes.fromhex(issued["book"]), passphrase=issued["passphrase"])
        first = decode_book(clear, chain=REGTEST_CHAIN, now=now()).grants[0]
        begins = {path.introduction for path in first.invreq_paths}
        assert begins == {bytes.fromhex(path["introduction"]) for path in issued["paths"]}
        assert sandbox.home.node_id not in begins


async def test_a_home_with_one_peer_says_what_to_do_and_issues_when_told(folder) -> None:
    order = {"device": "phone", "total_msat": 1_000_000}
    async with Sandbox.run(folder) as sandbox:
        rpc = LightningRpc(sandbox.home_rpc)
        (relay,) = [peer for peer in sandbox.home.peers if peer not in (sandbox.hop.node_id, sandbox.merchant.node_id)]
        sandbox.home.disconnect_peer(relay, force=True)
        with pytest.raises(RpcFailure, match=r"relay .* is not connected.*allow one path"):
            await rpc.call("bled-issue", order)
        with pytest.raises(RpcFailure, match="unknown next peer"):
            await rpc.call("bled-issue", order | {"introductions": [relay.hex()]})
        assert (await rpc.call("bled-list"))["books"] == []
        issued = await rpc.call("bled-issue", order | {"allow_one_path": True})
        assert [path["alias"] for path in issued["paths"]] == ["hop"]


async def test_a_purchase_survives_a_kill_of_the_plugin(folder) -> None:
    async with town_in(folder) as town:
        before = town.sandbox.balances()
        invoice = town.invoice(town.request())
        town.deliver(invoice)
        os.kill(town.sandbox.plugin_pid, signal.SIGKILL)
        async with asyncio.timeout(15):
            while town.sandbox.balances()["merchant"] == before["merchant"]:
                await asyncio.sleep(0.1)
                await town.sandbox.plugin.ready()
                town.deliver(invoice)
        await town.decided("paid")
        assert town.sandbox.balances()["merchant"] - before["merchant"] == 15_000
        assert len((await town.rpc.call("bled-claims"))["claims"]) == 1


async def test_home_knows_its_books_and_payments_when_the_whole_sandbox_starts_again(folder) -> None:
    async with town_in(folder) as town:
        invoice = town.invoice(town.request())
        town.deliver(invoice)
        await town.decided("paid")
        balances = town.sandbox.balances()
    async with Sandbox.run(folder) as again:
        town.sandbox, town.rpc = again, LightningRpc(again.home_rpc)
        assert again.balances() == balances
        town.deliver(invoice)
        await town.decided("paid")
        (book,) = (await town.rpc.call("bled-list"))["books"]
        assert book["used"] == 1
        assert again.balances() == balances


async def test_a_node_that_is_too_old_is_refused_with_a_sentence(folder) -> None:
    with pytest.raises(ConfigurationError, match=r"lightningd v24\.11\.1 is too old: bled needs v25\.02"):
        async with Sandbox.run(folder, version="v24.11.1"):
            pytest.fail("the plugin started")


async def test_a_node_without_labels_pays_and_says_what_it_cannot_do(folder) -> None:
    """And when it has become one with labels, it still knows what it paid before."""
    async with town_in(folder, version="v25.02") as town:
        await town.sandbox.plugin.ready()
        invoice = town.invoice(town.request())
        town.deliver(invoice)
        await town.decided("paid")
        (part,) = (await town.rpc.call("listsendpays"))["payments"]
        assert part.get("label") is None
        told = await town.rpc.call("bled-check")
        assert (told["version"], told["has_labels"]) == ("v25.02", False)
        assert any("issue new books after a restore" in problem for problem in told["problems"])
        assert "keeps no label" in (town.sandbox.home.lightning_dir / "plugin.log").read_text()
    async with Sandbox.run(folder) as again:
        town.sandbox, town.rpc = again, LightningRpc(again.home_rpc)
        town.deliver(invoice)
        (claim,) = (await town.rpc.call("bled-claims"))["claims"]
        assert claim["state"] == "paid"
        assert len((await town.rpc.call("listsendpays"))["payments"]) == 1
