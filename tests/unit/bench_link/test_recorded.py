"""What an exchange costs must not grow unseen.

`recorded.json` is the "exchanges" of `bled bench link --json`. Who makes one dearer says why and records it anew;
who makes it cheaper records it too, so that it stays cheap.
"""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from bled.bench.link import PRODUCT
from bled.bench.link_cpu import measure_cpu, measure_floor
from bled.bench.link_report import MAX_CPU_RATIO, Report, run_link_bench
from bled.cli.bench_link import _plain

pytestmark = pytest.mark.system  # a virtual radio

RECORDED = Path(__file__).with_name("recorded.json")
CASE = ("exchange", "att_mtu", "offer_bytes", "request_bytes")

Row = dict[str, object]


@pytest.fixture(scope="module")
def report() -> Report:
    """Everything measured once."""
    return asyncio.run(run_link_bench(seconds=0.02))


def _by_case(rows: list[Row]) -> dict[tuple[object, ...], Row]:
    return {tuple(row[key] for key in CASE): row for row in rows}


def test_every_exchange_costs_what_is_recorded(report: Report) -> None:
    recorded = _by_case(json.loads(RECORDED.read_text(encoding="utf-8")))
    found = _by_case(_plain(report)["exchanges"])
    assert found.keys() == recorded.keys()
    changed = [
        f"{' '.join(map(str, case))}: {key} was {recorded[case][key]}, is {row[key]}"
        for case, row in found.items()
        for key in row
        if row[key] != recorded[case][key]
    ]
    assert changed == []


def test_discovery_takes_few_round_trips_at_every_mtu(report: Report) -> None:
    assert {each.discovery.waits for each in report.measurements} == {3}


def test_both_sides_of_every_exchange_hear_every_byte_once(report: Report) -> None:
    for each in report.measurements:
        if each.exchange.name in PRODUCT:
            continue  # the sessions would not have gone on
        said = sum(len(said.message) for said in each.exchange.said)
        frames = each.talk.value_bytes - said - 2  # the subscription writes two bytes
        messages = len(each.exchange.said)
        assert frames >= 3 * messages
        assert each.talk.waits >= 1 + sum(1 for said in each.exchange.said if said.by_till)


@pytest.mark.parametrize("att_mtu", [23, 517])
def test_channel_and_frames_take_little_of_the_processor(att_mtu: int) -> None:
    slowest = max(measure_cpu(att_mtu=att_mtu, seconds=0.1).values())
    assert slowest < MAX_CPU_RATIO * measure_floor(seconds=0.1)


def test_the_product_spends_what_made_up_messages_of_its_size_spend(report: Report) -> None:
    """The sessions add nothing to the handshake, the offer and the request: no message, no wait, no byte."""
    for size, mtu in (((300, 800), 517), ((1200, 2500), 23)):
        product, secure = (report.find(name, att_mtu=mtu, size=size).talk for name in ("request", "secure"))
        assert product == secure


def test_every_promise_is_kept(report: Report) -> None:
    assert [target for target in report.targets() if not target.met] == []


def test_a_promise_that_is_broken_is_told(report: Report) -> None:
    slow = replace(report, cpu={517: {"till": 1.0, "buyer": 0.0}})
    assert [target.name for target in slow.targets() if not target.met] == [
        "CPU seconds of a purchase, slower side",
        "the same as a multiple of the curve's",
    ]
