"""Which way the invoice takes to the buyer's home, and when it is sent again. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import count

from bled.sales.times import Times
from bled_codec.blinded_path import BlindedPath


class Way(Enum):
    """Who makes the onion message."""

    DIRECT = "direct"
    """The node: it answers the request with the invoice that it holds."""
    PUSH = "push"
    """The till: it sends the invoice itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One sending: `pause` seconds after the one before."""

    pause: float
    way: Way
    path: BlindedPath


def first_attempts(paths: tuple[BlindedPath, ...], times: Times) -> Iterator[Attempt]:
    """Yield what to try until the node takes one: every path by the first way, then by the second."""
    for way in (Way.DIRECT, Way.PUSH):
        for path in paths:
            yield Attempt(pause=times.pace, way=way, path=path)


def resends(paths: tuple[BlindedPath, ...], times: Times) -> Iterator[Attempt]:
    """Yield, without end, how to send again while no payment comes: a lost onion message is never reported.

    The next path each time. The second way joins when the first has been tried for about 8 s.
    """
    for number, pause in enumerate(times.resend, start=1):
        yield Attempt(pause=pause, way=Way.DIRECT, path=paths[number % len(paths)])
    for number in count():
        pause = times.push if number == 0 else times.resend_later
        way = Way.PUSH if number % 2 == 0 else Way.DIRECT
        yield Attempt(pause=max(pause, times.pace), way=way, path=paths[number // 2 % len(paths)])
