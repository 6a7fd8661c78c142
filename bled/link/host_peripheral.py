"""The buyer's radio on the operating system's Bluetooth: who is let in, whatever library offers the service."""

import asyncio
from typing import Any, Final, Protocol
from uuid import UUID

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.channel import PlainChannel
from bled.gatt.profile import MAX_ATT_MTU, MIN_ATT_MTU, SERVICE_UUID
from bled.link.base import LinkStats
from bled.link.conduct import Conduct
from bled.link.framed import FramedLink
from bled.link.lobby import Lobby
from bled.link.radio import check_att_mtu
from bled.link.tally import ValueTally
from bled.link.waiting import Lost, bounded, lose, new_lost, now
from bled.progress import OnStep, ignore_steps

ADVERTISE_SECONDS: Final = 120.0
"""The beacon is never on for longer: it says that somebody here can pay."""
CLOSE_SECONDS: Final = 2.0
"""Longest wait at a close; what the system has not done by then it does by itself."""
PATIENCE_SECONDS: Final = 3.0
"""The system stops the beacon when a central connects; one that does not write for so long must not keep others out."""
REBUILDS: Final = 3
"""How often in one wait the service is set up anew, after bluetoothd or the adapter went away."""
EARLY_SECONDS: Final = 0.001
"""A timer may fire a little before its time; what is due by then is due."""


class HostEvents(Protocol):
    """What a server tells about the centrals at its table. `guest` is a name that the server understands."""

    def entered(self, guest: str) -> None:
        """A central has connected."""
        ...

    def left(self, guest: str) -> None:
        """A central has disconnected."""
        ...

    def subscribed(self, on: bool) -> None:
        """Somebody is subscribed now, or nobody any more."""
        ...

    def written(self, guest: str, value: bytes, att_mtu: int) -> bool:
        """A central has written; return whether it may."""
        ...

    def gone(self, detail: str) -> None:
        """The adapter or its daemon is gone, and the table with it."""
        ...


class HostServer(Protocol):
    """The profile's service, as one library offers it."""

    async def open(self, events: HostEvents, *, uuid: UUID) -> None:
        """Set the table up in a service `uuid` and in no other, unless it stands; waits up to 10 s for an adapter.

        Raises `Unavailable` (`RADIO_UNAVAILABLE`).
        """
        ...

    async def show_beacon(self) -> None:
        """Start the beacon, or start it anew. Raises `Unavailable` (`RADIO_UNAVAILABLE`)."""
        ...

    async def hide_beacon(self) -> None:
        """Stop the beacon; raises nothing."""
        ...

    async def notify(self, frame: bytes) -> None:
        """Send a value to whoever is subscribed, at the pace of the system.

        Raises `Unavailable` (`LINK_LOST`) when nobody can be reached.
        """
        ...

    async def disconnect(self, guest: str) -> None:
        """End a central's connection, if the library can; raises nothing."""
        ...

    async def close(self) -> None:
        """Take the table away; idempotent."""
        ...


