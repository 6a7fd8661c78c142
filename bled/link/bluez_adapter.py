"""An adapter of bluetoothd: waiting until it is there, and hearing when it is gone."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from bled.codes import Code
from bled.errors import Unavailable
from bled.link.bluez_bus import ADAPTER, BLUEZ, DEVICE, SERVICE, BluezBus, BluezError, Change, Objects
from bled.link.waiting import Lost, lose, new_lost

ADAPTER_SECONDS: Final = 10.0
"""Longest wait for an adapter. bluetoothd is up a second or two before it is, also after a restart."""

_ROOT: Final = "/org/bluez/"


async def wait_for_adapter(bus: BluezBus, name: str | None, *, seconds: float = ADAPTER_SECONDS) -> str:
    """Return the object path of an adapter that is switched on: the one called `name`, or else the first.

    Raises `Unavailable` (`RADIO_UNAVAILABLE`), with a sentence that says what is missing, after `seconds`.
    """
    changed = asyncio.Event()
    stop = bus.listen(lambda _: changed.set())
    objects: Objects = {}
    try:
        async with asyncio.timeout(seconds):
            while True:
                changed.clear()
                objects = await bus.objects()
                path = _choose(objects, name)
                if path is not None:
                    return path
                await _either(changed, bus.gone)
    except TimeoutError:
        raise Unavailable(Code.RADIO_UNAVAILABLE, detail=what_is_missing(objects, name)) from None
    finally:
        stop()


async def _either(changed: asyncio.Event, gone: Lost) -> None:
    waiting = asyncio.ensure_future(changed.wait())
    either: set[asyncio.Future[Any]] = {waiting, gone}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if gone.done():
        raise Unavailable(Code.RADIO_UNAVAILABLE, detail=gone.result())


def adapters(objects: Objects) -> dict[str, bool]:
    """Return the names of bluetoothd's adapters in order, and whether each is switched on."""
    return {
        path.removeprefix(_ROOT): bool(interfaces[ADAPTER].get("Powered"))
        for path, interfaces in sorted(objects.items())
        if ADAPTER in interfaces
    }


def _choose(objects: Objects, name: str | None) -> str | None:
    usable = [adapter for adapter, powered in adapters(objects).items() if powered and name in {None, adapter}]
    return _ROOT + usable[0] if usable else None


def what_is_missing(objects: Objects, name: str | None) -> str:
    """Return one sentence on why no adapter can be used."""
    there = adapters(objects)
    if not objects:
        return "bluetoothd does not run; see `bled doctor radio`"
    if not there:
        return "bluetoothd has no adapter; see `bled doctor radio`"
    if name is not None and name not in there:
        return f"there is no adapter {name}, but {', '.join(there)}"
    return f"the adapter {name or ', '.join(there)} is switched off; see `bled doctor radio`"


def watch_adapter(bus: BluezBus, path: str) -> tuple[Lost, Callable[[], None]]:
    """Return the future that is done when the adapter at `path` cannot be used any more, and what ends the watch."""
    lost = new_lost()

    def on_change(change: Change) -> None:
        if change.interface == BLUEZ and change.properties is None:
            lose(lost, "bluetoothd has stopped")
        elif change.path == path and change.interface == ADAPTER:
            if change.properties is None:
                lose(lost, f"the adapter {path.removeprefix(_ROOT)} has gone")
            elif change.properties.get("Powered") is False:
                lose(lost, f"the adapter {path.removeprefix(_ROOT)} was switched off")

    bus.gone.add_done_callback(lambda gone: lose(lost, gone.result()))
    return lost, bus.listen(on_change)


def watch_services(bus: BluezBus, device: str, lost: Lost) -> Callable[[], None]:
    """End `lost` when a service of the device at the path `device` goes; return what ends the watch."""

    def on_change(change: Change) -> None:
        if change.interface == SERVICE and change.properties is None and change.path.startswith(f"{device}/"):
            lose(lost, "the other side's service has gone")

    return bus.listen(on_change)


async def drop_devices(bus: BluezBus, adapter: str, *, service: str) -> None:
    """Remove what a till that was killed has left: strangers' devices with this service that are still connected.

    Raises `Unavailable` (`RADIO_UNAVAILABLE`) when bluetoothd does not answer.
    """
    for path, interfaces in (await bus.objects()).items():
        device = interfaces.get(DEVICE, {})
        strange = not device.get("Paired") and device.get("Connected")
        if path.startswith(f"{adapter}/") and strange and service in device.get("UUIDs", ()):
            await remove_device(bus, path)


async def remove_device(bus: BluezBus, path: str) -> None:
    """Make bluetoothd forget a device, and disconnect it first where that is needed; raises nothing for a refusal."""
    try:
        await bus.call(path.rpartition("/")[0], ADAPTER, "RemoveDevice", "o", [path])
    except BluezError:
        return  # it is gone already
