"""Names of radios, and how each backend says that its radio is not there."""

import asyncio
import sys

import pytest

from bled.codes import Code
from bled.errors import BledError, ConfigurationError, Unavailable
from bled.link.air_server import serve_air
from bled.link.radio import open_central, open_peripheral
from bled.progress import ignore_steps

SIDES = (open_central, open_peripheral)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", ["", "bluetoot", "virtual", "virtual:", "hci", "hci:", "usb:0", "Bluetooth"])
async def test_a_name_that_is_none_is_refused_with_those_that_are(side, name: str) -> None:
    with pytest.raises(ConfigurationError, match="use bluetooth, ") as caught:
        await side(name)
    assert caught.value.code is Code.RADIO_UNAVAILABLE


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", ["hci:", "hci:bluetooth", "hci:file:/etc/passwd", "hci:ws-server:_:1"])
async def test_a_way_to_a_dongle_that_makes_no_sense_is_refused(side, name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await side(name)
    assert caught.value.code is Code.RADIO_UNAVAILABLE


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    "name",
    [
        "hci:usb:99",
        "hci:usb:what",
        "hci:pyusb:99",
        "hci:serial:/dev/no-such-dongle",
        "hci:hci-socket:99",
        "hci:tcp-client:127.0.0.1:1",
        "hci:tcp-client:what",
    ],
)
async def test_a_dongle_that_is_not_there_is_a_radio_that_cannot_be_used(side, name: str) -> None:
    with pytest.raises(Unavailable, match="cannot be opened") as caught:
        await side(name)
    assert caught.value.code is Code.RADIO_UNAVAILABLE


async def test_two_dongles_meet() -> None:
    async with serve_air("127.0.0.1:0") as address:
        central = await open_central(f"hci:tcp-client:{address}")
        peripheral = await open_peripheral(f"hci:tcp-client:{address}", att_mtu=185)
        accepting = asyncio.ensure_future(peripheral.accept(seconds=5, on_step=ignore_steps))
        till = await central.connect(seconds=5, on_step=ignore_steps)
        await till.send(b"offer")
        buyer = await accepting
        assert await buyer.receive(seconds=1) == b"offer"
        assert till.att_mtu == buyer.att_mtu == 185
        await central.close()
        await peripheral.close()


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", ["bluetooth", "bluetooth:hci0", "bless:hci0"])
async def test_an_adapter_of_the_system_is_looked_for_when_it_is_used(side, name: str, monkeypatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    radio = await side(name)
    use = radio.connect if side is open_central else radio.accept
    with pytest.raises(BledError) as caught:
        await use(seconds=5, on_step=ignore_steps)
    assert caught.value.code is Code.RADIO_UNAVAILABLE
    await radio.close()
    await radio.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere bless is the only peripheral")
async def test_on_linux_the_buyers_side_is_dbus_and_bless_by_name() -> None:
    from bled.link.bless_peripheral import BlessPeripheral
    from bled.link.dbus_peripheral import DbusPeripheral

    assert type(await open_peripheral("bluetooth")) is DbusPeripheral
    assert type(await open_peripheral("bless")) is BlessPeripheral
