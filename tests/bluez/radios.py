"""Pairs of radios in the guest, in the shape in which the demo's stage and the conformance suite want them."""

from bled.link.base import Central, Peripheral
from bled.link.bumble_central import BumbleCentral
from bled.link.bumble_peripheral import BumblePeripheral

from .machine import Guest
from .remote import RemoteRadio

BUMBLE = "bumble"
"""A radio on the host, in the same air."""


class GuestAir:
    """Gives out a till's and a buyer's radio of one pair of backends."""

    def __init__(self, guest: Guest, *, till: str = "bluetooth:hci1", buyer: str = "bluetooth:hci0") -> None:
        self.guest = guest
        self._till = till
        self._buyer = buyer

    async def central(self, att_mtu: int = 517) -> Central:
        """Return the till's radio."""
        if self._till == BUMBLE:
            return BumbleCentral(await self.guest.host_radio(), att_mtu=att_mtu)
        caller = await self.guest.side("till")
        return await RemoteRadio.open(caller, role="central", radio=self._till, att_mtu=att_mtu)

    async def peripheral(self, att_mtu: int = 517) -> Peripheral:
        """Return the buyer's radio."""
        if self._buyer == BUMBLE:
            return BumblePeripheral(await self.guest.host_radio(), att_mtu=att_mtu)
        caller = await self.guest.side("buyer")
        return await RemoteRadio.open(caller, role="peripheral", radio=self._buyer, att_mtu=att_mtu)
