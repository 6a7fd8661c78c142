"""`bled bench sale`: a sale beside what the node needs to fetch an invoice from an offer and pay it by itself.

Everything is the product: both sides of the counter, real gRPC with TLS, home's plugin as a process. The nodes are the
sandbox's. Their channels take the time that lightningd's take by its own default; they take none over the disk, the
network and gossip, so bled's share of a sale is larger here than at a real node.
"""

import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bled.bench.sale_town import AMOUNT, CHANNELS, Town, open_town
from bled.clock import SystemClock
from bled.codes import Code
from bled.errors import BledError
from bled.node.base import Way
from bled.node.cln_connection import ClnConnection
from bled.node.cln_credentials import load_credentials
from bled.node.cln_grpc import ClnMerchantNode
from bled.node.grpc_connection import Call, watch_calls
from bled.node.opening import NodeKind, open_node
from bled.node.stubs import cln_subset_pb2 as pb
from bled.sandbox.commit_time import COMMIT_SECONDS, seconds_on_the_way
from bled.sandbox.grpc_server import GrpcServer
from bled_codec.units import UnixTime

RATIO_TARGET: Final = 1.5
CALLS_TARGET: Final[Mapping[str, int]] = {"direct": 4, "push": 5, "LND": 5}
"""Most calls for a sale, by flow, behind the one that asks the node who it is."""
_IDENTITY: Final = frozenset({"Getinfo", "GetInfo"})
_HANDING: Final = frozenset({"InjectOnionMessage", "SendOnionMessage"})
_SECONDS: Final = 60.0
_OFFER_SECONDS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One part of a sale, in seconds: `node` while at least one gRPC call was under way, `own` the rest of it."""

    node: float
    own: float

    @property
    def seconds(self) -> float:
        """The whole part."""
        return self.node + self.own


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One sale.

    Attributes:
        handing: from the request's last fragment until the node is given what sends the invoice.
        paying: from there until the till holds the proof of the payment; home's own work is in it.
        home: of that, from the invoice's arrival at home's node on: home's verification and its two claims on the
            disk, `Xpay`, and the news of the money.
        calls: the till's calls from the offer on, by method.
    """

    handing: Phase
    paying: Phase
    home: float
    calls: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """All sales of one flow; numbers are medians."""

    name: str
    sales: tuple[Measured, ...]

    @property
    def seconds(self) -> float:
        """From the request's last fragment to the money."""
        return statistics.median(sale.handing.seconds + sale.paying.seconds for sale in self.sales)

    @property
    def calls(self) -> Mapping[str, int]:
        """The calls of the sale that needed most."""
        return max((sale.calls for sale in self.sales), key=lambda calls: sum(calls.values()))

    @property
    def phases(self) -> dict[str, dict[str, float]]:
        """The two parts of a sale, each whole, inside of calls and outside of them."""
        parts = {
            "request_to_handed": [sale.handing for sale in self.sales],
            "handed_to_paid": [sale.paying for sale in self.sales],
        }
        return {
            name: {
                "all": statistics.median(phase.seconds for phase in phases),
                "node": statistics.median(phase.node for phase in phases),
                "bled": statistics.median(phase.own for phase in phases),
            }
            for name, phases in parts.items()
        }

    @property
    def home(self) -> float:
        """From the invoice's arrival at home to the money."""
        return statistics.median(sale.home for sale in self.sales)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Medians in seconds. `fetch` and `pay` are `FetchInvoice` and `Xpay` of a Core Lightning node in the same run.

    `channels` is what the channels take of each payment, a sale's and the node's own.
    """

    fetch: float
    pay: float
    channels: float
    flows: tuple[Flow, ...]

    def ratio(self, flow: Flow) -> float:
        """Return a sale's time over the node's own."""
        return flow.seconds / self.alone

    @property
    def alone(self) -> float:
        """The node's own time for fetching and paying."""
        return self.fetch + self.pay

    def bare_ratio(self, flow: Flow) -> float:
        """Return the ratio as it would be with channels that take no time."""
        return (flow.seconds - self.channels) / (self.alone - self.channels)

    def enough(self, flow: Flow) -> float:
        """Return from which time of the node's own on the ratio is met, if all that a sale takes longer is fixed.

        At the sandbox messages travel in no time; between real nodes each hop takes some, and a sale has as many of
        these as the node's own way.
        """
        return (flow.seconds - self.alone) / (RATIO_TARGET - 1)

    @property
    def met(self) -> dict[str, bool]:
        """Whether each target is met."""
        ratios = {f"ratio, {flow.name}": self.ratio(flow) <= RATIO_TARGET for flow in self.flows}
        calls = {f"calls, {flow.name}": sum(flow.calls.values()) <= CALLS_TARGET[flow.name] for flow in self.flows}
        return ratios | calls


class _PushingNode(ClnMerchantNode):
    """A node of which the second way is used at once."""

    @property
    def ways(self) -> Sequence[Way]:
        return (Way.PUSH,)