class _Bearer:
    """The connection to the one central that is bound."""

    def __init__(self, server: HostServer, guest: str, *, att_mtu: int, lost: Lost) -> None:
        self._server = server
        self._guest = guest
        self._lost = lost
        self._tally = ValueTally()
        self.att_mtu = att_mtu

    @property
    def peer(self) -> str:
        return self._guest

    @property
    def stats(self) -> LinkStats:
        return self._tally.stats

    def heard(self, value: bytes) -> None:
        self._tally.count(len(value))

    async def write(self, frame: bytes, *, last: bool) -> None:  # noqa: ARG002 (the driver's signature)
        if self._lost.done():
            raise Unavailable(Code.LINK_LOST, detail=self._lost.result())
        self._tally.count(len(frame))
        await bounded(self._server.notify(frame), lost=self._lost, seconds=None, errors=())

    async def close(self) -> None:
        if self._lost.done():
            return
        ending = asyncio.ensure_future(self._server.disconnect(self._guest))
        either: set[asyncio.Future[Any]] = {ending, self._lost}
        await asyncio.wait(either, timeout=CLOSE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        lose(self._lost, "the link was closed here")


class HostPeripheral:
    """A `Peripheral` on a server. One link at a time; nobody but the first that wrote is heard."""

    def __init__(self, server: HostServer, *, att_mtu: int = MAX_ATT_MTU, knows_guests: bool = True) -> None:
        """Take the server, which `close` ends, and the longest ATT_MTU by which frames are cut.

        A server that has one name for everybody does not know its guests, and nobody is kept out for what he did.
        """
        check_att_mtu(att_mtu)
        self._server = server
        self._att_mtu = att_mtu
        self._on_step: OnStep = ignore_steps
        self._lobby: Lobby[str] = Lobby()
        self._conduct = Conduct() if knows_guests else None
        self._dropped: set[str] = set()  # told to go; BlueZ takes two seconds, in which they can still write
        self._changed = asyncio.Event()
        self._accepting: asyncio.Future[FramedLink] | None = None
        self._link: FramedLink | None = None
        self._bearer: _Bearer | None = None
        self._guest = ""
        self._lost = new_lost()
        self._gone = new_lost()
        self._heard_at: float | None = None
        self._notifying = False

    async def accept(self, *, seconds: float, on_step: OnStep, uuid: UUID = SERVICE_UUID) -> FramedLink:
        """Return the link to the first till, as `Peripheral.accept` says."""
        await self._hang_up()
        self._on_step = on_step
        link = None
        try:
            async with asyncio.timeout(min(seconds, ADVERTISE_SECONDS)):
                link = await self._welcome(min(seconds, ADVERTISE_SECONDS), uuid)
                return link
        except TimeoutError:
            if self._accepting is None:
                raise Unavailable(Code.RADIO_UNAVAILABLE, detail="the adapter did not come in time") from None
            raise Unavailable(Code.NO_BUYER, detail="no till came") from None
        finally:
            await self._close_lobby(link)

    async def close(self) -> None:
        """Close the link, stop the beacon and give the radio back."""
        await self._hang_up()
        await self._server.close()

    async def _hang_up(self) -> None:
        if self._link is not None:
            await self._link.close()
            if self._conduct is not None and self._link.violated_at is not None:
                self._conduct.offend(self._link.peer, now=self._link.violated_at)
        self._link = self._bearer = None
        self._guest = ""

    async def _welcome(self, seconds: float, uuid: UUID) -> FramedLink:
        """Advertise until a till is bound; set everything up anew when it goes away meanwhile."""
        for _ in range(REBUILDS):
            if self._gone.done():
                await self._server.close()
            self._gone = new_lost()
            await self._server.open(self, uuid=uuid)
            self._accepting = asyncio.get_running_loop().create_future()
            try:
                await self._server.show_beacon()
            except Unavailable as error:  # it may have gone just now, and be there again in a second
                lose(self._gone, error.detail)
            else:
                self._on_step("advertising", {"seconds": seconds})
                await self._wait(self._accepting)
            if self._accepting.done():
                return self._accepting.result()
            self._on_step("radio gone", {"detail": self._gone.result()})
        raise Unavailable(Code.RADIO_UNAVAILABLE, detail=self._gone.result())

    async def _wait(self, accepting: "asyncio.Future[FramedLink]") -> None:
        """Keep the lobby in order until a central is bound or the radio is gone."""
        while not accepting.done() and not self._gone.done():
            self._changed.clear()
            for guest in self._lobby.to_drop(now=now() + EARLY_SECONDS):
                self._lobby.leave(guest)
                self._dropped.add(guest)
                await self._server.disconnect(guest)
            if self._heard_at is not None and now() + EARLY_SECONDS >= self._heard_at + PATIENCE_SECONDS:
                self._heard_at = None
                await self._show_again()
            await self._until_changed(accepting)

    async def _show_again(self) -> None:
        """Show the beacon to others too. Not every adapter can while connected: then they wait for the guest's end."""
        try:
            await self._server.show_beacon()
        except Unavailable as error:
            self._on_step("beacon off", {"detail": error.detail})

    async def _until_changed(self, accepting: "asyncio.Future[FramedLink]") -> None:
        """Wait until a central is bound, comes, subscribes, leaves or is overdue."""
        again = None if self._heard_at is None else self._heard_at + PATIENCE_SECONDS
        due = min((time for time in (self._lobby.deadline(), again) if time is not None), default=None)
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            waiting: set[asyncio.Future[Any]] = {accepting, changed, self._gone}
            timeout = None if due is None else max(0.0, due - now())
            await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()

    async def _close_lobby(self, link: FramedLink | None) -> None:
        """Stop the beacon and drop everybody but the one behind `link`."""
        self._accepting = None
        guests, self._lobby, self._heard_at = self._lobby, Lobby(), None
        if link is None:
            await self._hang_up()
        await self._server.hide_beacon()
        for guest in guests.guests():
            await self._server.disconnect(guest)

    def entered(self, guest: str) -> None:
        """A central has connected: it has a while to subscribe and write."""
        if guest == self._guest or self._accepting is None:
            return
        self._dropped.discard(guest)
        self._lobby.enter(guest, now=now())
        self._lobby.subscribe(guest, on=self._notifying, now=now())
        if self._conduct is not None and not self._conduct.call(guest, now=now()):
            self._lobby.turn_away(guest, now=now())
        self._heard_at = now()
        self._changed.set()

    def left(self, guest: str) -> None:
        """A central has disconnected; when it was the till, the link is lost."""
        self._lobby.leave(guest)
        self._dropped.discard(guest)
        self._changed.set()
        if guest == self._guest:
            lose(self._lost, "the other side closed the link")

    def subscribed(self, on: bool) -> None:
        """Somebody is subscribed, or nobody any more. Systems do not say who."""
        self._notifying = on
        if not on and self._link is not None:
            lose(self._lost, "the till switched notifications off")
        for guest in self._lobby.guests():
            self._lobby.subscribe(guest, on=on, now=now())
        if on and self._accepting is not None:
            self._on_step("subscribed", {})
        self._changed.set()

    def written(self, guest: str, value: bytes, att_mtu: int) -> bool:
        """Take a till's frame, or make a till of the central that wrote; return False for anybody else."""
        if self._link is not None and guest == self._guest and not self._lost.done():
            self._take(value)
            return True
        if self._accepting is None or self._accepting.done() or self._is_sent_away(guest):
            return False
        if not self._notifying:
            self._lobby.condemn(guest, now=now())
            self._changed.set()
            return False
        self._accepting.set_result(self._bind(guest, att_mtu))
        self._take(value)
        return True

    def _is_sent_away(self, guest: str) -> bool:
        return guest in self._dropped or self._lobby.is_condemned(guest)

    def gone(self, detail: str) -> None:
        """The radio is gone: the link is lost, and a wait starts anew."""
        self._notifying = False
        self._dropped.clear()
        self._lobby = Lobby()
        lose(self._gone, detail)
        lose(self._lost, detail)

    def _take(self, value: bytes) -> None:
        if self._link is not None and self._bearer is not None:
            self._bearer.heard(value)
            self._link.take_frame(value)

    def _bind(self, guest: str, att_mtu: int) -> FramedLink:
        """This central is the till from now on; everybody else is ignored."""
        if self._conduct is not None:
            self._conduct.speak(guest)
        att_mtu = max(MIN_ATT_MTU, min(att_mtu, self._att_mtu))
        self._on_step("connected", {"att_mtu": att_mtu})
        self._lobby.leave(guest)
        lost = self._lost = new_lost()
        self._guest = guest
        self._bearer = _Bearer(self._server, guest, att_mtu=att_mtu, lost=lost)
        link = self._link = FramedLink(self._bearer, channel=PlainChannel(), on_step=self._on_step)
        lost.add_done_callback(lambda _: link.lose(lost.result()))
        return link
