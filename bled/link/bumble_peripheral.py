"""The buyer's radio on bumble: the beacon, the GATT table, and the one till that is let in."""

import asyncio
from typing import Any, Final
from uuid import UUID

from bumble import core, device, gatt

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.beacon import beacon
from bled.gatt.channel import PlainChannel
from bled.gatt.profile import B2M_UUID, M2B_UUID, MAX_ATT_MTU, SERVICE_UUID
from bled.link.bumble_bearer import BumbleBearer
from bled.link.bumble_radio import BumbleRadio
from bled.link.conduct import Conduct
from bled.link.framed import FramedLink
from bled.link.lobby import Lobby
from bled.link.radio import check_att_mtu
from bled.progress import OnStep, ignore_steps

ADVERTISE_SECONDS: Final = 120.0
"""The beacon is never on for longer: it says that somebody here can pay."""
INTERVAL_MILLISECONDS: Final = 20.0
"""Between two advertisements, while a person holds the device out to a till."""
EARLY_SECONDS: Final = 0.001
"""A timer may fire a little before its time; what is due by then is due."""

_Properties = gatt.Characteristic.Properties


class BumblePeripheral:
    """A `Peripheral` on a bumble radio. One link at a time."""

    def __init__(self, radio: BumbleRadio, *, att_mtu: int = MAX_ATT_MTU) -> None:
        """Take the radio, which `close` gives back, and the most that is agreed to as ATT_MTU."""
        check_att_mtu(att_mtu)
        self._radio = radio
        self._link: FramedLink | None = None
        self._bound: device.Connection | None = None
        self._lobby: Lobby[device.Connection] = Lobby()
        self._conduct = Conduct()
        self._changed = asyncio.Event()
        self._leaving: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Future[FramedLink] | None = None
        self._on_step: OnStep = ignore_steps
        self._radio.device.gatt_server.max_mtu = att_mtu
        self._b2m = self._add_service(SERVICE_UUID)
        radio.device.on(radio.device.EVENT_CONNECTION, self._on_connection)

    def _add_service(self, uuid: UUID) -> "gatt.Characteristic[bytes]":
        m2b: gatt.Characteristic[bytes] = gatt.Characteristic(
            core.UUID(str(M2B_UUID)),
            _Properties.WRITE | _Properties.WRITE_WITHOUT_RESPONSE,
            gatt.Characteristic.Permissions.WRITEABLE,
            gatt.CharacteristicValue(write=self._on_write),
        )
        b2m: gatt.Characteristic[bytes] = gatt.Characteristic(
            core.UUID(str(B2M_UUID)), _Properties.NOTIFY, gatt.Characteristic.Permissions(0), b""
        )
        b2m.on(b2m.EVENT_SUBSCRIPTION, self._on_subscription)
        self._service = gatt.Service(core.UUID(str(uuid)), [m2b, b2m])
        self._radio.device.add_service(self._service)
        self._uuid = uuid
        return b2m

    def _offer_service(self, uuid: UUID) -> None:
        """Have the table under `uuid` and no other: who looks for another service must not find this device."""
        if uuid != self._uuid:
            self._radio.remove_last_service(self._service)
            self._b2m = self._add_service(uuid)

    async def accept(self, *, seconds: float, on_step: OnStep, uuid: UUID = SERVICE_UUID) -> FramedLink:
        """Return the link to the first till, as `Peripheral.accept` says."""
        await self._hang_up()
        self._on_step = on_step
        self._accepting = asyncio.get_running_loop().create_future()
        link = None
        try:
            async with asyncio.timeout(min(seconds, ADVERTISE_SECONDS)):
                self._offer_service(uuid)
                await self._radio.set_random_address()
                await self._show_beacon()
                on_step("advertising", {"seconds": round(min(seconds, ADVERTISE_SECONDS))})
                link = await self._wait(self._accepting)
                return link
        except TimeoutError:
            raise Unavailable(Code.NO_BUYER, detail="no till came") from None
        finally:
            await self._close_lobby(link)

    async def close(self) -> None:
        """Close the link, stop the beacon and give the radio back."""
        await self._hang_up()
        for leaving in tuple(self._leaving):
            leaving.cancel()
        await self._radio.close()

    async def _hang_up(self) -> None:
        if self._link is not None:
            await self._link.close()
            if self._link.violated_at is not None:
                self._conduct.offend(self._link.peer, now=self._link.violated_at)
        self._link = self._bound = None

    async def _show_beacon(self) -> None:
        await self._radio.command(
            self._radio.device.start_advertising(
                advertising_data=beacon(self._uuid),
                scan_response_data=b"",
                advertising_interval_min=INTERVAL_MILLISECONDS,
                advertising_interval_max=INTERVAL_MILLISECONDS,
            )
        )

    async def _wait(self, accepting: "asyncio.Future[FramedLink]") -> FramedLink:
        """Keep the lobby in order until a central is bound."""
        while not accepting.done():
            self._changed.clear()
            for guest in self._lobby.to_drop(now=_now() + EARLY_SECONDS):
                self._lobby.leave(guest)
                await self._radio.disconnect(guest)
            if not self._radio.device.is_advertising:
                await self._show_beacon()  # a controller stops at each connection; an idle one must not block the next
            await self._until_changed(accepting)
        return accepting.result()

    async def _until_changed(self, accepting: "asyncio.Future[FramedLink]") -> None:
        """Wait until a central is bound, comes, subscribes, leaves or is overdue."""
        deadline = self._lobby.deadline()
        timeout = None if deadline is None else max(0.0, deadline - _now())
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            waiting: set[asyncio.Future[Any]] = {accepting, changed, self._radio.gone}
            await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
        if self._radio.gone.done():
            raise Unavailable(Code.RADIO_UNAVAILABLE, detail=self._radio.gone.result())

    async def _close_lobby(self, link: FramedLink | None) -> None:
        """Stop the beacon and drop everybody but the one behind `link`; who has just come, in a moment."""
        self._accepting = None
        lobby, self._lobby = self._lobby, Lobby()
        if link is None:
            await self._hang_up()
        await self._radio.stop_advertising()
        for connection in tuple(self._radio.device.connections.values()):
            if connection is self._bound:
                continue
            if seconds := lobby.settles_in(connection, now=_now()):
                self._drop_later(connection, seconds)
            else:
                await self._radio.disconnect(connection)

    def _drop_later(self, connection: device.Connection, seconds: float) -> None:
        async def drop() -> None:
            await asyncio.sleep(seconds)
            await self._radio.disconnect(connection)

        leaving = asyncio.ensure_future(drop())
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def _on_connection(self, connection: device.Connection) -> None:
        def on_disconnection(_reason: int) -> None:
            self._lobby.leave(connection)
            self._changed.set()

        connection.on(connection.EVENT_DISCONNECTION, on_disconnection)
        self._lobby.enter(connection, now=_now())
        if self._accepting is not None and not self._conduct.call(_address(connection), now=_now()):
            self._lobby.turn_away(connection, now=_now())
        self._radio.meter.start(connection.handle)
        self._changed.set()

    def _on_subscription(self, connection: device.Connection, notify: bool, _indicate: bool) -> None:
        if connection is self._bound and self._link is not None:
            if not notify:
                self._link.lose("the till switched notifications off")
            return
        self._lobby.subscribe(connection, on=notify, now=_now())
        if notify and self._accepting is not None:
            self._on_step("connected", {"att_mtu": connection.att_mtu})
            self._on_step("subscribed", {})
        self._changed.set()

    def _on_write(self, connection: device.Connection, value: bytes) -> None:
        if connection is self._bound and self._link is not None:
            self._link.take_frame(value)
        elif self._accepting is not None and not self._accepting.done():
            if self._lobby.may_write(connection):
                self._accepting.set_result(self._bind(connection))
                self._on_write(connection, value)
            else:
                self._lobby.condemn(connection, now=_now())
                self._changed.set()

    def _bind(self, connection: device.Connection) -> FramedLink:
        """This central is the till from now on; everybody else is ignored."""
        self._conduct.speak(_address(connection))
        stack = self._radio.device

        async def put(frame: bytes, _last: bool) -> None:
            await stack.gatt_server.notify_subscriber(connection, self._b2m, frame)

        lost = self._radio.watch(connection)
        bearer = BumbleBearer(self._radio, connection, lost=lost, put=put)
        link = FramedLink(bearer, channel=PlainChannel(), on_step=self._on_step)
        lost.add_done_callback(lambda _: link.lose(lost.result()))
        self._bound, self._link = connection, link
        self._lobby.leave(connection)
        return link


def _address(connection: device.Connection) -> str:
    return connection.peer_address.to_string(with_type_qualifier=False)


def _now() -> float:
    return asyncio.get_running_loop().time()
