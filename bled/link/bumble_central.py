"""The till's radio on bumble: find a beacon, connect, discover, subscribe."""

import asyncio
from typing import Any, Final
from uuid import UUID

from bumble import device, gatt, hci

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.beacon import is_beacon
from bled.gatt.channel import PlainChannel
from bled.gatt.profile import MAX_ATT_MTU, SERVICE_UUID
from bled.link.bumble_bearer import BumbleBearer
from bled.link.bumble_discovery import discover
from bled.link.bumble_radio import COMMAND_SECONDS, BumbleRadio, Lost, bounded
from bled.link.framed import FramedLink
from bled.link.radio import check_att_mtu
from bled.link.search import Heard, Search
from bled.link.tries import MAX_REMEMBERED
from bled.progress import OnStep

CONNECT_SECONDS: Final = 4.0
"""Longest wait for a connection that was asked for."""
DISCOVER_SECONDS: Final = 5.0
"""Longest wait for MTU exchange and discovery together."""
SUBSCRIBE_SECONDS: Final = 2.0
"""Longest wait for the answer to the subscription."""
SETTLE_SECONDS: Final = 0.05
"""How much longer to listen once a beacon was heard: a stronger one may be a moment behind."""

_PREFERENCES: Final = device.ConnectionParametersPreferences(
    connection_interval_min=7.5, connection_interval_max=15, max_latency=0, supervision_timeout=2000
)
"""In milliseconds. Half a second of default interval and supervision would cost more than the whole exchange."""
_COMMAND: Final = gatt.Characteristic.Properties.WRITE_WITHOUT_RESPONSE
_Found = tuple[hci.Address, UUID]


class BumbleCentral:
    """A `Central` on a bumble radio. One link at a time."""

    def __init__(self, radio: BumbleRadio, *, att_mtu: int = MAX_ATT_MTU) -> None:
        """Take the radio, which `close` gives back, and the most that is asked for as ATT_MTU."""
        check_att_mtu(att_mtu)
        self._radio = radio
        self._att_mtu = att_mtu
        self._search: Search[_Found] = Search()
        self._link: FramedLink | None = None
        # A peer's own client may ask for an ATT_MTU as well, as BlueZ's does.
        radio.device.gatt_server.max_mtu = att_mtu

    async def connect(self, *, seconds: float, on_step: OnStep, uuid: UUID = SERVICE_UUID) -> FramedLink:
        """Return a link to the strongest buyer in reach, as `Central.connect` says."""
        return (await self.connect_any(seconds=seconds, on_step=on_step, uuids=(uuid,)))[1]

    async def connect_any(self, *, seconds: float, on_step: OnStep, uuids: tuple[UUID, ...]) -> tuple[UUID, FramedLink]:
        """Return the UUID of the strongest buyer in reach, and a link, as `Central.connect_any` says."""
        await self._hang_up()
        try:
            async with asyncio.timeout(seconds):
                (_, uuid), self._link = await self._search.run(
                    lambda: self._find(uuids),
                    lambda found: self._join(*found, on_step),
                    gone=lambda: self._radio.gone,
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

    async def _find(self, uuids: tuple[UUID, ...]) -> tuple[str, _Found]:
        """Scan until a beacon is seen that may be tried; return whoever goes first."""
        stack = self._radio.device
        seen: Heard[_Found] = {uuid: {} for uuid in uuids}
        first: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def on_advertisement(advertisement: device.Advertisement) -> None:
            address = _text(advertisement.address)
            uuid = next((uuid for uuid in uuids if is_beacon(advertisement.data_bytes, service=uuid)), None)
            if uuid is not None and self._search.may_try(address):
                seen[uuid][address] = (advertisement.address, uuid), advertisement.rssi
                if not first.done():
                    first.set_result(None)
            elif len(stack.advertisement_accumulators) > MAX_REMEMBERED:
                stack.advertisement_accumulators.clear()  # bumble keeps everybody it ever heard

        stack.on(stack.EVENT_ADVERTISEMENT, on_advertisement)
        try:
            # Passive: a beacon says everything in its first packet, and asking would tell it that we are here.
            await self._radio.command(stack.start_scanning(active=False, scanning_phys=(hci.HCI_LE_1M_PHY,)))
            await asyncio.wait([first, self._radio.gone], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(SETTLE_SECONDS)
            await self._radio.command(stack.stop_scanning())
        finally:
            stack.remove_listener(stack.EVENT_ADVERTISEMENT, on_advertisement)
        return self._search.choose(seen)

    async def _join(self, address: hci.Address, uuid: UUID, on_step: OnStep) -> FramedLink:
        """Connect to one device and subscribe; leaves nothing behind when that fails or is cancelled."""
        link = None
        try:
            connection = await self._connect(address)
            self._radio.meter.start(connection.handle)
            link = await self._open(connection, self._radio.watch(connection), on_step, uuid)
            return link
        finally:
            if link is None:
                await self._radio.disconnect_all()

    async def _connect(self, address: hci.Address) -> device.Connection:
        stack = self._radio.device
        connection = None
        try:
            work = stack.connect_le(
                address,
                connection_parameters_preferences={hci.Phy.LE_1M: _PREFERENCES},
                timeout=CONNECT_SECONDS,
            )
            connection = await bounded(work, lost=self._radio.gone, seconds=CONNECT_SECONDS + COMMAND_SECONDS)
            return connection
        finally:
            if connection is None:  # cancelled, perhaps: the controller would go on trying
                await self._radio.give_up_connecting()

    async def _open(self, connection: device.Connection, lost: Lost, on_step: OnStep, uuid: UUID) -> FramedLink:
        client = connection.gatt_client
        discovery = discover(client, att_mtu=self._att_mtu, uuid=uuid)
        table = await bounded(discovery, lost=lost, seconds=DISCOVER_SECONDS)
        on_step("connected", {"att_mtu": connection.att_mtu})
        always_acknowledged = not table.m2b.properties & _COMMAND

        async def put(frame: bytes, last: bool) -> None:
            await client.write_value(table.m2b, frame, with_response=last or always_acknowledged)

        bearer = BumbleBearer(self._radio, connection, lost=lost, put=put)
        link = FramedLink(bearer, channel=PlainChannel(), on_step=on_step)
        lost.add_done_callback(lambda _: link.lose(lost.result()))
        await bounded(table.b2m.subscribe(link.take_frame), lost=lost, seconds=SUBSCRIBE_SECONDS)
        on_step("subscribed", {})
        return link


def _text(address: hci.Address) -> str:
    return address.to_string(with_type_qualifier=False)
