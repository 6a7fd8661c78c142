"""The conformance suite on real BlueZ: bled's backends in the guest with each other, and with bumble on the host."""

import pytest

from bled.link.base import Central, MessageLink, Peripheral
from bled.link.bumble_central import BumbleCentral
from bled.link.bumble_peripheral import BumblePeripheral

from ..conformance.checks import CHECKS, Check  # noqa: TID252 - tests have no absolute names
from .machine import MARKS, Guest
from .remote import RemoteLink, RemoteRadio

pytestmark = MARKS

BUMBLE = "bumble"
PAIRS = {
    "bleak-dbus": ("bluetooth:hci1", "bluetooth:hci0"),
    "bleak-bless": ("bluetooth:hci1", "bless:hci0"),
    "bumble-dbus": (BUMBLE, "bluetooth:hci0"),
    "bumble-bless": (BUMBLE, "bless:hci0"),
    "bleak-bumble": ("bluetooth:hci1", BUMBLE),
}
"""Names of the pairs to the till's and the buyer's radio."""


class GuestRig:
    """Radios in the guest, or one of them on the host."""

    patience = 20.0
    brief = True
    mtu_is_ours = False

    def __init__(self, guest: Guest, till: str, buyer: str) -> None:
        self._guest = guest
        self._till = till
        self._buyer = buyer

    async def central(self, att_mtu: int = 517) -> Central:
        if self._till == BUMBLE:
            return BumbleCentral(await self._guest.host_radio(), att_mtu=att_mtu)
        caller = await self._guest.side("till")
        return await RemoteRadio.open(caller, role="central", radio=self._till, att_mtu=att_mtu)

    async def peripheral(self, att_mtu: int = 517) -> Peripheral:
        if self._buyer == BUMBLE:
            return BumblePeripheral(await self._guest.host_radio(), att_mtu=att_mtu)
        caller = await self._guest.side("buyer")
        return await RemoteRadio.open(caller, role="peripheral", radio=self._buyer, att_mtu=att_mtu)

    async def write(self, link: MessageLink, frame: bytes, *, last: bool) -> None:
        await (link.write if isinstance(link, RemoteLink) else link._bearer.write)(frame, last=last)

    async def cut(self) -> None:
        assert sum(self._guest.hub.cut(adapter) for adapter in self._guest.adapters) > 0


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("pair", PAIRS)
async def test_bluez(guest: Guest, pair: str, check: Check) -> None:
    await check(GuestRig(guest, *PAIRS[pair]))
