"""Whatever a stranger's Bluetooth device does ends in one clear error, and in nothing else."""

import asyncio

import pytest
from bumble import core, device, gatt

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.frames import FramingError, Reassembler, Violation, split_message
from bled.gatt.profile import ADVERTISEMENT, B2M_UUID, M2B_UUID, SERVICE_UUID
from bled.link.lobby import TURN_AWAY_SECONDS
from bled.link.virtual import VirtualAir
from bled.progress import ignore_steps

pytestmark = pytest.mark.system

JUNK = [
    ([b"\xc0"], Violation.HEADER),
    ([b"\xe0\x00\x01a"], Violation.RESERVED),
    ([b"\x80\x00\x01"], Violation.EMPTY),
    ([b"\x40a"], Violation.NO_FIRST),
    ([b"\xd5\x00\x01a"], Violation.NUMBER),
    ([b"\xc1\x00\x01a", b"\xc1\x00\x01a"], Violation.DUPLICATE),
    ([b"\x80\x00\x05a", b"\xc1\x00\x01a"], Violation.FIRST_INSIDE),
    ([b"\xc0\x00\x00a"], Violation.LENGTH),
    ([b"\xc0\x10\x01a"], Violation.TOO_LARGE),
    ([b"\xc0\x00\x01ab"], Violation.OVERRUN),
    ([b"\xc0\x00\x02a"], Violation.SHORT),
    ([b"\x80\x00\x01a"], Violation.LAST_MISSING),
    ([bytes([0xC0 | number]) + b"\x00\x01a" for number in range(17)], Violation.FLOOD),
    ([b"\x80\x10\x00" + bytes(9), *(bytes([number]) for number in range(1, 3))], Violation.EMPTY),
]


class Stranger:
    """A raw central that knows the profile and keeps to nothing."""

    def __init__(self, connection: device.Connection, m2b, b2m) -> None:
        self.connection = connection
        self.m2b = m2b
        self.b2m = b2m
        self.heard: list[bytes] = []

    @classmethod
    async def approach(cls, air: VirtualAir, *, subscribe: bool = True) -> "Stranger":
        """Connect to the one beacon in the air, from a new radio."""
        stack = (await air.radio()).device
        heard: asyncio.Future[device.Advertisement] = asyncio.get_running_loop().create_future()
        stack.on("advertisement", lambda advertisement: heard.done() or heard.set_result(advertisement))
        await stack.start_scanning(active=False)
        connection = await stack.connect_le((await heard).address, timeout=4)
        await stack.stop_scanning()
        client = connection.gatt_client
        await client.request_mtu(517)
        service = (await client.discover_service(core.UUID(str(SERVICE_UUID))))[0]
        found = {str(proxy.uuid).lower(): proxy for proxy in await service.discover_characteristics()}
        stranger = cls(connection, found[str(M2B_UUID)], found[str(B2M_UUID)])
        if subscribe:
            await stranger.b2m.subscribe(stranger.heard.append)
        return stranger

    async def write(self, value: bytes, *, with_response: bool = True) -> None:
        await self.connection.gatt_client.write_value(self.m2b, value, with_response=with_response)


@pytest.fixture
def accept():
    """Start accepting in the background."""

    def start(peripheral, *, seconds: float = 10):
        return asyncio.ensure_future(peripheral.accept(seconds=seconds, on_step=ignore_steps))

    return start


