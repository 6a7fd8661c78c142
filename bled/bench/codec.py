"""`bled bench codec`: the codec as a ratio to what the bare libraries need for the same signatures and hashes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bled.bench import samples
from bled.bench.codec_cases import Case, cases
from bled.bench.timing import measure
from bled_codec.crypto import Points, parse_point, tag_state


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One case measured. Times are in seconds for one message, the best of many slices."""

    name: str
    seconds: float
    floor_seconds: float
    records: int
    target: float | None

    @property
    def ratio(self) -> float:
        """How many times the floor it takes; 1 is the limit of what could be."""
        return self.seconds / self.floor_seconds

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        return None if self.target is None else self.ratio <= self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The floor of this machine in seconds by operation, and every case."""

    floor: Mapping[str, float]
    results: tuple[Result, ...]


def run_codec_bench(*, seconds: float) -> Report:
    """Measure every case for about `seconds` each, alternating with the floor."""
    wanted = cases()
    floors = floor_calls()
    calls = {**floors, **{case.name: case.run for case in wanted}}
    measured = measure(calls, seconds=seconds)
    floor = {name: measured[name] for name in floors}
    return Report(floor=floor, results=tuple(_result(case, measured[case.name], floor) for case in wanted))


def floor_calls() -> Mapping[str, Callable[[], object]]:
    """Return one call of each operation that a floor counts."""
    digest = bytes(range(32))
    key, point = samples.PAYER, samples.PAYER.public_key
    signature, points = key.sign(digest, aux=samples.AUX), Points()
    points.parse(point)
    state, pair = tag_state(b"LnBranch"), bytes(64)

    def hash_pair() -> bytes:
        copy = state.copy()
        copy.update(pair)
        return copy.digest()

    return {
        "verify": lambda: points.verify_schnorr(signature, digest, key=point),
        "sign": lambda: key.sign(digest, aux=samples.AUX),
        "point": lambda: parse_point(point),
        "hash": hash_pair,
    }


def _result(case: Case, seconds: float, floor: Mapping[str, float]) -> Result:
    parts: Sequence[tuple[str, int]] = (
        ("verify", case.verifies),
        ("sign", case.signs),
        ("point", case.points),
        ("hash", case.hashes),
    )
    return Result(
        name=case.name,
        seconds=seconds,
        floor_seconds=sum(floor[name] * count for name, count in parts),
        records=case.records,
        target=case.target,
    )
