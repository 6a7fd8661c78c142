"""Who is let in at a buyer's device, on a server that stands for the operating system's."""

import asyncio
from uuid import UUID

import pytest

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.frames import FramingError, split_message
from bled.link import host_peripheral
from bled.link.host_peripheral import HostEvents, HostPeripheral
from bled.progress import ignore_steps

OFFER = split_message(b"offer", att_mtu=517)[0]


class Server:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.sent: list[bytes] = []
        self.events: HostEvents | None = None
        self.refuses_beacon = 0
        self.slow = False
        self.sent_away = asyncio.Event()
        self.shown = asyncio.Event()

    async def open(self, events: HostEvents, *, uuid: UUID) -> None:
        self.uuid = uuid
        if self.events is None:
            self.asked.append("open")
            self.events = events

    async def show_beacon(self) -> None:
        self.asked.append("show")
        if self.refuses_beacon:
            self.refuses_beacon -= 1
            raise Unavailable(Code.RADIO_UNAVAILABLE, detail="refused")
        self.shown.set()

    async def hide_beacon(self) -> None:
        self.asked.append("hide")
        self.shown.clear()

    async def notify(self, frame: bytes) -> None:
        self.sent.append(frame)

    async def disconnect(self, guest: str) -> None:
        self.asked.append(f"disconnect {guest}")
        self.sent_away.set()
        if self.events is not None and not self.slow:
            self.events.left(guest)

    async def close(self) -> None:
        self.asked.append("close")
        self.events = None


@pytest.fixture
def server() -> Server:
    return Server()


async def waiting(server: Server, peripheral: HostPeripheral, *, seconds: float = 5.0):
    """Start to accept, and return the task once the beacon is shown."""
    task = asyncio.ensure_future(peripheral.accept(seconds=seconds, on_step=ignore_steps))
    await server.shown.wait()
    return task


async def test_the_first_that_subscribed_and_wrote_is_the_till(server: Server) -> None:
    peripheral = HostPeripheral(server, att_mtu=185)
    accepting = await waiting(server, peripheral)
    server.events.entered("A")
    server.events.subscribed(on=True)
    assert server.events.written("A", OFFER, 247)
    link = await accepting
    assert (link.peer, link.att_mtu) == ("A", 185)
    assert await link.receive(seconds=1) == b"offer"
    await link.send(b"answer")
    assert server.sent == list(split_message(b"answer", att_mtu=185))
    assert server.asked == ["open", "show", "hide"]
    await peripheral.close()
    assert server.asked[3:] == ["disconnect A", "close"]


async def test_nobody_but_the_till_is_heard(server: Server) -> None:
    peripheral = HostPeripheral(server)
    accepting = await waiting(server, peripheral)
    for guest in ("A", "B"):
        server.events.entered(guest)
    server.events.subscribed(on=True)
    assert server.events.written("A", OFFER, 517)
    assert not server.events.written("B", OFFER, 517)
    link = await accepting
    assert "disconnect B" in server.asked
    assert not server.events.written("B", OFFER, 517)
    assert await link.receive(seconds=1) == b"offer"
    with pytest.raises(Unavailable):
        await link.receive(seconds=0.01)


async def test_a_write_before_any_subscription_is_refused_and_its_writer_dropped(server: Server) -> None:
    peripheral = HostPeripheral(server)
    accepting = await waiting(server, peripheral, seconds=0.2)
    server.events.entered("A")
    assert not server.events.written("A", OFFER, 517)
    with pytest.raises(Unavailable) as caught:
        await accepting
    assert caught.value.code is Code.NO_BUYER
    assert "disconnect A" in server.asked


@pytest.mark.parametrize("end", ["left", "unsubscribed", "gone"])
async def test_the_till_that_goes_is_missed(server: Server, end: str) -> None:
    peripheral = HostPeripheral(server)
    accepting = await waiting(server, peripheral)
    server.events.entered("A")
    server.events.subscribed(on=True)
    server.events.written("A", OFFER, 517)
    link = await accepting
    await link.receive(seconds=1)
    if end == "left":
        server.events.left("A")
    elif end == "unsubscribed":
        server.events.subscribed(on=False)
    else:
        server.events.gone("bluetoothd has stopped")
    with pytest.raises(Unavailable) as caught:
        await link.receive(seconds=1)
    assert caught.value.code is Code.LINK_LOST
    with pytest.raises(Unavailable):
        await link.send(b"late")
    assert server.sent == []
    again = await waiting(server, peripheral)
    assert server.asked.count("open") == (2 if end == "gone" else 1)
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)


