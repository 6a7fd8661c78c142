"""Ways through the sandbox's channels: to where a blinded path begins, and on along it to the payee."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bled.sandbox.channels import Channel
from bled.sandbox.network import Network
from bled.sandbox.node import SandboxNode
from bled_codec.blinded_path import BlindedPath, BlindedPayinfo, EncryptedData, unblind
from bled_codec.errors import CodecError
from bled_codec.units import Msat, Point

FINAL_CLTV_DELTA = 18
"""Blocks that the last hop wants for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One channel to be crossed: `amount` goes from `sender` to the other end."""

    channel: Channel
    sender: Point
    amount: Msat


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A way from the payer to the introduction of the invoice's blinded path number `path`.

    Attributes:
        steps: the channels, first the payer's own; none when the path begins at the payer.
        amount: what reaches the introduction.
        delay: blocks until the payer would have the money back at the latest.
    """

    path: int
    steps: tuple[Step, ...]
    amount: Msat
    delay: int

    @property
    def amount_sent(self) -> Msat:
        """What the payer gives, all fees included."""
        return self.steps[0].amount if self.steps else self.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Where a payment comes out at the end of a blinded path, and what the last node wrote there for itself."""

    node: SandboxNode
    path_id: bytes
    amount: Msat


class PathFailed(Exception):
    """A node inside the blinded path cannot pass the payment on. Outside, nobody learns why."""


def routes_to(
    network: Network, payer: Point, path: BlindedPath, payinfo: BlindedPayinfo, *, index: int, amount: Msat
) -> Iterator[Route]:
    """Return every way from `payer` to the introduction of `path`, amounts worked out from its end."""
    introduction = network.resolve(path.first_node_id)
    if introduction is None:
        return
    entering = Msat(amount + payinfo.fee(amount))
    for channels in _ways(network, payer, introduction, ()):
        yield _route(payer, channels, index=index, amount=entering, delay=payinfo.cltv_expiry_delta)


def walk(network: Network, path: BlindedPath, amount: Msat) -> tuple[tuple[Step, ...], Arrival]:
    """Open every hop of `path` with its node's own key, `amount` having reached the first.

    Return the channels it crosses and where it ends. Raises `PathFailed`.
    """
    here = network.resolve(path.first_node_id)
    path_key = path.first_path_key
    steps: list[Step] = []
    for hop in path.hops:
        node = network.nodes.get(here) if here is not None else None
        if node is None:
            raise PathFailed
        try:
            opened = unblind(node.key, path_key, hop.encrypted_recipient_data)
            data = EncryptedData.decode(opened.data)
        except CodecError as error:
            raise PathFailed from error
        if hop is path.hops[-1]:
            return tuple(steps), Arrival(node=node, path_id=data.path_id or b"", amount=amount)
        step = _forward(network, node.node_id, data, amount)
        steps.append(step)
        here, amount, path_key = step.channel.other(step.sender), step.amount, opened.next_path_key
    raise PathFailed


def _ways(network: Network, here: Point, goal: Point, way: tuple[Channel, ...]) -> Iterator[tuple[Channel, ...]]:
    if here == goal:
        yield way
        return
    visited = {end for channel in way for end in channel.ends}
    for channel in network.channels_of(here):
        beyond = channel.other(here)
        # Only the payer knows of a private channel that it has itself.
        if beyond not in visited and (not channel.private or not way):
            yield from _ways(network, beyond, goal, (*way, channel))


def _route(payer: Point, channels: Sequence[Channel], *, index: int, amount: Msat, delay: int) -> Route:
    ends = [payer]
    for channel in channels:
        ends.append(channel.other(ends[-1]))
    steps: list[Step] = []
    passing = amount
    for channel, sender in reversed(list(zip(channels, ends, strict=False))):
        steps.insert(0, Step(channel=channel, sender=sender, amount=passing))
        if sender != payer:
            passing = Msat(passing + channel.update.fee(passing))
            delay += channel.update.cltv_expiry_delta
    return Route(path=index, steps=tuple(steps), amount=amount, delay=delay)


def _forward(network: Network, here: Point, data: EncryptedData, amount: Msat) -> Step:
    channel = _channel_out(network, here, data)
    if channel is None or data.payment_relay is None or len(data.payment_relay) < 6:
        raise PathFailed
    proportional = int.from_bytes(data.payment_relay[2:6], "big")
    base = int.from_bytes(data.payment_relay[6:], "big")
    # BOLT 4, route blinding: the amount that, with the fee on top, gives what came in.
    passing = ((amount - base) * 1_000_000 + 1_000_000 + proportional - 1) // (1_000_000 + proportional)
    if passing <= 0 or not _allowed(data.payment_constraints, amount):
        raise PathFailed
    return Step(channel=channel, sender=here, amount=Msat(passing))


def _channel_out(network: Network, here: Point, data: EncryptedData) -> Channel | None:
    if data.short_channel_id is not None:
        channel = network.channel(data.short_channel_id)
        return channel if channel is not None and here in channel.ends else None
    return next((way for way in network.channels_of(here) if way.other(here) == data.next_node_id), None)


def _allowed(constraints: bytes | None, amount: Msat) -> bool:
    return constraints is None or amount >= int.from_bytes(constraints[4:], "big")
