"""How a till comes from beacons to a link: whom it tries, in which order, and what it remembers of everybody.

The same for every radio; a backend brings how it listens and how it connects.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar
from uuid import UUID

from bled.codes import Code
from bled.errors import Unavailable
from bled.link.conduct import Conduct
from bled.link.framed import FramedLink
from bled.link.tries import Tries
from bled.link.waiting import Lost, now
from bled.progress import OnStep

_Device = TypeVar("_Device")
Heard = dict[UUID, dict[str, tuple[_Device, int]]]
"""Who was heard under each of the UUIDs looked for: an address, a device, its strength. Earlier UUIDs go first."""


class Search(Generic[_Device]):
    """Whom a till's radio has heard, tried and met, for as long as the radio is open."""

    def __init__(self) -> None:
        """Remember nobody."""
        self._tries = Tries()
        self._conduct = Conduct()

    def may_try(self, address: str) -> bool:
        """Return whether the device at `address` may be tried now."""
        return self._tries.may_try(address, now=now()) and not self._conduct.is_banned(address, now=now())

    def choose(self, heard: Heard[_Device]) -> tuple[str, _Device]:
        """Return an address and its device: of those heard under the first UUID that has any, whoever goes first.

        Among equals chance decides, so that tills beside each other do not all want the same device.
        """
        first = next(devices for devices in heard.values() if devices)
        strengths = {address: strength for address, (_, strength) in first.items()}
        address = secrets.choice(self._tries.foremost(strengths, now=now()))
        return address, first[address][0]

    async def run(
        self,
        find: Callable[[], Awaitable[tuple[str, _Device]]],
        join: Callable[[_Device], Awaitable[FramedLink]],
        *,
        gone: Callable[[], Lost],
        on_step: OnStep,
    ) -> tuple[_Device, FramedLink]:
        """Return the first link that comes about, and whose it is.

        Args:
            find: listens until a device may be tried, and returns what `choose` says.
            join: connects and subscribes; raises `Unavailable` when that fails.
            gone: returns what is done once the radio is of no more use.
            on_step: hears of each device and of each try that failed.

        Raises `Unavailable` (`RADIO_UNAVAILABLE`), and what `find` raises. Has no end of its own otherwise.
        """
        while True:
            address, device = await find()
            on_step("advertisement seen", {"peer": address})
            try:
                link = await join(device)
            except Unavailable as error:
                if gone().done():
                    raise Unavailable(Code.RADIO_UNAVAILABLE, detail=gone().result()) from error
                on_step("try failed", {"peer": address, "detail": error.detail})
            else:
                self._tries.met(address, now=now())
                return device, link
            await asyncio.sleep(self._tries.failed(address, now=now()))

    def judge(self, link: FramedLink, address: str) -> None:
        """Remember how the device at `address` behaved on a link that has ended."""
        if link.violated_at is not None:
            self._conduct.offend(address, now=link.violated_at)
