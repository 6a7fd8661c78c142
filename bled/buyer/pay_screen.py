"""The pay screen: the device waits on when a till let it go, so that one wrong till does not end a purchase."""

from typing import Final

from bled.buyer.approval import Approver
from bled.buyer.arrival import Arrival
from bled.buyer.meeting import Meeting
from bled.buyer.purchase import Purchase
from bled.clock import Clock
from bled.codes import Code
from bled.errors import BledError
from bled.gatt.engagement import Engagement
from bled.link.base import Peripheral
from bled.progress import OnStep
from bled.vault.vault import Vault

UNAPPROVED_OFFERS: Final = 2
"""How many offers that nobody approved a device takes in one period; then its beacon goes off."""

_LET_GO: Final = frozenset(
    {
        Code.CANCELLED,
        Code.LINK_LOST,
        Code.OFFER_BAD,
        Code.BAD_STATE,
        Code.FRAMING,
        Code.CHANNEL_BROKEN,
        Code.MESSAGE_UNKNOWN,
        Code.MESSAGE_TOO_LARGE,
    }
)
"""Ends that are the till's doing. Where a person or a rule of the device has decided, the person is told at once."""


class PayScreen:
    """One period in which the device is visible to tills."""

    def __init__(
        self,
        *,
        peripheral: Peripheral,
        vault: Vault,
        engagement: Engagement | None,
        chain: bytes,
        clock: Clock,
        approve: Approver,
        on_step: OnStep,
        allows_refund: bool = False,
    ) -> None:
        """Take radio, store and person; `engagement` is what was read from the till, None to meet whoever comes."""
        self._vault = vault
        self._chain = chain
        self._clock = clock
        self._approve = approve
        self._on_step = on_step
        self._allows_refund = allows_refund
        self._arrival = Arrival(peripheral=peripheral, vault=vault, engagement=engagement, clock=clock, on_step=on_step)

    async def run(self, *, seconds: float) -> Purchase:
        """Return how it ended: the first purchase that somebody decided, or the last one that a till gave up.

        Raises what `Arrival.run` raises while no offer has come.
        """
        give_up_at = self._clock.monotonic() + seconds
        purchase = await self._meet(seconds)
        for _ in range(1, UNAPPROVED_OFFERS):
            left = give_up_at - self._clock.monotonic()
            if purchase.reservation is not None or purchase.code not in _LET_GO or left <= 0:
                break
            self._on_step("the till is gone, waiting for another", {"code": purchase.code.value})
            try:
                purchase = await self._meet(left)
            except BledError:  # nobody else came: the last word is the till's that did
                break
        return purchase

    async def _meet(self, seconds: float) -> Purchase:
        met = await self._arrival.run(seconds=seconds)
        meeting = Meeting(
            met=met,
            vault=self._vault,
            chain=self._chain,
            clock=self._clock,
            approve=self._approve,
            on_step=self._on_step,
            allows_refund=self._allows_refund,
        )
        return await meeting.run()
