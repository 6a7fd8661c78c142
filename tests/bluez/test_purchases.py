"""Whole purchases over real BlueZ: till and buyer on one radio, node, vault and home as in the demo."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from bled.codes import Code
from bled.demo.acts import book_terms
from bled.demo.purchase import meet
from bled.demo.recorder import Recorder, Step
from bled.demo.stage import Stage, open_stage
from bled.vault.vault import Vault
from bled_codec.units import Msat

from .machine import MARKS, Guest
from .radios import GuestAir

pytestmark = MARKS

AMOUNT = Msat(2_500_000)
PURCHASES = int(os.environ.get("BLED_BLUEZ_PURCHASES", "8"))
"""How many in a row. A purchase takes seconds here, so that a hundred are for whoever has the time."""
GROWTH_KILOBYTES = 3_000
"""How much a process may hold more after all of them than after the first two."""


@pytest_asyncio.fixture(loop_scope="session")
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path, att_mtu=517, recorder=Recorder(lambda _: None)) as ready:
        yield ready


async def phone(stage: Stage, purchases: int) -> Vault:
    terms = book_terms(AMOUNT) | {"ids": purchases + 2, "total_msat": (purchases + 2) * 3_000_000}
    return stage.device("phone", await stage.issue_book("phone", terms))


async def buy(stage: Stage, vault: Vault, number: int, *, engage: bool = False) -> tuple[float, int]:
    """Buy something; return how long it took, radios found and closed again, and the ATT PDUs at the till."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    async with meet(stage, vault, amount=AMOUNT, description=f"purchase {number}", engage=engage) as meeting:
        sale, purchase = await asyncio.gather(meeting.sale, meeting.purchase)
    assert sale.code is purchase.code is Code.PAID, (sale.detail, purchase.detail)
    assert sale.preimage == purchase.preimage
    assert sale.buyer_told
    return loop.time() - start, meeting.stats.att_pdus


@pytest.mark.parametrize(
    ("till", "buyer"),
    [
        ("bluetooth:hci1", "bluetooth:hci0"),
        ("bumble", "bluetooth:hci0"),
        ("bluetooth:hci1", "bumble"),
        ("bluetooth:hci1", "bless:hci0"),
        ("bumble", "bless:hci0"),
    ],
    ids=["bleak-dbus", "bumble-dbus", "bleak-bumble", "bleak-bless", "bumble-bless"],
)
async def test_a_whole_purchase(guest: Guest, stage: Stage, till: str, buyer: str, capsys) -> None:
    there = replace(stage, air=GuestAir(guest, till=till, buyer=buyer))
    with await phone(there, 1) as vault:
        took, pdus = await buy(there, vault, 1)
    with capsys.disabled():
        print(f"\n{till} to {buyer}: {took:.1f} s, {pdus} ATT PDUs")  # noqa: T201 - figures are part of the result


@pytest.mark.parametrize("step", ["request received", "request verified"])
async def test_a_link_that_is_cut_after_the_request_is_made_again_and_one_payment_is_made(
    guest: Guest, stage: Stage, step: str
) -> None:
    air = GuestAir(guest)
    steps: list[str] = []

    def cut(told: Step) -> None:
        if told.name == step and step not in steps:
            assert sum(guest.hub.cut(adapter) for adapter in guest.adapters) > 0
        steps.append(told.name)

    there = replace(stage, air=air, recorder=Recorder(cut))
    before = there.balances()
    with await phone(there, 1) as vault:
        await buy(there, vault, 1)
    paid = there.balances()
    assert sum("approved by the person" in name for name in steps) == 1
    assert steps.count("request signed") == 1
    assert steps.count("the till is back") == 1
    assert len(await there.decisions()) == 1
    assert paid["merchant"] - before["merchant"] == AMOUNT
    assert before["home"] - paid["home"] < 2 * AMOUNT  # the amount once, and a fee on the way


@pytest.mark.timeout(3600)
async def test_many_purchases_in_a_row_leave_nothing_behind(guest: Guest, stage: Stage, capsys) -> None:
    there = replace(stage, air=GuestAir(guest))
    took, before = [], {}
    with await phone(there, PURCHASES) as vault:
        for number in range(PURCHASES):
            took.append((await buy(there, vault, number, engage=True))[0])  # strangers meet three times in ten minutes
            if number == 1:
                before = await held(guest)
    after = await held(guest)
    with capsys.disabled():
        print(  # noqa: T201 - figures are part of the result
            f"\n{PURCHASES} purchases: {min(took):.1f} to {max(took):.1f} s each; before {before}, after {after}"
        )
    for name, holds in after.items():
        assert holds["kilobytes"] - before[name]["kilobytes"] < GROWTH_KILOBYTES, name
        assert holds["files"] <= before[name]["files"] + 1, name
        assert holds.get("FramedLink", 0) <= 2, name
        assert holds.get("MessageBus", 0) <= 3, name


async def held(guest: Guest) -> dict[str, dict[str, int]]:
    """Return what the two sides and bluetoothd hold."""
    found = {name: await guest.memory(name) for name in ("till", "buyer", "bluetoothd")}
    for name in ("till", "buyer"):
        found[name] |= await (await guest.side(name)).call("objects")
    return found
