"""Which radio a setting names. Backends load only when they are asked for."""

from typing import Final

from bled.codes import Code
from bled.errors import ConfigurationError
from bled.gatt.profile import MAX_ATT_MTU, MIN_ATT_MTU
from bled.link.base import Central, Peripheral

VIRTUAL: Final = "virtual:"
"""Prefix of a radio that is a place in a virtual air (`bled.link.air_server`)."""


async def open_central(radio: str, *, att_mtu: int = MAX_ATT_MTU) -> Central:
    """Return the till's side of `radio`, which is "virtual:HOST:PORT" or "virtual:/path/of/socket".

    `att_mtu`, 23 to 517, is the most that this side agrees to. Raises `ConfigurationError` (`RADIO_UNAVAILABLE`,
    `CONFIG_BAD`) for a setting that names nothing, `Unavailable` (`RADIO_UNAVAILABLE`) when nobody answers there.
    """
    address = _virtual_address(radio, att_mtu)
    from bled.link.bumble_central import BumbleCentral
    from bled.link.hci_socket import join_air

    return BumbleCentral(await join_air(address), att_mtu=att_mtu)


async def open_peripheral(radio: str, *, att_mtu: int = MAX_ATT_MTU) -> Peripheral:
    """Return the buyer's side of `radio`; arguments and errors as for `open_central`."""
    address = _virtual_address(radio, att_mtu)
    from bled.link.bumble_peripheral import BumblePeripheral
    from bled.link.hci_socket import join_air

    return BumblePeripheral(await join_air(address), att_mtu=att_mtu)


def _virtual_address(radio: str, att_mtu: int) -> str:
    check_att_mtu(att_mtu)
    address = radio.removeprefix(VIRTUAL)
    if address == radio or not address:
        detail = f"no radio is called {radio!r}; use virtual:ADDRESS with the address that the virtual air printed"
        raise ConfigurationError(Code.RADIO_UNAVAILABLE, detail=detail)
    return address


def check_att_mtu(att_mtu: int) -> None:
    """Raise `ConfigurationError` (`CONFIG_BAD`) for an ATT_MTU outside 23 to 517."""
    if not MIN_ATT_MTU <= att_mtu <= MAX_ATT_MTU:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"an ATT_MTU is {MIN_ATT_MTU} to {MAX_ATT_MTU}, not {att_mtu}")
