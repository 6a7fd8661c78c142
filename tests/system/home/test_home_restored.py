"""An old copy of the ledger was put back: the node's records tell, and nothing that was used is used again."""

import asyncio
import shutil
from pathlib import Path

import pytest

from bled.codes import Failpoint

pytestmark = pytest.mark.system


def copy_of(house, folder: Path) -> Path:
    """Keep the ledger as it is now."""
    folder.mkdir()
    for path in (house.node.folder / "bled-home").glob("ledger.sqlite*"):
        shutil.copy(path, folder)
    return folder


def replace_ledger(house, folder: Path) -> None:
    for path in (house.node.folder / "bled-home").glob("ledger.sqlite*"):
        path.unlink()
    for path in folder.iterdir():
        shutil.copy(path, house.node.folder / "bled-home")


async def put_back(house, folder: Path) -> None:
    await house.node.kill_plugin()
    replace_ledger(house, folder)
    assert await house.node.start_plugin() == {}


async def test_an_old_copy_learns_what_was_paid_and_revokes_every_book(house, tmp_path) -> None:
    old = copy_of(house, tmp_path / "copy")
    await house.node.hook(house.invoice(house.request()).encode(), house.secret())
    await house.node.decision("paid")
    await put_back(house, old)
    warning = await house.node.decision("revoked")
    assert "old copy" in warning["detail"]
    await house.node.decision("paid")
    budget = await house.budget()
    assert (budget["spent_msat"], budget["reserved_msat"]) == (15_001, 0)
    await house.node.hook(house.invoice(house.request(), preimage=b"s" * 32).encode(), house.secret())
    await house.node.decision("payer-id-used")
    await house.node.hook(house.invoice(house.request(1), preimage=b"t" * 32).encode(), house.secret(1))
    fresh = await house.node.decision("revoked", since=warning["seq"])
    assert fresh["payer_id"] == house.grant(1).payer_id.hex()
    assert len(house.node.xpay_calls) == 1


async def test_a_copy_that_holds_a_paid_claim_for_idle_learns_that_and_pays_nothing(house, tmp_path) -> None:
    """The copy was taken between the claim and SENT; putting it back must not free the money, nor pay again."""
    await house.node.kill_plugin()
    assert await house.node.start_plugin(failpoint=f"{Failpoint.HOME_CLAIMED.value}=kill", startup=False) == {}
    message = {"pathsecret": house.secret().hex(), "invoice": house.invoice(house.request()).encode().hex()}
    await house.node.send("onion_message_recv_secret", {"onion_message": message})
    assert await house.node.plugin_ended() == -9
    old = copy_of(house, tmp_path / "copy")
    assert await house.node.start_plugin(startup=False) == {}
    await house.node.decision("paid")
    await put_back(house, old)
    await house.node.decision("revoked")
    await house.node.decision("paid")
    budget = await house.budget()
    assert (budget["spent_msat"], budget["reserved_msat"]) == (15_001, 0)
    (book,) = (await house.node.ask("bled-list", {}))["books"]
    assert book["revoked"]
    assert len(house.node.xpay_calls) == 1


async def test_a_book_that_the_old_copy_never_saw_pays_nothing_and_every_book_is_revoked(house, tmp_path) -> None:
    old = copy_of(house, tmp_path / "copy")
    first = house.issued["book_id"]
    await house.issue()
    await house.node.hook(house.invoice(house.request()).encode(), house.secret())
    await house.node.decision("paid")
    await put_back(house, old)
    await house.node.decision("revoked")
    await house.node.decision("paid")
    book, lost = (await house.node.ask("bled-list", {}))["books"]
    assert (book["book_id"], book["revoked"]) == (first, True)
    assert (lost["book_id"], lost["revoked"], lost["device"]) == (first + 1, True, "lost before a restore")
    reissued = await house.node.ask("bled-issue", {"device": "phone", "total_msat": 1_000_000})
    assert reissued["book_id"] > house.issued["book_id"], "a device takes no second book of the same number"
    await house.node.hook(house.invoice(house.request(1), preimage=b"s" * 32).encode(), house.secret(1))
    await house.node.decision("payer-id-not-issued")
    assert len(house.node.xpay_calls) == 1


@pytest.mark.parametrize("restarts", [0, 3])
async def test_an_old_copy_that_forgot_a_revocation_revokes_every_book(house, tmp_path, restarts) -> None:
    """Nothing was paid, so the node's payments tell nothing; nor does it help to start the copy again and again."""
    old = copy_of(house, tmp_path / "copy")
    revoked = await house.node.ask("bled-revoke", {"payer_id": house.grant().payer_id.hex()})
    assert revoked["kept_by_node"]
    await house.node.kill_plugin()
    replace_ledger(house, old)
    await house.node.close_socket()
    for _ in range(restarts):
        assert await house.node.start_plugin() == {}
        await house.node.logged("waiting for the node's records")
        await house.node.kill_plugin()
    assert await house.node.start_plugin() == {}
    await house.node.listen()
    warning = await house.node.decision("revoked")
    assert "old copy" in warning["detail"]
    await house.node.hook(house.invoice(house.request()).encode(), house.secret())
    await house.node.decision("revoked", since=warning["seq"])
    assert house.node.xpay_calls == []


async def test_a_copy_put_back_while_the_node_still_looks_for_a_route_pays_nothing(house, tmp_path) -> None:
    """The payment that it does not know of has no part yet; the till sends a second invoice for the same request."""
    old = copy_of(house, tmp_path / "copy")
    asked = asyncio.Event()

    async def thinks(params):
        asked.set()
        await asyncio.Event().wait()

    house.node.xpay = thinks
    request = house.request()
    await house.node.hook(house.invoice(request).encode(), house.secret())
    await asked.wait()
    await house.node.kill_plugin()
    replace_ledger(house, old)
    assert await house.node.start_plugin(startup=False) == {}
    warning = await house.node.decision("revoked")
    await house.node.hook(house.invoice(request, preimage=b"s" * 32).encode(), house.secret())
    await house.node.decision("revoked", since=warning["seq"])
    assert len(house.node.xpay_calls) == 1


async def test_a_revocation_that_the_node_cannot_keep_yet_is_final_and_says_so(house) -> None:
    await house.node.hook(house.invoice(house.request()).encode(), house.secret())
    await house.node.decision("paid")
    await house.node.close_socket()
    revoked = await house.node.ask("bled-revoke", {"all": True})
    assert (revoked["revoked"], revoked["kept_by_node"]) == ([house.issued["book_id"]], False)
    await house.node.listen()
    assert (await house.node.ask("bled-revoke", {"all": True}))["kept_by_node"]


async def test_a_ledger_that_is_up_to_date_revokes_nothing(house) -> None:
    await house.node.hook(house.invoice(house.request()).encode(), house.secret())
    await house.node.decision("paid")
    await house.node.kill_plugin()
    assert await house.node.start_plugin() == {}
    await house.node.hook(house.invoice(house.request(1), preimage=b"s" * 32).encode(), house.secret(1))
    await house.node.decisions(2, code="paid")
    (book,) = (await house.node.ask("bled-list", {}))["books"]
    assert not book["revoked"]
