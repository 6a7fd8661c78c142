"""`bled bench link`: what a sale costs on the air, counted on real GATT over two virtual controllers.

Two rows are the product's own, from one sale of both real sessions: "request", from the subscription until the till has
the signed request, handshake included; and "sale", on to the buyer's word that it heard of the payment. The other rows
are made-up messages over the same link, to compare with.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bled.bench.link_exchanges import MTUS, SIZES, Exchange, Make, plain, purchase, secure
from bled.bench.link_model import Cost, cost, modelled_seconds
from bled.bench.link_sale import sell
from bled.link.base import Central, Peripheral
from bled.link.bumble_central import BumbleCentral
from bled.link.bumble_radio import BumbleRadio
from bled.link.trace import AttPdu, AttTrace
from bled.link.virtual import VirtualAir
from bled.progress import OnStep, ignore_steps

EXCHANGES: Final[tuple[Make, ...]] = (plain, secure, purchase)
"""What the product's rows are compared with."""
PRODUCT: Final = ("request", "sale")
"""Names of the product's rows."""
_SECONDS: Final = 60.0
"""Longest wait for anything; on a machine that does much else the links' own limits come first."""
_AT_ONCE: Final = 4
"""Beacons are waited for together; more at once would wait for the processor instead, until a link gives up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One exchange at one ATT_MTU.

    Attributes:
        exchange: what was said.
        att_mtu: the negotiated ATT_MTU.
        discovery: from the connection until the two characteristics are known; MTU exchange included.
        talk: from the subscription to the last message.
        pdus: the till's whole trace.
    """

    exchange: Exchange
    att_mtu: int
    discovery: Cost
    talk: Cost
    pdus: tuple[AttPdu, ...]

    @property
    def payload_bytes(self) -> int:
        """Offer and request."""
        return self.exchange.offer_bytes + self.exchange.request_bytes

    @property
    def efficiency(self) -> float:
        """Offer and request as a share of all bytes on the air after discovery, 0 to 1."""
        return self.payload_bytes / self.talk.bytes_on_air

    def seconds(self, interval: float) -> float:
        """Return the modelled time, discovery included, at a connection interval in seconds."""
        return modelled_seconds(self.pdus, interval=interval)


async def measure_exchange(exchange: Exchange, *, att_mtu: int) -> Measurement:
    """Let a till and a buyer meet and say `exchange` to each other; return what the till's host saw."""
    async with VirtualAir() as air:
        watched = _Watched(await air.radio(), att_mtu=att_mtu)
        await _talk(exchange, watched.central, await air.peripheral(), watched.on_step)
        pdus = tuple(watched.trace.pdus)
    return Measurement(
        exchange=exchange,
        att_mtu=att_mtu,
        discovery=cost(pdus[: watched.discovered]),
        talk=cost(pdus[watched.discovered :]),
        pdus=pdus,
    )


async def _talk(exchange: Exchange, central: Central, peripheral: Peripheral, on_step: OnStep) -> None:
    first, *rest = exchange.said
    async with asyncio.TaskGroup() as group:
        accepting = group.create_task(peripheral.accept(seconds=_SECONDS, on_step=ignore_steps))
        till = await central.connect(seconds=_SECONDS, on_step=on_step)
        await till.send(first.message, answered=first.answered)  # the buyer's side takes the first that writes
    buyer = accepting.result()
    await buyer.receive(seconds=_SECONDS)
    for said in rest:
        sender, receiver = (till, buyer) if said.by_till else (buyer, till)
        await sender.send(said.message, answered=said.answered)
        await receiver.receive(seconds=_SECONDS)


async def measure_sale(size: tuple[int, int], *, att_mtu: int) -> tuple[Measurement, Measurement]:
    """Let the product sell over the air; return what it cost until the request was there, and in all."""
    async with VirtualAir() as air:
        watched = _Watched(await air.radio(), att_mtu=att_mtu)
        peripheral = await air.peripheral()
        sold = await sell(watched.central, peripheral, size=size, on_step=watched.on_step, asked=watched.asked)
        await peripheral.close()
        await watched.central.close()
    until_asked, whole = (
        Measurement(
            exchange=Exchange(name=name, offer_bytes=sold.offer_bytes, request_bytes=sold.request_bytes, said=()),
            att_mtu=att_mtu,
            discovery=cost(watched.trace.pdus[: watched.discovered]),
            talk=cost(watched.trace.pdus[watched.discovered : end]),
            pdus=tuple(watched.trace.pdus[:end]),
        )
        for name, end in zip(PRODUCT, (watched.requested, None), strict=True)
    )
    return until_asked, whole


class _Watched:
    """A till's radio, and how many PDUs it had seen at each mark."""

    def __init__(self, radio: BumbleRadio, *, att_mtu: int) -> None:
        self.trace = AttTrace(radio)
        self.central = BumbleCentral(radio, att_mtu=att_mtu)
        self.discovered = 0
        self.requested = 0

    def on_step(self, name: str, _facts: Mapping[str, object]) -> None:
        if name == "advertisement seen":
            self.trace.pdus.clear()  # of a try that failed
        elif name == "connected":
            self.discovered = len(self.trace.pdus)

    def asked(self) -> None:
        self.requested = len(self.trace.pdus)


async def measure_all(
    *,
    exchanges: Iterable[Make] = EXCHANGES,
    mtus: Iterable[int] = MTUS,
    sizes: Iterable[tuple[int, int]] = SIZES,
) -> tuple[Measurement, ...]:
    """Measure sales of every size at every ATT_MTU, then every exchange, each in an air of its own."""
    cases = [(size, mtu) for size in sizes for mtu in mtus]
    turn = asyncio.Semaphore(_AT_ONCE)

    async def product(size: tuple[int, int], att_mtu: int) -> tuple[Measurement, Measurement]:
        async with turn:
            return await measure_sale(size, att_mtu=att_mtu)

    async def compared(exchange: Exchange, att_mtu: int) -> Measurement:
        async with turn:
            return await measure_exchange(exchange, att_mtu=att_mtu)

    sales = await asyncio.gather(*(product(*case) for case in cases))
    others = await asyncio.gather(*(compared(make(*size), mtu) for make in exchanges for size, mtu in cases))
    return (*(request for request, _ in sales), *(sale for _, sale in sales), *others)