@pytest.mark.parametrize("with_response", [True, False])
@pytest.mark.parametrize(("values", "violation"), JUNK, ids=[violation.value for _, violation in JUNK])
def test_a_central_that_writes_junk_gets_a_framing_error(
    fast, accept, values: list[bytes], violation: Violation, with_response: bool
) -> None:
    async def attack() -> None:
        async with VirtualAir() as air:
            peripheral = await air.peripheral()
            accepting = accept(peripheral)
            stranger = await Stranger.approach(air)
            for value in values:
                await stranger.write(value, with_response=with_response)
            link = await accepting
            if violation is Violation.FLOOD:
                await asyncio.sleep(0.1)
                for _ in range(16):
                    await link.receive(seconds=1)
            with pytest.raises(FramingError) as caught:
                await link.receive(seconds=1)
            assert caught.value.violation is violation
            await link.send(b"that was wrong")  # whoever received may still say so
            await asyncio.sleep(0.1)
            assert stranger.heard == [b"\xc0\x00\x0ethat was wrong"]
            await stranger.write(b"\xc0\x00\x01a")
            with pytest.raises(FramingError):
                await link.receive(seconds=1)
            await link.close()

    fast(attack())


@pytest.mark.parametrize(("values", "violation"), JUNK, ids=[violation.value for _, violation in JUNK])
def test_a_peripheral_that_notifies_junk_gets_a_framing_error(
    fast, meet, values: list[bytes], violation: Violation
) -> None:
    async def attack() -> None:
        async with VirtualAir() as air:
            central, peripheral = await air.central(), await air.peripheral()
            till, buyer = await meet(central, peripheral)
            for value in values:
                await buyer._bearer.write(value, last=True)
            if violation is Violation.FLOOD:
                await asyncio.sleep(0.1)
                for _ in range(16):
                    await till.receive(seconds=1)
            with pytest.raises(FramingError) as caught:
                await till.receive(seconds=1)
            assert caught.value.violation is violation
            await till.close()

    fast(attack())


def test_a_value_above_512_bytes_is_refused_by_the_stack_and_leaves_a_gap(fast, accept) -> None:
    async def attack() -> None:
        async with VirtualAir() as air:
            accepting = accept(await air.peripheral())
            stranger = await Stranger.approach(air)
            await stranger.write(b"\x80\x10\x00" + bytes(100))
            await stranger.write(b"\x01" + bytes(512), with_response=False)
            link = await accepting
            with pytest.raises(FramingError) as caught:
                await link.receive(seconds=10)
            assert caught.value.violation is Violation.GAP

    fast(attack())


def test_a_long_write_is_one_value_like_any_other(fast, accept) -> None:
    async def attack() -> None:
        async with VirtualAir() as air:
            accepting = accept(await air.peripheral())
            stranger = await Stranger.approach(air)
            await stranger.connection.gatt_client.write_long_value(stranger.m2b.handle, b"\xc0\x01\xfc" + bytes(508))
            assert await (await accepting).receive(seconds=1) == bytes(508)

    fast(attack())


def test_the_first_that_subscribes_and_writes_is_bound_and_the_others_are_dropped(fast, accept) -> None:
    async def crowd() -> None:
        async with VirtualAir() as air:
            accepting = accept(await air.peripheral())
            idle = await Stranger.approach(air, subscribe=False)
            slow = await Stranger.approach(air)
            first = await Stranger.approach(air)
            await first.write(b"\xc0\x00\x05first")
            link = await accepting
            await asyncio.sleep(0.1)
            assert await link.receive(seconds=1) == b"first"
            assert link.peer == str(first.connection.device.random_address)[:17]
            await link.send(b"hello")
            await asyncio.sleep(0.1)
            assert (first.heard, slow.heard) == ([b"\xc0\x00\x05hello"], [])
            await asyncio.sleep(TURN_AWAY_SECONDS)
            for other in (idle, slow):
                assert other.connection.handle not in other.connection.device.connections

    fast(crowd())


@pytest.mark.parametrize("head_start", [0.0, 0.001, 0.02, 0.06, 0.1])
def test_of_two_tills_that_want_one_buyer_one_is_served_and_the_other_told(fast, accept, head_start: float) -> None:
    async def till(air: VirtualAir, *, after: float) -> str:
        central = await air.central()
        await asyncio.sleep(after)
        try:
            link = await central.connect(seconds=10, on_step=ignore_steps)
            await link.send(b"offer")
            return (await link.receive(seconds=10)).decode()
        except Unavailable as error:
            return error.code.value

    async def race() -> None:
        async with VirtualAir() as air:
            accepting = accept(await air.peripheral())
            tills = [asyncio.ensure_future(till(air, after=after)) for after in (0.0, head_start)]
            link = await accepting
            assert await link.receive(seconds=1) == b"offer"
            await link.send(b"served")
            loser, winner = sorted(await asyncio.gather(*tills))
            assert winner == "served"
            assert loser in {"link-lost", "no-buyer"}

    fast(race())


