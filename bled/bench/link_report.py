"""Everything that `bled bench link` finds out, and whether it is what this project holds itself to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bled.bench.link import EXCHANGES, Measurement, measure_all
from bled.bench.link_cpu import measure_cpu, measure_floor

TARGET_MTU: Final = 517
TARGET_SIZE: Final = (300, 800)
MAX_ATT_PDUS: Final = 9
MAX_WAITS: Final = 3
MIN_EFFICIENCY: Final = 0.66
MAX_DISCOVERY: Final = 10
"""Round trips of discovery that the most thorough client, BlueZ's, may take; our own takes fewer."""
MAX_CPU_SECONDS: Final = 0.002
"""Channel and fragment layer, for one purchase, on one side."""

MAX_CPU_RATIO: Final = 6.0
"""The same, by what the curve's arithmetic of one side takes in the same run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One promise: what was found, and the limit on its wrong side of which the promise is broken."""

    name: str
    found: float
    limit: float
    met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All measurements, and seconds of work for one purchase by ATT_MTU and side.

    `floor` is what the curve alone takes of it on this machine, in this run: a slow machine is slow at both.
    """

    measurements: tuple[Measurement, ...]
    cpu: Mapping[int, Mapping[str, float]]
    floor: float

    def find(self, name: str, *, att_mtu: int, size: tuple[int, int]) -> Measurement:
        """Return the measurement of one exchange. Raises `LookupError` when there is none."""
        for each in self.measurements:
            sizes = (each.exchange.offer_bytes, each.exchange.request_bytes)
            if (each.exchange.name, each.att_mtu, sizes) == (name, att_mtu, size):
                return each
        raise LookupError(name)

    def targets(self) -> tuple[Target, ...]:
        """Return what is promised of the product's way to a signed request of usual size at the usual ATT_MTU.

        Counted is everything after discovery: the subscription, the handshake, the offer in its third message, the
        request. What follows ("received", "paid", its acknowledgement) has a row of its own and no promise.
        """
        found = self.find("request", att_mtu=TARGET_MTU, size=TARGET_SIZE)
        slowest = max(seconds for sides in self.cpu.values() for seconds in sides.values())
        return (
            _at_most("ATT PDUs after discovery", found.talk.att_pdus, MAX_ATT_PDUS),
            _at_most("waits after discovery", found.talk.waits, MAX_WAITS),
            Target(
                name="efficiency",
                found=found.efficiency,
                limit=MIN_EFFICIENCY,
                met=found.efficiency >= MIN_EFFICIENCY,
            ),
            _at_most("discovery round trips", found.discovery.waits, MAX_DISCOVERY),
            _at_most("CPU seconds of a purchase, slower side", slowest, MAX_CPU_SECONDS),
            _at_most("the same as a multiple of the curve's", slowest / self.floor, MAX_CPU_RATIO),
        )


def _at_most(name: str, found: float, limit: float) -> Target:
    return Target(name=name, found=found, limit=limit, met=found <= limit)


async def run_link_bench(*, seconds: float) -> Report:
    """Measure everything; the processor's part takes about `seconds` for each side and ATT_MTU."""
    measurements = await measure_all(exchanges=EXCHANGES)
    return Report(
        measurements=measurements,
        cpu={att_mtu: measure_cpu(att_mtu=att_mtu, seconds=seconds) for att_mtu in (23, TARGET_MTU)},
        floor=measure_floor(seconds=seconds),
    )
