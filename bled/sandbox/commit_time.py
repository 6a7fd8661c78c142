"""The time that channels take before an HTLC may go on, as lightningd keeps it.

BOLT 2 lets a node forward an HTLC, or take it, when both commitment transactions of the channel hold it for good. Each
side signs the other's once, and lightningd waits for its `commit-time` before it signs (lightningd-config(5)). The way
back waits for nobody: a preimage is passed on when it comes.
"""

import asyncio
from typing import Final

COMMIT_SECONDS: Final = 0.010
"""lightningd's own `commit-time`, unless it is told another (v26.06)."""
_COMMITMENTS: Final = 2


def seconds_on_the_way(*, channels: int, commit_seconds: float) -> float:
    """Return how long a payment over so many channels is on its way for the sake of their commitments alone."""
    return _COMMITMENTS * channels * commit_seconds


class CommitTime:
    """Holds each payment up for as long as its channels need."""

    def __init__(self, commit_seconds: float) -> None:
        """Take the nodes' `commit-time` in seconds."""
        self._commit_seconds = commit_seconds

    async def __call__(self, channels: int) -> None:
        """Wait until a payment over so many channels may arrive."""
        if self._commit_seconds:
            await asyncio.sleep(seconds_on_the_way(channels=channels, commit_seconds=self._commit_seconds))