def test_centrals_that_only_sit_there_do_not_keep_a_till_out(fast, meet) -> None:
    async def crowd() -> None:
        async with VirtualAir() as air:
            central, peripheral = await air.central(), await air.peripheral()
            meeting = asyncio.ensure_future(meet(_After(central, 1.0), peripheral))
            sitters = [await Stranger.approach(air, subscribe=number % 2 == 0) for number in range(7)]
            till, buyer = await meeting
            await buyer.send(b"welcome")
            assert await till.receive(seconds=1) == b"welcome"
            await asyncio.sleep(TURN_AWAY_SECONDS)
            assert all(sitter.connection.handle not in sitter.connection.device.connections for sitter in sitters)

    fast(crowd())


class _After:
    """A central that waits before it looks around."""

    def __init__(self, central, seconds: float) -> None:
        self._central = central
        self._seconds = seconds

    async def connect(self, *, seconds: float, on_step):
        await asyncio.sleep(self._seconds)
        return await self._central.connect(seconds=seconds, on_step=on_step)


def test_a_central_that_writes_before_it_subscribed_is_disconnected(fast, accept) -> None:
    async def attack() -> None:
        async with VirtualAir() as air:
            accepting = accept(await air.peripheral(), seconds=5)
            stranger = await Stranger.approach(air, subscribe=False)
            await stranger.write(b"\xc0\x00\x05early")
            await asyncio.sleep(0.5)
            assert stranger.connection.handle not in stranger.connection.device.connections
            assert not accepting.done()
            with pytest.raises(Unavailable) as caught:
                await accepting
            assert caught.value.code is Code.NO_BUYER

    fast(attack())


def test_a_central_that_switches_notifications_off_has_left(fast, accept) -> None:
    async def attack() -> None:
        async with VirtualAir() as air:
            accepting = accept(await air.peripheral())
            stranger = await Stranger.approach(air)
            await stranger.write(b"\xc0\x00\x05hello")
            link = await accepting
            assert await link.receive(seconds=1) == b"hello"
            await stranger.b2m.unsubscribe(force=True)
            with pytest.raises(Unavailable, match="notifications off"):
                await link.receive(seconds=1)
            await link.close()

    fast(attack())


def test_nobody_can_pair(fast, accept) -> None:
    async def attack() -> None:
        async with VirtualAir() as air:
            accepting = accept(await air.peripheral())
            stranger = await Stranger.approach(air)
            with pytest.raises(core.ProtocolError):
                await stranger.connection.pair()
            await stranger.write(b"\xc0\x00\x05hello")
            assert await (await accepting).receive(seconds=1) == b"hello"

    fast(attack())


def test_the_beacon_and_the_table_say_no_more_than_the_profile(fast, accept) -> None:
    async def look() -> None:
        async with VirtualAir() as air:
            accepting = accept(await air.peripheral())
            stack = (await air.radio()).device
            heard: asyncio.Future[device.Advertisement] = asyncio.get_running_loop().create_future()
            stack.on("advertisement", lambda advertisement: heard.done() or heard.set_result(advertisement))
            await stack.start_scanning(active=True)
            advertisement = await heard
            assert advertisement.data_bytes == ADVERTISEMENT
            connection = await stack.connect_le(advertisement.address, timeout=4)
            client = connection.gatt_client
            services = await client.discover_services()
            assert [str(service.uuid).lower() for service in services][1:] == [str(SERVICE_UUID)]
            assert services[0].uuid == gatt.GATT_GENERIC_ACCESS_SERVICE
            m2b, b2m = await services[1].discover_characteristics()
            properties = gatt.Characteristic.Properties
            assert (str(m2b.uuid).lower(), str(b2m.uuid).lower()) == (str(M2B_UUID), str(B2M_UUID))
            assert m2b.properties == properties.WRITE | properties.WRITE_WITHOUT_RESPONSE
            assert b2m.properties == properties.NOTIFY
            descriptors = await b2m.discover_descriptors()
            assert [d.type for d in descriptors] == [gatt.GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR]
            assert b2m.handle + 1 == services[1].end_group_handle
            accepting.cancel()
            await asyncio.gather(accepting, return_exceptions=True)

    fast(look())


