"""Which radio a setting names. Backends load only when they are asked for."""

import sys
from typing import TYPE_CHECKING, Final

from bled.codes import Code
from bled.errors import ConfigurationError
from bled.gatt.profile import MAX_ATT_MTU, MIN_ATT_MTU
from bled.link.base import Central, Peripheral

if TYPE_CHECKING:
    from bled.link.bumble_radio import BumbleRadio

VIRTUAL: Final = "virtual"
"""A place in a virtual air (`bled.link.air_server`): virtual:HOST:PORT or virtual:/path/of/socket."""
BLUETOOTH: Final = "bluetooth"
"""The system's Bluetooth: its first adapter, or bluetooth:ADAPTER. On Linux that is BlueZ."""
BLESS: Final = "bless"
"""As `BLUETOOTH`, with bless as the buyer's side, which is the only one beside Linux."""
HCI: Final = "hci"
"""A dongle of our own that no system drives: hci:TRANSPORT, as hci:usb:0 or hci:serial:/dev/ttyACM0."""

_HINT: Final = "use bluetooth, bluetooth:ADAPTER, hci:TRANSPORT or virtual:ADDRESS (which `bled sandbox run` prints)"


async def open_central(radio: str, *, att_mtu: int = MAX_ATT_MTU) -> Central:
    """Return the till's side of `radio`, named as the constants of this module say.

    `att_mtu`, 23 to 517, is the most that this side agrees to. Raises `ConfigurationError` (`RADIO_UNAVAILABLE`,
    `CONFIG_BAD`) for a setting that names nothing, `Unavailable` (`RADIO_UNAVAILABLE`) when nobody answers there. An
    adapter of the system is looked for when it is used, since it may come late.
    """
    check_att_mtu(att_mtu)
    kind, place = _split(radio)
    if kind in {BLUETOOTH, BLESS}:
        from bled.link.bleak_central import BleakCentral

        return BleakCentral(place or None, att_mtu=att_mtu)
    from bled.link.bumble_central import BumbleCentral

    return BumbleCentral(await _bumble_radio(kind, place), att_mtu=att_mtu)


async def open_peripheral(radio: str, *, att_mtu: int = MAX_ATT_MTU) -> Peripheral:
    """Return the buyer's side of `radio`; arguments and errors as for `open_central`."""
    check_att_mtu(att_mtu)
    kind, place = _split(radio)
    if kind == BLUETOOTH and sys.platform == "linux":
        from bled.link.dbus_peripheral import DbusPeripheral

        return DbusPeripheral(place or None, att_mtu=att_mtu)
    if kind in {BLUETOOTH, BLESS}:
        from bled.link.bless_peripheral import BlessPeripheral

        return BlessPeripheral(place or None, att_mtu=att_mtu)
    from bled.link.bumble_peripheral import BumblePeripheral

    return BumblePeripheral(await _bumble_radio(kind, place), att_mtu=att_mtu)


async def _bumble_radio(kind: str, place: str) -> "BumbleRadio":
    if kind == HCI:
        from bled.link.hci_dongle import open_dongle

        return await open_dongle(place)
    from bled.link.hci_socket import join_air

    return await join_air(place)


def _split(radio: str) -> tuple[str, str]:
    """Return the kind of a radio and its place, which "bluetooth" alone may leave open."""
    kind, _, place = radio.partition(":")
    if kind in {BLUETOOTH, BLESS} or (kind in {VIRTUAL, HCI} and place):
        return kind, place
    raise ConfigurationError(Code.RADIO_UNAVAILABLE, detail=f"no radio is called {radio!r}; {_HINT}")


def check_att_mtu(att_mtu: int) -> None:
    """Raise `ConfigurationError` (`CONFIG_BAD`) for an ATT_MTU outside 23 to 517."""
    if not MIN_ATT_MTU <= att_mtu <= MAX_ATT_MTU:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"an ATT_MTU is {MIN_ATT_MTU} to {MAX_ATT_MTU}, not {att_mtu}")