async def run_sale_bench(*, sales: int, commit_seconds: float = COMMIT_SECONDS, folder: Path | None = None) -> Report:
    """Sell so many times by every flow, in turn with what the node does by itself; all ledgers lie in `folder`.

    `commit_seconds` is how long each node waits before it signs a commitment.
    Raises `BledError` (`INTERNAL`) when a sale does not end with the money.
    """
    with tempfile.TemporaryDirectory(prefix="bled-bench-", dir=folder) as name:
        async with _open(Path(name), commit_seconds) as (cln, lnd, payer):
            fetches, pays = [], []
            sold: dict[str, list[Measured]] = {flow: [] for flow in CALLS_TARGET}
            for number in range(sales):
                fetched, paid = await _by_itself(cln, payer, number)
                fetches.append(fetched)
                pays.append(paid)
                for flow, measured in sold.items():
                    measured.append(await _sale(lnd if flow == "LND" else cln, flow, number))
    flows = tuple(Flow(name=flow, sales=tuple(measured)) for flow, measured in sold.items())
    return Report(
        fetch=statistics.median(fetches),
        pay=statistics.median(pays),
        channels=seconds_on_the_way(channels=CHANNELS, commit_seconds=commit_seconds),
        flows=flows,
    )


@asynccontextmanager
async def _open(folder: Path, commit_seconds: float) -> AsyncIterator[tuple[Town, Town, ClnConnection]]:
    """Give a town with each kind of merchant, and a connection to the node of the first town's home."""
    places = {kind: folder / kind for kind in (NodeKind.CLN, NodeKind.LND)}
    async with AsyncExitStack() as stack:
        for place in places.values():
            place.mkdir()
        cln, lnd = [
            await stack.enter_async_context(open_town(place, merchant=kind, commit_seconds=commit_seconds))
            for kind, place in places.items()
        ]
        server = GrpcServer()
        stack.push_async_callback(server.stop)
        target = await server.start(cln.sandbox.home, folder=folder / "payer")
        payer = ClnConnection(target, load_credentials(folder / "payer"))
        stack.push_async_callback(payer.close)
        yield cln, lnd, payer


async def _by_itself(town: Town, payer: ClnConnection, number: int) -> tuple[float, float]:
    """Return the seconds of `FetchInvoice` and of `Xpay` for an offer of the merchant's node."""
    node = await town.open_node()
    try:
        expiry = UnixTime(SystemClock().now() + _OFFER_SECONDS)
        created = await node.create_offer(
            amount=AMOUNT, description="tea", label=f"by itself {number}", absolute_expiry=expiry
        )
    finally:
        await node.close()
    fetch = pb.FetchinvoiceRequest(offer=created.offer.string)
    began = time.perf_counter()
    fetched = await payer.call("FetchInvoice", fetch, pb.FetchinvoiceResponse, seconds=_SECONDS)
    between = time.perf_counter()
    await payer.call("Xpay", pb.XpayRequest(invstring=fetched.invoice), pb.XpayResponse, seconds=_SECONDS)
    return between - began, time.perf_counter() - between


async def _sale(town: Town, flow: str, number: int) -> Measured:
    at: dict[str, float] = {}

    def on_step(name: str, _facts: Mapping[str, object]) -> None:
        at.setdefault(name, time.perf_counter())

    node = await open_node(
        town.sandbox.node_address, town.files, cln=_PushingNode if flow == "push" else ClnMerchantNode
    )
    try:
        async with town.device(f"{flow}-{number}") as vault:
            with watch_calls() as calls:
                await town.sell(node, vault, on_step=on_step)
    finally:
        await node.close()
    return measured_sale(calls, requested=at["request received"], arrived=town.arrivals[-1], paid=at["paid"])


def measured_sale(calls: Sequence[Call], *, requested: float, arrived: float, paid: float) -> Measured:
    """Return what the calls of one sale and three moments of it come to.

    Raises `BledError` (`INTERNAL`) when the node was given nothing to send in between.
    """
    handings = [call.began for call in calls if call.method in _HANDING and requested <= call.began <= paid]
    if not handings:
        raise BledError(Code.INTERNAL, detail="no call handed the invoice to the node")
    handed = min(handings)
    return Measured(
        handing=_phase(calls, requested, handed),
        paying=_phase(calls, handed, paid),
        home=paid - arrived,
        calls=Counter(call.method for call in calls if call.method not in _IDENTITY),
    )


def _phase(calls: Iterable[Call], begin: float, end: float) -> Phase:
    """Return how much of the time between two moments at least one call was under way."""
    inside, covered = 0.0, begin
    for call in sorted(calls, key=lambda call: call.began):
        first, last = max(covered, call.began), min(end, call.ended)
        if last > first:
            inside += last - first
            covered = last
    return Phase(node=inside, own=end - begin - inside)
