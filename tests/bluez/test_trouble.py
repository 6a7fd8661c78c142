"""What goes wrong on a real machine: daemons restart, adapters go, processes are killed, thousands of values pass."""

import asyncio
import json
import os

import pytest
from bumble import hci

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.profile import SERVICE_UUID
from bled.link.base import MessageLink
from bled.progress import ignore_steps

from ..conformance.checks import is_lost, meet, pair, text_of  # noqa: TID252 - tests have no absolute names
from .machine import ADDRESSES, MARKS, RECOMMENDED, Guest
from .radios import GuestAir

pytestmark = MARKS

NOTICE_SECONDS = 60.0
BUYERS = {"dbus": "bluetooth:hci0"}
if os.environ.get("BLED_BLUEZ_BLESS"):  # not the default on Linux: see README.md
    BUYERS["bless"] = "bless:hci0"


@pytest.fixture(params=list(BUYERS))
def air(request: pytest.FixtureRequest, guest: Guest) -> GuestAir:
    """A till on bleak, and a buyer that must bear all of this."""
    return GuestAir(guest, buyer=BUYERS[request.param])


async def exchange(till: MessageLink, buyer: MessageLink) -> None:
    await till.send(text_of(1500))
    assert await buyer.receive(seconds=NOTICE_SECONDS) == text_of(1500)
    await buyer.send(text_of(1500))
    assert await till.receive(seconds=NOTICE_SECONDS) == text_of(1500)


async def both_are_lost(till: MessageLink, buyer: MessageLink) -> None:
    await asyncio.gather(is_lost(till, within=NOTICE_SECONDS), is_lost(buyer, within=NOTICE_SECONDS))
    await asyncio.gather(till.close(), buyer.close())


@pytest.mark.parametrize("number", [15, 9], ids=["stopped", "killed"])
async def test_bluetoothd_is_started_anew_in_the_middle(guest: Guest, air: GuestAir, number: int) -> None:
    async with pair(air) as (central, peripheral):
        till, buyer = await meet(central, peripheral)
        await guest.kill("bluetoothd", number)
        await both_are_lost(till, buyer)
        await guest.start_bluetoothd()
        await exchange(*await meet(central, peripheral))


async def test_bluetoothd_is_started_anew_while_both_wait(guest: Guest, air: GuestAir) -> None:
    async with pair(air) as (_, peripheral):
        waiting = asyncio.ensure_future(peripheral.accept(seconds=60, on_step=ignore_steps))
        await asyncio.wait([waiting], timeout=3)
        await guest.kill("bluetoothd")
        await guest.start_bluetoothd()
        central = await air.central()
        till = await central.connect(seconds=50, on_step=ignore_steps)
        await till.send(b"here")
        buyer = await waiting
        assert await buyer.receive(seconds=NOTICE_SECONDS) == b"here"


@pytest.mark.parametrize("adapter", ["hci0", "hci1"])
async def test_an_adapter_is_switched_off_and_on(guest: Guest, air: GuestAir, adapter: str) -> None:
    async with pair(air) as (central, peripheral):
        till, buyer = await meet(central, peripheral)
        await switch(guest, adapter, on=False)
        await both_are_lost(till, buyer)
        await switch(guest, adapter, on=True)
        await exchange(*await meet(central, peripheral))


async def switch(guest: Guest, adapter: str, *, on: bool) -> None:
    value = "true" if on else "false"
    call = "org.freedesktop.DBus.Properties.Set string:org.bluez.Adapter1 string:Powered"
    await guest.run(
        f"dbus-send --system --print-reply --dest=org.bluez /org/bluez/{adapter} {call} variant:boolean:{value}"
    )


async def test_a_radio_that_is_off_is_said_to_be_off(guest: Guest, air: GuestAir) -> None:
    await switch(guest, "hci0", on=False)
    try:
        async with pair(air) as (_, peripheral):
            with pytest.raises(Unavailable, match="switched off") as caught:
                await peripheral.accept(seconds=30, on_step=ignore_steps)
            assert caught.value.code is Code.RADIO_UNAVAILABLE
    finally:
        await switch(guest, "hci0", on=True)