class PlainBuyer:
    """A buyer's device by somebody else, as simple as the profile allows: Write only, and it answers each message."""

    def __init__(self, stack: device.Device) -> None:
        properties = gatt.Characteristic.Properties
        self.stack = stack
        self.frames = Reassembler()
        self.sent = 0
        writes = gatt.CharacteristicValue(write=self.on_write)
        m2b = gatt.Characteristic(core.UUID(str(M2B_UUID)), properties.WRITE, gatt.Characteristic.WRITEABLE, writes)
        self.b2m = gatt.Characteristic(core.UUID(str(B2M_UUID)), properties.NOTIFY, gatt.Characteristic.Permissions(0))
        stack.add_service(gatt.Service(core.UUID(str(SERVICE_UUID)), [m2b, self.b2m]))

    async def on_write(self, connection, value: bytes) -> None:
        for message in self.frames.receive(value, now=0.0):
            for frame in split_message(message[::-1], att_mtu=connection.att_mtu, first_number=self.sent):
                self.sent += 1
                await self.stack.notify_subscriber(connection, self.b2m, frame)


@pytest.mark.parametrize("att_mtu", [23, 100, 517])
def test_a_device_that_takes_only_writes_with_response_is_served(fast, att_mtu: int) -> None:
    async def talk() -> None:
        async with VirtualAir() as air:
            other = PlainBuyer((await air.radio()).device)
            await other.stack.start_advertising(advertising_data=ADVERTISEMENT)
            till = await (await air.central(att_mtu)).connect(seconds=5, on_step=ignore_steps)
            for size in (1, 300, 4096):
                message = bytes(index % 253 for index in range(size))
                await till.send(message)
                assert await till.receive(seconds=5) == message[::-1]
            await till.close()

    fast(talk())


@pytest.mark.parametrize("table", ["empty", "no notify", "no write", "one short"])
def test_a_beacon_without_the_right_table_is_no_buyer(fast, table: str) -> None:
    properties = gatt.Characteristic.Properties
    writes = {"no write": properties.READ}.get(table, properties.WRITE)
    notifies = {"no notify": properties.READ}.get(table, properties.NOTIFY)
    m2b = gatt.Characteristic(core.UUID(str(M2B_UUID)), writes, gatt.Characteristic.Permissions.WRITEABLE, b"")
    b2m = gatt.Characteristic(core.UUID(str(B2M_UUID)), notifies, gatt.Characteristic.Permissions(0), b"")
    characteristics = {"one short": [m2b]}.get(table, [m2b, b2m])

    async def attack() -> None:
        async with VirtualAir() as air:
            central = await air.central()
            stack = (await air.radio()).device
            if table != "empty":
                stack.add_service(gatt.Service(core.UUID(str(SERVICE_UUID)), characteristics))
            tries = 0

            async def advertise() -> None:
                await stack.start_advertising(advertising_data=ADVERTISEMENT, auto_restart=True)

            def count(_connection) -> None:
                nonlocal tries
                tries += 1

            stack.on("connection", count)
            await advertise()
            with pytest.raises(Unavailable) as caught:
                await central.connect(seconds=20, on_step=ignore_steps)
            assert caught.value.code is Code.NO_BUYER
            assert tries == 3

    fast(attack())
