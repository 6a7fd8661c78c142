"""The node as the witness of home's ledger: what no copy of the ledger's file can take back.

The ledger counts its generations; every change that must not be forgotten begins one: a payment asked for, a book
issued, a revocation, a start. The node keeps the newest in its datastore before anything comes of the change. A ledger
with an older generation than the node has kept is an old copy. Where several nodes share a ledger each keeps what was
begun for it, and is compared with that.
"""

import asyncio
from typing import Final

from bled.codes import Code, Failpoint
from bled.errors import Unavailable
from bled.failpoint import failpoint
from bled.home.ledger import Ledger
from bled.node.home_base import HomeNode
from bled_codec.units import UnixTime

_SECONDS: Final = 5.0
"""Longest wait for the node to keep a number: it comes off the time that a payment is given up in."""


class Witness:
    """Compares the ledger with what the node has kept, and has the node keep each new generation after that."""

    def __init__(self, *, node: HomeNode, ledger: Ledger, name: str) -> None:
        """Take the node and the ledger; `name` tells this home from others that the node may have had."""
        self._node = node
        self._ledger = ledger
        self._name = name
        self._kept = 0
        self._compared = asyncio.Event()
        self._writing = asyncio.Lock()

    async def compare(self, *, now: UnixTime) -> bool:
        """Say whether the ledger is an old copy; then it has revoked every book and goes on above what the node kept.

        Call `testify` afterwards, before any work. Raises `Unavailable`.
        """
        self._kept = await self._node.kept_number(self._name)
        is_older = self._ledger.begin_generation(kept=self._kept, now=now)
        failpoint(Failpoint.HOME_COMPARED)
        self._compared.set()
        return is_older

    async def testify(self, *, now: UnixTime) -> None:
        """Have the node keep the ledger's generation. What the ledger was changed for may happen when this returns.

        Raises `Unavailable` when the node does not say within 5 s that it has; and when the node has kept a newer one,
        for then the database has lost commits since it was compared, and every book is revoked.
        """
        try:
            async with asyncio.timeout(_SECONDS):
                await self._compared.wait()
                async with self._writing:  # a smaller number must not overtake a larger one
                    generation = self._ledger.generation()
                    if generation > self._kept:
                        self._kept = await self._node.keep_number(self._name, generation)
                    self._check_not_older(now)
        except TimeoutError:
            raise Unavailable(Code.NODE_DIED, detail=f"the node kept no number in {_SECONDS:.0f} s") from None
        failpoint(Failpoint.HOME_WITNESSED)

    async def confirm(self, *, now: UnixTime) -> None:
        """Make sure, before a claim, that the database has lost no commits: the claim's own generation could hide one.

        The node is asked first what it has kept, where other processes have it keep something: they commit before that.
        Raises as `testify` does.
        """
        if self._ledger.is_shared:
            kept = await self._node.kept_number(self._name)
            self._kept = max(self._kept, kept)
        self._check_not_older(now)

    def _check_not_older(self, now: UnixTime) -> None:
        """Other workers commit before they have the node keep it: so only lost commits leave the ledger behind."""
        if self._ledger.generation() < self._kept:
            self._ledger.begin_generation(kept=self._kept, now=now)
            raise Unavailable(Code.STORE_BROKEN, detail="the database has lost commits; every book was revoked")