@pytest.mark.parametrize("victim", ["till", "buyer"])
async def test_a_side_that_is_killed_is_missed_and_comes_back(guest: Guest, air: GuestAir, victim: str) -> None:
    central, peripheral = await air.central(), await air.peripheral()
    till, buyer = await meet(central, peripheral)
    await guest.kill(victim)
    rest = buyer if victim == "till" else till
    await is_lost(rest, within=NOTICE_SECONDS)
    await rest.close()
    if victim == "till":
        central = await air.central()
    else:
        peripheral = await air.peripheral()
    await exchange(*await meet(central, peripheral))
    await asyncio.gather(central.close(), peripheral.close())


async def test_two_thousand_notifications_arrive(air: GuestAir, capsys) -> None:
    async with pair(air, buyer_mtu=23) as (central, peripheral):
        till, buyer = await meet(central, peripheral)
        loop = asyncio.get_running_loop()
        start, frames = loop.time(), 0
        while frames < 2000:
            await buyer.send(text_of(4096))
            assert await till.receive(seconds=NOTICE_SECONDS) == text_of(4096)
            frames += 242
        with capsys.disabled():
            print(  # noqa: T201 - figures are part of the result
                f"\n{frames} notifications in {loop.time() - start:.1f} s"
            )


async def test_debians_own_main_conf_does_too(guest: Guest, air: GuestAir) -> None:
    await guest.kill("bluetoothd", 15)
    await guest.configure({})
    await guest.start_bluetoothd()
    try:
        async with pair(air) as (central, peripheral):
            for _ in range(3):
                till, buyer = await meet(central, peripheral)
                await exchange(till, buyer)
                await asyncio.gather(till.close(), buyer.close())
    finally:
        await guest.kill("bluetoothd", 15)
        await guest.configure(RECOMMENDED)
        await guest.start_bluetoothd()


async def test_the_beacon_says_nothing_but_the_service(guest: Guest, air: GuestAir) -> None:
    radio = await guest.host_radio()
    heard: list[bytes] = []
    radio.device.on("advertisement", lambda advertisement: heard.append(bytes(advertisement.data_bytes)))
    async with pair(air) as (_, peripheral):
        waiting = asyncio.ensure_future(peripheral.accept(seconds=20, on_step=ignore_steps))
        await radio.device.start_scanning(active=False)
        await asyncio.wait([waiting], timeout=4)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await radio.close()
    assert heard
    for data in heard:
        kinds = {kind for kind, _ in structures(data)}
        assert kinds <= {0x01, 0x07}, data.hex()
        assert (0x07, SERVICE_UUID.bytes[::-1]) in structures(data)


def structures(data: bytes) -> list[tuple[int, bytes]]:
    """Return the kinds and contents of advertising data."""
    found = []
    while data and data[0]:
        found.append((data[1], data[2 : 1 + data[0]]))
        data = data[1 + data[0] :]
    return found


async def test_the_doctor_knows_this_machine(guest: Guest) -> None:
    command = "python3 -c 'from bled.cli.main import main; main()' doctor radio --json"
    found = json.loads(await guest.run(command))
    assert found["usable"] is True
    by_subject = {finding["about"]: finding for finding in found["findings"]}
    assert by_subject["bluetoothd"]["level"] == by_subject["adapter hci0"]["level"] == "good"
    assert by_subject["BlueZ"]["detail"].startswith("BlueZ 5.")
    assert by_subject["ControllerMode"]["level"] == by_subject["Channels"]["level"] == "good"
    assert by_subject["Privacy"]["level"] == "advice"


async def test_a_stranger_that_says_nothing_does_not_keep_the_till_out(guest: Guest, air: GuestAir) -> None:
    stranger = await guest.host_radio()
    async with pair(air) as (central, peripheral):
        accepting = asyncio.ensure_future(peripheral.accept(seconds=60, on_step=ignore_steps))
        await asyncio.wait([accepting], timeout=2)
        link = await stranger.device.connect_le(hci.Address(ADDRESSES[0], hci.Address.PUBLIC_DEVICE_ADDRESS))
        ended = asyncio.Event()
        link.on("disconnection", lambda _: ended.set())
        till = await central.connect(seconds=50, on_step=ignore_steps)
        await till.send(b"offer")
        buyer = await accepting
        assert await buyer.receive(seconds=NOTICE_SECONDS) == b"offer"
        await asyncio.wait_for(ended.wait(), NOTICE_SECONDS)
        await exchange(till, buyer)
    await stranger.close()
