"""Buyer, till and air as processes of their own, which die separately."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bled.codes import Code
from bled.errors import Unavailable
from bled.link.air_server import serve_air
from bled.link.base import MessageLink
from bled.link.radio import open_central, open_peripheral
from bled.progress import ignore_steps

pytestmark = pytest.mark.system

SIDE = Path(__file__).with_name("side.py")
AIR = """
import asyncio, sys
from bled.link.air_server import serve_air

async def main():
    async with serve_air("127.0.0.1:0") as address:
        print(address, flush=True)
        await asyncio.get_running_loop().create_future()

asyncio.run(main())
"""


class Process:
    """A child that prints a line for each thing that happens."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self.child = child

    async def line(self) -> str:
        async with asyncio.timeout(15):
            return (await self.child.stdout.readline()).decode().strip()

    async def kill(self) -> None:
        self.child.send_signal(signal.SIGKILL)
        await self.child.wait()

    async def end(self) -> tuple[int, str]:
        """Return the exit code and everything on standard error."""
        async with asyncio.timeout(15):
            _out, err = await self.child.communicate()
        return self.child.returncode, err.decode()


Start = Callable[..., Awaitable[Process]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start children; those that still run at the end are killed."""
    async with AsyncExitStack() as stack:

        async def run(*arguments: str) -> Process:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-W", "error", *arguments,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            stack.push_async_callback(stop, child)
            return Process(child)

        yield run


async def stop(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        child.kill()
    await child.communicate()


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """An air in this process."""
    async with serve_air("127.0.0.1:0") as real:
        yield real


async def test_two_processes_exchange_messages_and_end_without_a_word_on_standard_error(start, address) -> None:
    buyer = await start(str(SIDE), "buyer", address, "receive,send:3900,receive,send:4096")
    till = await start(str(SIDE), "till", address, "send:4096,receive,send:1,receive")
    assert (await till.line()).startswith("linked")
    assert (await buyer.line()).startswith("linked")
    assert [await till.line() for _ in range(5)] == ["sent 4096", "received 3900", "sent 1", "received 4096", "closed"]
    assert [await buyer.line() for _ in range(5)] == ["received 4096", "sent 3900", "received 1", "sent 4096", "closed"]
    assert await till.end() == (0, "")
    assert await buyer.end() == (0, "")


async def missed(link: MessageLink) -> None:
    """Check that `link` notices within 5 seconds that the other process was killed, and closes at once."""
    async with asyncio.timeout(5):
        with pytest.raises(Unavailable) as caught:
            await link.receive(seconds=30)
        assert caught.value.code is Code.LINK_LOST
        assert "out of reach" in caught.value.detail
        await link.close()


@pytest.mark.parametrize("frame", [0, 1, 4, 8])
async def test_a_buyer_killed_at_a_frame_is_missed_by_the_till(start, address, frame: int) -> None:
    buyer = await start(str(SIDE), "buyer", address, f"receive,kill:{frame},send:150")
    radio = await open_central(f"virtual:{address}", att_mtu=23)
    link = await radio.connect(seconds=10, on_step=ignore_steps)
    await link.send(b"offer")
    await buyer.child.wait()
    await missed(link)
    await radio.close()
    assert buyer.child.returncode == -signal.SIGKILL


@pytest.mark.parametrize("frame", [1, 4, 8])
async def test_a_till_killed_at_a_frame_is_missed_by_the_buyer(start, address, frame: int) -> None:
    radio = await open_peripheral(f"virtual:{address}")
    accepting = asyncio.ensure_future(radio.accept(seconds=10, on_step=ignore_steps))
    till = await start(str(SIDE), "till", address, f"kill:{frame},send:150")
    link = await accepting
    await till.child.wait()
    await missed(link)
    await radio.close()


async def test_a_till_killed_before_its_first_frame_leaves_the_beacon_on_for_the_next(start, address) -> None:
    radio = await open_peripheral(f"virtual:{address}")
    accepting = asyncio.ensure_future(radio.accept(seconds=20, on_step=ignore_steps))
    killed = await start(str(SIDE), "till", address, "kill:0,send:150")
    await killed.child.wait()
    next_till = await start(str(SIDE), "till", address, "send:5,wait")
    link = await accepting
    assert await link.receive(seconds=5) == bytes(5)
    await next_till.kill()
    await missed(link)
    await radio.close()


async def test_a_killed_process_is_missed_by_one_that_waits_and_one_that_speaks(start, address) -> None:
    buyer = await start(str(SIDE), "buyer", address, "receive,wait")
    radio = await open_central(f"virtual:{address}", att_mtu=23)
    link = await radio.connect(seconds=10, on_step=ignore_steps)
    await link.send(b"offer")
    assert (await buyer.line()).startswith("linked")
    assert await buyer.line() == "received 5"
    assert await buyer.line() == "waiting"
    waiting = asyncio.ensure_future(link.receive(seconds=30))
    await buyer.kill()
    async with asyncio.timeout(5):
        with pytest.raises(Unavailable):
            await waiting
        with pytest.raises(Unavailable):
            await link.send(bytes(4096))
        await radio.close()


@pytest.mark.parametrize("victim", ["till", "buyer"])
async def test_the_one_that_survives_a_kill_says_so_and_ends_cleanly(start, address, victim: str) -> None:
    buyer = await start(str(SIDE), "buyer", address, "receive,wait")
    till = await start(str(SIDE), "till", address, "send:5,wait")
    while await buyer.line() != "waiting":
        pass
    while await till.line() != "waiting":
        pass
    dead, alive = (till, buyer) if victim == "till" else (buyer, till)
    await dead.kill()
    assert [await alive.line() for _ in range(2)] == ["ended link-lost", "closed"]
    assert await alive.end() == (0, "")


async def test_a_till_that_speaks_when_its_buyer_is_killed_ends_cleanly_too(start, address) -> None:
    buyer = await start(str(SIDE), "buyer", address, "receive,wait")
    till = await start(str(SIDE), "till", address, "send:5" + ",send:4096" * 200)
    while await buyer.line() != "waiting":
        pass
    while await till.line() != "sent 4096":
        pass
    await buyer.kill()
    while (line := await till.line()) == "sent 4096":
        pass
    assert line == "ended link-lost"
    assert await till.line() == "closed"
    assert await till.end() == (0, "")


async def test_a_process_that_hangs_is_a_gap_and_then_nobody(start, address) -> None:
    buyer = await start(str(SIDE), "buyer", address, "receive,wait")
    radio = await open_central(f"virtual:{address}", att_mtu=23)
    link = await radio.connect(seconds=10, on_step=ignore_steps)
    await link.send(b"offer")
    while await buyer.line() != "waiting":
        pass
    buyer.child.send_signal(signal.SIGSTOP)
    with pytest.raises(Unavailable) as caught:
        await link.receive(seconds=0.3)
    assert caught.value.code is Code.PEER_TIMEOUT
    async with asyncio.timeout(4):
        await radio.close()
    buyer.child.send_signal(signal.SIGCONT)
    assert await buyer.line() == "ended link-lost"


async def test_a_killed_air_ends_every_link_and_every_search(start) -> None:
    air = await start("-c", AIR)
    address = await air.line()
    central, peripheral = await open_central(f"virtual:{address}"), await open_peripheral(f"virtual:{address}")
    lonely = await open_peripheral(f"virtual:{address}")
    async with asyncio.TaskGroup() as group:
        accepting = group.create_task(peripheral.accept(seconds=10, on_step=ignore_steps))
        till = await central.connect(seconds=10, on_step=ignore_steps)
        await till.send(b"offer")
    buyer = accepting.result()
    searching = asyncio.ensure_future(lonely.accept(seconds=30, on_step=ignore_steps))
    await asyncio.sleep(0.05)
    await air.kill()
    async with asyncio.timeout(5):
        assert await buyer.receive(seconds=30) == b"offer"
        for link in (till, buyer):
            with pytest.raises(Unavailable) as caught:
                await link.receive(seconds=30)
            assert caught.value.code is Code.LINK_LOST
        with pytest.raises(Unavailable) as caught:
            await searching
        assert caught.value.code is Code.RADIO_UNAVAILABLE
        for radio in (central, peripheral, lonely):
            await radio.close()
    with pytest.raises(Unavailable) as caught:
        await open_central(f"virtual:{address}")
    assert caught.value.code is Code.RADIO_UNAVAILABLE