async def test_a_radio_that_goes_and_comes_back_while_waiting_is_set_up_anew(server: Server) -> None:
    peripheral = HostPeripheral(server)
    accepting = await waiting(server, peripheral)
    server.shown.clear()
    server.events.gone("bluetoothd has stopped")
    await server.shown.wait()
    assert server.asked == ["open", "show", "close", "open", "show"]
    server.events.subscribed(on=True)
    server.events.written("A", OFFER, 517)
    assert await (await accepting).receive(seconds=1) == b"offer"


async def test_a_beacon_that_is_refused_three_times_is_a_radio_that_cannot_be_used(server: Server) -> None:
    server.refuses_beacon = 3
    peripheral = HostPeripheral(server)
    with pytest.raises(Unavailable, match="refused") as caught:
        await peripheral.accept(seconds=5, on_step=ignore_steps)
    assert caught.value.code is Code.RADIO_UNAVAILABLE
    assert server.asked.count("show") == 3


async def test_a_guest_that_does_nothing_does_not_keep_the_beacon_off(server: Server, monkeypatch) -> None:
    monkeypatch.setattr(host_peripheral, "PATIENCE_SECONDS", 0.05)
    peripheral = HostPeripheral(server)
    accepting = await waiting(server, peripheral)
    server.shown.clear()
    server.events.entered("A")
    await asyncio.wait_for(server.shown.wait(), 2)
    assert server.asked.count("show") == 2
    accepting.cancel()
    await asyncio.gather(accepting, return_exceptions=True)


async def test_no_till_in_time_leaves_no_beacon_and_no_guest(server: Server) -> None:
    peripheral = HostPeripheral(server)
    accepting = await waiting(server, peripheral, seconds=0.1)
    server.events.entered("A")
    with pytest.raises(Unavailable) as caught:
        await accepting
    assert caught.value.code is Code.NO_BUYER
    assert server.asked[-2:] == ["hide", "disconnect A"]


async def test_a_till_that_broke_the_profile_twice_is_kept_out_and_another_is_not(server: Server) -> None:
    peripheral = HostPeripheral(server)
    for _ in range(2):
        accepting = await waiting(server, peripheral)
        server.events.entered("A")
        server.events.subscribed(on=True)
        assert server.events.written("A", b"\xe0", 247)
        link = await accepting
        with pytest.raises(FramingError):
            await link.receive(seconds=1)
    accepting = await waiting(server, peripheral)
    server.events.entered("A")
    server.events.subscribed(on=True)
    assert not server.events.written("A", OFFER, 247)
    server.events.entered("B")
    assert server.events.written("B", OFFER, 247)
    assert (await accepting).peer == "B"
    assert "disconnect A" in server.asked
    await peripheral.close()


async def test_a_server_that_does_not_know_its_guests_keeps_nobody_out(server: Server) -> None:
    peripheral = HostPeripheral(server, knows_guests=False)
    for _ in range(3):
        accepting = await waiting(server, peripheral)
        server.events.entered("somebody")
        server.events.subscribed(on=True)
        assert server.events.written("somebody", b"\xe0", 247)
        await accepting
    await peripheral.close()


async def test_who_comes_eleven_times_for_nothing_is_sent_away(server: Server) -> None:
    peripheral = HostPeripheral(server)
    accepting = await waiting(server, peripheral)
    for _ in range(10):
        server.events.entered("A")
        server.events.left("A")
    server.events.subscribed(on=True)
    server.events.entered("A")
    assert not server.events.written("A", OFFER, 247)
    server.events.entered("B")
    assert server.events.written("B", OFFER, 247)
    assert (await accepting).peer == "B"
    await peripheral.close()


async def test_a_guest_that_was_sent_away_is_not_heard_while_the_system_takes_its_time(server: Server) -> None:
    peripheral = HostPeripheral(server)
    server.slow = True
    for _ in range(2):
        accepting = await waiting(server, peripheral)
        server.events.entered("A")
        server.events.subscribed(on=True)
        server.events.written("A", b"\xe0", 247)
        await accepting
        server.events.left("A")
    accepting = await waiting(server, peripheral)
    server.sent_away.clear()
    server.events.entered("A")
    server.events.subscribed(on=True)
    await server.sent_away.wait()
    assert not server.events.written("A", OFFER, 247)
    server.events.left("A")
    server.events.entered("B")
    assert server.events.written("B", OFFER, 247)
    assert (await accepting).peer == "B"
    await peripheral.close()
