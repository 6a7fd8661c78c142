"""A Bluetooth dongle of our own, driven by bumble without the operating system's Bluetooth."""

from typing import Final

from bumble.transport import open_transport
from bumble.transport.common import Transport

from bled.codes import Code
from bled.errors import ConfigurationError, Unavailable
from bled.link.bumble_radio import BumbleRadio
from bled.link.waiting import attempt

OPEN_SECONDS: Final = 4.0
"""Longest wait for a device file, a USB device or a socket to open."""

KINDS: Final = ("usb", "pyusb", "serial", "hci-socket", "tcp-client")
"""bumble's names for ways to a controller, as far as they make sense here."""


async def open_dongle(transport: str) -> BumbleRadio:
    """Return the radio behind `transport`.

    That is usb:0, usb:VENDOR:PRODUCT, serial:DEVICE[,SPEED], hci-socket:0 or tcp-client:HOST:PORT. Raises
    `ConfigurationError` (`RADIO_UNAVAILABLE`) for a kind that is none, `Unavailable` (`RADIO_UNAVAILABLE`) when the
    device cannot be opened or its controller does not answer.
    """
    if transport.partition(":")[0] not in KINDS:
        detail = f"hci:{transport} is none of {', '.join(f'hci:{kind}:...' for kind in KINDS)}"
        raise ConfigurationError(Code.RADIO_UNAVAILABLE, detail=detail)
    opened = await _open(transport)
    return await BumbleRadio(opened.source, opened.sink, leave=opened.close).start()


async def _open(transport: str) -> Transport:
    try:
        return await attempt(open_transport(transport), seconds=OPEN_SECONDS)
    except Unavailable as error:
        detail = f"hci:{transport} cannot be opened: {error.detail}"
        raise Unavailable(Code.RADIO_UNAVAILABLE, detail=detail) from error
