"""The till's radio on the operating system's Bluetooth, by bleak: BlueZ, macOS and Windows."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Final
from uuid import UUID

from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.channel import PlainChannel
from bled.gatt.profile import B2M_UUID, M2B_UUID, MAX_ATT_MTU, MIN_ATT_MTU, SERVICE_UUID
from bled.link.bleak_bearer import BLEAK_ERRORS, BleakBearer
from bled.link.framed import FramedLink
from bled.link.radio import check_att_mtu
from bled.link.search import Heard, Search
from bled.link.system_radio import SystemRadio
from bled.link.waiting import Lost, bounded, lose, new_lost
from bled.progress import OnStep

JOIN_SECONDS: Final = 9.0
"""Longest wait for connection, MTU exchange and discovery: 4 s and 5 s, which bleak has in one call."""
SUBSCRIBE_SECONDS: Final = 2.0
"""Longest wait for the answer to the subscription."""
SETTLE_SECONDS: Final = 0.05
"""How much longer to listen once a beacon was heard: a stronger one may be a moment behind."""
ROUND_SECONDS: Final = 3.0
"""After so long without a beacon the scan starts anew: BlueZ pauses five seconds in every fifteen."""
STOP_SECONDS: Final = 2.0
"""Longest wait for the end of a scan."""
SCAN_TRIES: Final = 3
"""How often a scan may fail to start before the radio counts as out of use."""
SCAN_PAUSE_SECONDS: Final = 0.5
"""Between such tries."""
HANG_UP_SECONDS: Final = 6.0
"""Longest wait for the connection before; BlueZ takes two seconds for a disconnection."""

_WRITE_HEADER_BYTES: Final = 3

_OnAdvertisement = Callable[[BLEDevice, AdvertisementData], None]
_Found = tuple[BLEDevice, UUID]


class BleakCentral:
    """A `Central` on the system's Bluetooth. One link at a time; each has its own `BleakClient`."""

    def __init__(self, adapter: str | None, *, att_mtu: int = MAX_ATT_MTU) -> None:
        """Take an adapter's name, as "hci1" (None: the first), and the longest ATT_MTU by which frames are cut."""
        check_att_mtu(att_mtu)
        self._radio = SystemRadio(adapter)
        self._att_mtu = att_mtu
        self._search: Search[_Found] = Search()
        self._link: FramedLink | None = None
        self._bearer: BleakBearer | None = None

    async def connect(self, *, seconds: float, on_step: OnStep, uuid: UUID = SERVICE_UUID) -> FramedLink:
        """Return a link to the strongest buyer in reach, as `Central.connect` says."""
        return (await self.connect_any(seconds=seconds, on_step=on_step, uuids=(uuid,)))[1]

    async def connect_any(self, *, seconds: float, on_step: OnStep, uuids: tuple[UUID, ...]) -> tuple[UUID, FramedLink]:
        """Return the UUID of the strongest buyer in reach, and a link, as `Central.connect_any` says."""
        await self._hang_up()
        try:
            async with asyncio.timeout(seconds):
                await self._radio.open(leftovers=str(uuids[0]))
                (_, uuid), self._link = await self._search.run(
                    lambda: self._find(uuids),
                    lambda found: self._join(found[0], on_step, str(found[1])),
                    gone=lambda: self._radio.lost,
                    on_step=on_step,
                )
                return uuid, self._link
        except TimeoutError:
            raise Unavailable(Code.NO_BUYER, detail=f"no link within {seconds:g} s") from None

    async def close(self) -> None:
        """Close the link and give the radio back."""
        await self._hang_up()
        await self._radio.close()

    async def _hang_up(self) -> None:
        if self._link is not None:
            await self._link.close()
            self._search.judge(self._link, self._link.peer)
            self._link = None
        if self._bearer is not None:
            await self._bearer.ended(seconds=HANG_UP_SECONDS)
            self._bearer = None

    async def _find(self, uuids: tuple[UUID, ...]) -> tuple[str, _Found]:
        """Scan until a beacon is seen that may be tried; return whoever goes first."""
        seen: Heard[_Found] = {uuid: {} for uuid in uuids}
        first = asyncio.Event()

        def on_advertisement(device: BLEDevice, data: AdvertisementData) -> None:
            # The program filters itself: BlueZ merges the filters of all programs, and remembers old services.
            uuid = next((uuid for uuid in uuids if str(uuid) in data.service_uuids), None)
            if uuid is not None and self._search.may_try(device.address):
                seen[uuid][device.address] = (device, uuid), data.rssi
                first.set()

        failures = 0
        while not any(seen.values()):
            try:
                await self._scan(on_advertisement, first)
            except Unavailable:  # another program may have the scan, or BlueZ may not have ended the one before
                failures += 1
                if failures == SCAN_TRIES or self._radio.lost.done():
                    raise
                await asyncio.sleep(SCAN_PAUSE_SECONDS)
        return self._search.choose(seen)

    async def _scan(self, on_advertisement: _OnAdvertisement, first: asyncio.Event) -> None:
        scanner = BleakScanner(on_advertisement, **self._radio.options)
        starting = asyncio.ensure_future(scanner.start())
        try:
            await self._command(_shielded(starting))
            await self._first(first)
        finally:
            await self._stop(scanner, starting)

    async def _first(self, first: asyncio.Event) -> None:
        waiting = asyncio.ensure_future(first.wait())
        either: set[asyncio.Future[Any]] = {waiting, self._radio.lost}
        try:
            await asyncio.wait(either, timeout=ROUND_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if self._radio.lost.done():
            raise Unavailable(Code.RADIO_UNAVAILABLE, detail=self._radio.lost.result())
        if first.is_set():
            await asyncio.sleep(SETTLE_SECONDS)

    async def _stop(self, scanner: BleakScanner, starting: "asyncio.Task[None]") -> None:
        """End a scan. One that is only beginning is let begin: half a start would keep every later one out."""
        await asyncio.wait({starting}, timeout=STOP_SECONDS)
        if not starting.done() or starting.cancelled() or starting.exception() is not None:
            starting.cancel()
            return
        with contextlib.suppress(Unavailable):  # then it ends with its connection to D-Bus
            await bounded(scanner.stop(), lost=self._radio.lost, seconds=STOP_SECONDS, errors=BLEAK_ERRORS)

    async def _command(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await bounded(work, lost=self._radio.lost, seconds=STOP_SECONDS, errors=BLEAK_ERRORS)
        except Unavailable as error:
            raise Unavailable(Code.RADIO_UNAVAILABLE, detail=error.detail) from error

    async def _join(self, device: BLEDevice, on_step: OnStep, service: str) -> FramedLink:
        """Connect to one device and subscribe; leaves nothing behind when that fails or is cancelled."""
        lost = new_lost()
        self._radio.lost.add_done_callback(lambda gone: lose(lost, gone.result()))
        client = BleakClient(
            device,
            disconnected_callback=lambda _: lose(lost, "the link ended"),
            timeout=JOIN_SECONDS,
            **self._radio.options,
        )
        link = None
        bearer = BleakBearer(client, lost=lost, forget=lambda: self._radio.forget(device))
        self._bearer = bearer
        try:
            link = await self._open(device, client, bearer, lost, on_step=on_step, service=service)
            return link
        finally:
            if link is None:
                await bearer.close()

    async def _open(
        self, device: BLEDevice, client: BleakClient, bearer: BleakBearer, lost: Lost, *, on_step: OnStep, service: str
    ) -> FramedLink:
        await bounded(client.connect(), lost=lost, seconds=JOIN_SECONDS, errors=BLEAK_ERRORS)
        m2b, b2m = _characteristics(client, service)
        self._radio.watch(device, lost)
        bearer.start(m2b, att_mtu=min(self._att_mtu, att_mtu_of(m2b)))
        on_step("connected", {"att_mtu": bearer.att_mtu})
        link = FramedLink(bearer, channel=PlainChannel(), on_step=on_step)
        lost.add_done_callback(lambda _: link.lose(lost.result()))

        def on_notification(_characteristic: BleakGATTCharacteristic, value: bytearray) -> None:
            bearer.heard(value)
            link.take_frame(bytes(value))

        await bounded(
            client.start_notify(b2m, on_notification), lost=lost, seconds=SUBSCRIBE_SECONDS, errors=BLEAK_ERRORS
        )
        on_step("subscribed", {})
        return link


async def _shielded(task: "asyncio.Task[None]") -> None:
    """Wait for a task that goes on when the wait does not."""
    await asyncio.shield(task)


def att_mtu_of(characteristic: BleakGATTCharacteristic) -> int:
    """Return the ATT_MTU that the system has negotiated, 23 to 517."""
    return max(MIN_ATT_MTU, min(MAX_ATT_MTU, characteristic.max_write_without_response_size + _WRITE_HEADER_BYTES))


def _characteristics(client: BleakClient, uuid: str) -> tuple[BleakGATTCharacteristic, BleakGATTCharacteristic]:
    service = client.services.get_service(uuid)
    if service is None:
        raise _other_table("it has no such service")
    m2b, b2m = service.get_characteristic(str(M2B_UUID)), service.get_characteristic(str(B2M_UUID))
    if m2b is None or b2m is None or "write" not in m2b.properties or "notify" not in b2m.properties:
        raise _other_table("its characteristics are not those of the profile")
    return m2b, b2m


def _other_table(detail: str) -> Unavailable:
    return Unavailable(Code.LINK_LOST, detail=f"the device is no buyer's: {detail}")
