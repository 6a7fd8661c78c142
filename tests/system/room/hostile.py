"""Who means harm in a room: devices that pass for buyers, and readers that pass for tills. Each keeps one address."""

import asyncio
from uuid import UUID

from bumble import core, device, gatt

from bled.errors import BledError
from bled.gatt.beacon import beacon, is_beacon
from bled.gatt.profile import B2M_UUID, M2B_UUID, SERVICE_UUID
from bled.link.bumble_central import BumbleCentral
from bled.link.virtual import VirtualAir
from bled.progress import ignore_steps

_PROPERTIES = gatt.Characteristic.Properties
_PERMISSIONS = gatt.Characteristic.Permissions


class FalseBuyer:
    """A beacon that never ends. It takes every till, and answers what is written with `answers`, or with nothing."""

    def __init__(self, answers: tuple[bytes, ...]) -> None:
        self._answers = answers
        self.tills = 0

    async def show(self, air: VirtualAir, *, table: bool = True, uuid: UUID = SERVICE_UUID) -> None:
        """Show the beacon under `uuid`; without `table` there is nothing behind it."""
        self._data = beacon(uuid)
        self._stack = (await air.radio()).device
        m2b = gatt.Characteristic(
            core.UUID(str(M2B_UUID)),
            _PROPERTIES.WRITE,
            _PERMISSIONS.WRITEABLE,
            gatt.CharacteristicValue(write=self._on_write),
        )
        self._b2m = gatt.Characteristic(core.UUID(str(B2M_UUID)), _PROPERTIES.NOTIFY, _PERMISSIONS(0), b"")
        if table:
            self._stack.add_service(gatt.Service(core.UUID(str(uuid)), [m2b, self._b2m]))
        self._stack.on(self._stack.EVENT_CONNECTION, self._on_connection)
        await self._advertise()

    async def _advertise(self) -> None:
        await self._stack.start_advertising(
            advertising_data=self._data,
            auto_restart=True,
            advertising_interval_min=20,
            advertising_interval_max=20,
        )

    def _on_connection(self, _connection: device.Connection) -> None:
        self.tills += 1

    async def _on_write(self, connection: device.Connection, _value: bytes) -> None:
        for answer in self._answers:
            await self._stack.gatt_server.notify_subscriber(connection, self._b2m, answer)


async def squat(air: VirtualAir, squatters: list[FalseBuyer]) -> None:
    """Show each name that is not everybody's as well, as soon as it is heard, and answer tills with junk; for ever."""
    stack = (await air.radio()).device
    found: asyncio.Queue[UUID] = asyncio.Queue()
    known = {SERVICE_UUID}

    def on_advertisement(heard: device.Advertisement) -> None:
        name = UUID(bytes=heard.data_bytes[-16:][::-1])
        if name not in known:
            known.add(name)
            found.put_nowait(name)

    stack.on("advertisement", on_advertisement)
    await stack.start_scanning(active=False)
    while True:
        name = await found.get()
        squatters.append(FalseBuyer((b"\xc0\x00\x02\x18\x00",)))
        await squatters[-1].show(air, uuid=name)


async def sit_everywhere(air: VirtualAir) -> None:
    """Connect to every beacon that is heard, subscribe, and say nothing; for ever."""
    stack = (await air.radio()).device
    found: asyncio.Queue[device.Advertisement] = asyncio.Queue()
    stack.on("advertisement", lambda heard: is_beacon(heard.data_bytes) and found.put_nowait(heard))
    known = set()
    while True:
        await stack.start_scanning(active=False)
        heard = await found.get()
        await stack.stop_scanning()
        if heard.address in known:
            continue
        known.add(heard.address)
        try:
            connection = await stack.connect_le(heard.address, timeout=1)
            service = (await connection.gatt_client.discover_service(core.UUID(str(SERVICE_UUID))))[0]
            for characteristic in await service.discover_characteristics():
                if characteristic.properties & _PROPERTIES.NOTIFY:
                    await characteristic.subscribe(lambda _value: None)
        except (core.BaseBumbleError, AssertionError, LookupError, TimeoutError, asyncio.CancelledError):
            if asyncio.current_task().cancelling():
                raise


async def spoil_everything(central: BumbleCentral, *, pause: float) -> None:
    """Be the first to write to every buyer that can be had, and write junk; for ever."""
    while True:
        try:
            link = await central.connect(seconds=10, on_step=ignore_steps)
            await link._bearer.write(b"\xe0\x00\x04junk", last=True)
        except BledError:
            continue
        await asyncio.sleep(pause)
