"""The server of the virtual air."""

import asyncio
import contextlib
import socket

import pytest

from bled.codes import Code
from bled.errors import BledError, ConfigurationError, Unavailable
from bled.link import air_server
from bled.link.air_server import serve_air
from bled.link.radio import open_central, open_peripheral

pytestmark = pytest.mark.system


@pytest.mark.parametrize("kind", ["tcp", "unix"])
async def test_clients_meet_over_either_kind_of_socket(meet, tmp_path, kind: str) -> None:
    wanted = "127.0.0.1:0" if kind == "tcp" else str(tmp_path / "air.sock")
    async with serve_air(wanted) as address:
        central, peripheral = await open_central(f"virtual:{address}"), await open_peripheral(f"virtual:{address}")
        till, buyer = await meet(central, peripheral)
        assert till.att_mtu == 517
        await buyer.send(bytes(4096))
        assert await till.receive(seconds=2) == bytes(4096)
        await central.close()
        with pytest.raises(Unavailable) as caught:
            await buyer.receive(seconds=2)
        assert caught.value.code is Code.LINK_LOST
        await peripheral.close()
    assert list(tmp_path.iterdir()) == []


async def test_a_place_that_is_taken_or_impossible_is_said(tmp_path) -> None:
    async with serve_air("127.0.0.1:0") as address:
        for wanted in (address, str(tmp_path / "no" / "air.sock")):
            with pytest.raises(Unavailable) as caught:
                async with serve_air(wanted):
                    pass
            assert caught.value.code is Code.RADIO_UNAVAILABLE


async def test_the_socket_of_an_air_that_was_killed_is_taken_over(tmp_path) -> None:
    path = tmp_path / "air.sock"
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(path))
    async with serve_air(str(path)) as address:
        radio = await open_central(f"virtual:{address}")
        await radio.close()


@pytest.mark.parametrize("wanted", ["", "nowhere", "localhost:", ":1", "localhost:99999", "localhost:-1"])
async def test_an_address_that_is_none_is_a_setting_to_mend(wanted: str) -> None:
    with pytest.raises(ConfigurationError):
        async with serve_air(wanted):
            pass
    with pytest.raises(ConfigurationError):
        await open_central(f"virtual:{wanted}")


@pytest.mark.parametrize("radio", ["", "hci0", "virtual:", "bluez", "Virtual:127.0.0.1:1"])
async def test_a_radio_that_is_not_there_is_said_in_a_sentence(radio: str) -> None:
    for open_side in (open_central, open_peripheral):
        with pytest.raises(BledError) as caught:
            await open_side(radio)
        assert caught.value.code is Code.RADIO_UNAVAILABLE
        assert "virtual:ADDRESS" in caught.value.detail


@pytest.mark.parametrize("att_mtu", [22, 518, 0, -1])
async def test_an_att_mtu_outside_23_to_517_is_refused(att_mtu: int) -> None:
    for open_side in (open_central, open_peripheral):
        with pytest.raises(ConfigurationError) as caught:
            await open_side("virtual:127.0.0.1:1", att_mtu=att_mtu)
        assert caught.value.code is Code.CONFIG_BAD


async def test_a_client_that_speaks_no_hci_is_cut_off_and_the_others_go_on(meet) -> None:
    async with serve_air("127.0.0.1:0") as address:
        central, peripheral = await open_central(f"virtual:{address}"), await open_peripheral(f"virtual:{address}")
        till, buyer = await meet(central, peripheral)
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionError):  # how it ends depends on what was read of the line
            assert await asyncio.wait_for(reader.read(), 2) == b""
        writer.close()
        await buyer.send(b"undisturbed")
        assert await till.receive(seconds=2) == b"undisturbed"
        await central.close()
        await peripheral.close()


async def test_a_client_above_the_limit_is_turned_away(monkeypatch) -> None:
    monkeypatch.setattr(air_server, "MAX_CLIENTS", 2)
    async with serve_air("127.0.0.1:0") as address:
        radios = [await open_central(f"virtual:{address}") for _ in range(2)]
        with pytest.raises(Unavailable) as caught:
            await open_central(f"virtual:{address}")
        assert caught.value.code is Code.RADIO_UNAVAILABLE
        for radio in radios:
            await radio.close()


async def write_for_ever(writer: asyncio.StreamWriter, data: bytes) -> None:
    while True:
        writer.write(data)
        await writer.drain()


async def test_a_client_that_reads_nothing_is_cut_off_at_the_limit(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(air_server, "MAX_BACKLOG_BYTES", 1000)
    read_local_supported_commands = bytes.fromhex("01021000")  # 71 bytes of answer
    async with serve_air(str(tmp_path / "air.sock")) as address:
        reader, writer = await asyncio.open_unix_connection(address, limit=1)
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(write_for_ever(writer, read_local_supported_commands * 100), 10)
        writer.close()
        reader.feed_eof()
