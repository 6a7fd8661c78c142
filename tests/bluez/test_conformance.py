"""The conformance suite on real BlueZ: bled's backends in the guest with each other, and with bumble on the host."""

import os

import pytest

from bled.link.base import MessageLink

from ..conformance.checks import CHECKS, Check  # noqa: TID252 - tests have no absolute names
from .machine import MARKS, Guest
from .radios import BUMBLE, GuestAir
from .remote import RemoteLink

pytestmark = MARKS

PAIRS = {
    "bleak-dbus": ("bluetooth:hci1", "bluetooth:hci0"),
    "bumble-dbus": (BUMBLE, "bluetooth:hci0"),
    "bleak-bumble": ("bluetooth:hci1", BUMBLE),
}
"""Names of the pairs to the till's and the buyer's radio."""

if os.environ.get("BLED_BLUEZ_BLESS"):  # not the default on Linux: see README.md
    PAIRS |= {"bleak-bless": ("bluetooth:hci1", "bless:hci0"), "bumble-bless": (BUMBLE, "bless:hci0")}


class GuestRig(GuestAir):
    """Radios in the guest, or one of them on the host."""

    brief = True
    mtu_is_ours = False

    @property
    def patience(self) -> float:
        """Longer where emulation is slow."""
        return 20.0 * self.guest.slowness

    async def write(self, link: MessageLink, frame: bytes, *, last: bool) -> None:
        await (link.write if isinstance(link, RemoteLink) else link._bearer.write)(frame, last=last)

    async def cut(self) -> None:
        assert sum(self.guest.hub.cut(adapter) for adapter in self.guest.adapters) > 0


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("pair", PAIRS)
async def test_bluez(guest: Guest, pair: str, check: Check) -> None:
    till, buyer = PAIRS[pair]
    await check(GuestRig(guest, till=till, buyer=buyer))
