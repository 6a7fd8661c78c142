"""Where reply paths begin: which peers will do, and which are taken. Pure but for the tests of the paths.

An introduction is read by every till, has to be found and reached by it, and must pass onion messages on. So it is a
peer that is announced with an address and with the feature of onion messages, is not LND by default, and over which a
message of our own has come home.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bled.codes import Code
from bled.errors import ConfigurationError
from bled.home.parameters import usage
from bled.node.home_base import HomeNode, PathPeer
from bled_codec.units import Point

PATHS: Final = 2
"""Reply paths of a payer id unless its owner says otherwise: through one alone home is gone when that peer is."""
MOST_PATHS: Final = 3
_MOST_TESTED: Final = 8
_BEST: Final = 8
"""Of so many peers with the most neighbours any may be taken: books shall not all begin at the same two."""
_ONION_MESSAGES: Final = (38, 39)
# AMP and script-enforced leases: of all that announce features, LND alone knows them (its default feature sets).
# From 0.21 on it says 39, and drops what comes from peers without a channel: most tills are such.
_OF_LND: Final = (30, 31, 2022, 2023)


@dataclass(frozen=True, slots=True, kw_only=True)
class PathResult:
    """What became of a message to home over a reply path that begins at `introduction`.

    Attributes:
        arrived: None when none was sent.
        milliseconds: from the first try to the arrival.
        reason: why it did not arrive, as far as anybody knows.
    """

    introduction: Point
    alias: str = ""
    arrived: bool | None = None
    milliseconds: int | None = None
    reason: str = ""


TestPath = Callable[[PathPeer], Awaitable[PathResult]]


def why_not(peer: PathPeer) -> str:
    """Return why no reply path should begin at this peer, nothing when one may."""
    if not peer.is_connected:
        return "is not connected"
    if peer.features is None:
        return "is not announced, so no till could find it"
    if not peer.has_address:
        return "announces no address, so no till could reach it"
    if not any(_has(peer.features, bit) for bit in _ONION_MESSAGES):
        return "does not announce that it forwards onion messages (feature 39)"
    if any(_has(peer.features, bit) for bit in _OF_LND):
        return "is LND, which drops onion messages of tills that have no channel with it"
    return ""


def _has(features: bytes, bit: int) -> bool:
    return int.from_bytes(features, "big") >> bit & 1 == 1


def in_order(peers: Sequence[PathPeer], rng: random.Random) -> tuple[PathPeer, ...]:
    """Return the peers that will do, in the order to try them: the best connected eight first, shuffled."""
    fit = sorted((peer for peer in peers if not why_not(peer)), key=lambda peer: (-peer.neighbours, peer.node_id))
    best = fit[:_BEST]
    rng.shuffle(best)
    return (*best, *fit[_BEST:])


async def named_paths(
    introductions: Sequence[Point], peers: Sequence[PathPeer], test: TestPath | None
) -> tuple[PathResult, ...]:
    """Return the results for the introductions that the owner named. Raises `ConfigurationError` (`CONFIG_BAD`)."""
    if len(set(introductions)) != len(introductions):
        raise usage("introductions: one is named twice")
    known = {peer.node_id: peer for peer in peers}
    named = [known.get(point, PathPeer(node_id=point, is_connected=False)) for point in introductions]
    results = [await _tested(peer, test) for peer in named]
    lost = [result for result in results if result.arrived is False]
    if lost:
        said = "; ".join(f"{_name(result.introduction, result.alias)} {result.reason}" for result in lost)
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"no message came home over every path: {said}")
    return tuple(results)


async def chosen_paths(
    peers: Sequence[PathPeer], *, least: int, rng: random.Random, test: TestPath | None
) -> tuple[PathResult, ...]:
    """Return one or two paths over which a message came home, at least `least`, the best connected first.

    Raises `ConfigurationError` (`CONFIG_BAD`) that says of each peer what is in the way.
    """
    good: list[PathResult] = []
    lost = [f"{_name(peer.node_id, peer.alias)} {reason}" for peer in peers if (reason := why_not(peer))]
    for peer in in_order(peers, rng)[:_MOST_TESTED]:
        result = await _tested(peer, test)
        if result.arrived is False:
            lost.append(f"{_name(peer.node_id, peer.alias)} {result.reason}")
        else:
            good.append(result)
        if len(good) == PATHS:
            break
    if len(good) < least:
        raise ConfigurationError(Code.CONFIG_BAD, detail=_too_few(good, lost))
    neighbours = {peer.node_id: peer.neighbours for peer in peers}
    return tuple(sorted(good, key=lambda result: -neighbours[result.introduction]))


async def _tested(peer: PathPeer, test: TestPath | None) -> PathResult:
    return PathResult(introduction=peer.node_id, alias=peer.alias) if test is None else await test(peer)


def _too_few(good: Sequence[PathResult], lost: Sequence[str]) -> str:
    others = f" ({'; '.join(lost)})" if lost else ""
    if not good:
        return (
            f"no peer can begin a reply path{others}: have a channel with a public node that forwards onion messages, "
            "or name a node (introductions, --via)"
        )
    one = _name(good[0].introduction, good[0].alias)
    return (
        f"{one} is the only peer that can begin a reply path{others}: while it is away no invoice would come home. "
        "Have a channel with a second public node that forwards onion messages, or allow one path (--allow-one-path)"
    )


def _name(node_id: Point, alias: str) -> str:
    shown = "".join(character for character in alias if character.isprintable())
    return f"{shown} ({node_id.hex()[:12]}...)" if shown else f"{node_id.hex()[:12]}..."


async def find_paths(
    node: HomeNode, introductions: Sequence[Point], *, least: int, rng: random.Random, test: TestPath | None
) -> tuple[PathResult, ...]:
    """Return the paths for a new book: those that were named, else chosen ones.

    Raises `Unavailable`, `ConfigurationError` (`CONFIG_BAD`).
    """
    peers = await node.path_peers()
    if introductions:
        return await named_paths(introductions, peers, test)
    return await chosen_paths(peers, least=least, rng=rng, test=test)
