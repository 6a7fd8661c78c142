"""Which way the invoice takes to the buyer's home, and when it is sent again. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from bled.node.base import Way
from bled.sales.times import Times
from bled_codec.blinded_path import BlindedPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One sending: `pause` seconds after the one before."""

    pause: float
    way: Way
    path: BlindedPath


def first_attempts(paths: tuple[BlindedPath, ...], times: Times, *, ways: Sequence[Way]) -> Iterator[Attempt]:
    """Yield what to try until the node takes one: every path by the node's first way, then by its next."""
    for way in ways:
        for path in paths:
            yield Attempt(pause=times.pace, way=way, path=path)


def resends(paths: tuple[BlindedPath, ...], times: Times, *, ways: Sequence[Way]) -> Iterator[Attempt]:
    """Yield, without end, how to send again while no payment comes: a lost onion message is never reported.

    The next path each time. A second way joins when the first has been tried for about 8 s.
    """
    for number, pause in enumerate(times.resend, start=1):
        yield Attempt(pause=pause, way=ways[0], path=paths[number % len(paths)])
    for number in count():
        pause = times.push if number == 0 else times.resend_later
        way = ways[-1 - number % len(ways)]
        yield Attempt(pause=max(pause, times.pace), way=way, path=paths[number // len(ways) % len(paths)])
