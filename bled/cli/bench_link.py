"""`bled bench link`: what the radio costs, as tables or as one JSON object."""

from typing import TYPE_CHECKING, Annotated

import typer

from bled.cli.options import Json
from bled.cli.output import note, print_json, say

if TYPE_CHECKING:
    from bled.bench.link import Measurement
    from bled.bench.link_report import Report

Cpu = Annotated[float, typer.Option("--seconds", min=0.01, max=60.0, help="Seconds to spend on each CPU measurement.")]


def link(seconds: Cpu = 0.3, json_: Json = False) -> None:
    """Count what a sale costs on the air, over real GATT between two virtual controllers.

    "request" and "sale" are the product: both its sessions, from the subscription to the signed request, and on to the
    acknowledged payment. "plain", "secure" and "purchase" are made-up messages over the same link, to compare with.

    ATT PDUs, link-layer packets and bytes are counted; times are a model of them, for no radio is used.
    """
    import asyncio

    from bled.bench.link_report import run_link_bench

    if not json_:
        note("PDUs, packets and bytes are counted on virtual controllers; times are modelled (docs/radio.md)")
    report = asyncio.run(run_link_bench(seconds=seconds))
    if json_:
        print_json(_plain(report))
    else:
        _say(report)


def _plain(report: "Report") -> dict[str, object]:
    from bled.bench.link_profiles import PROFILES, WAITS
    from bled.bench.link_report import TARGET_MTU

    return {
        "exchanges": [_plain_measurement(each) for each in report.measurements],
        "other_profiles": {
            name: {
                str(att_mtu): {
                    "att_pdus": spent.att_pdus,
                    "ll_packets": spent.ll_packets,
                    "bytes_on_air": spent.bytes_on_air,
                    "efficiency": round(spent.efficiency, 3),
                    "waits": WAITS[name] if att_mtu == TARGET_MTU else None,
                }
                for att_mtu, spent in rows.items()
            }
            for name, rows in PROFILES.items()
        },
        "cpu_milliseconds": {
            str(att_mtu): {side: round(1e3 * took, 3) for side, took in sides.items()}
            for att_mtu, sides in report.cpu.items()
        },
        "cpu_floor_milliseconds": round(1e3 * report.floor, 3),
        "targets": [
            {"name": each.name, "found": round(each.found, 6), "limit": each.limit, "met": each.met}
            for each in report.targets()
        ],
    }


def _plain_measurement(each: "Measurement") -> dict[str, object]:
    from bled.bench.link_model import INTERVALS

    return {
        "exchange": each.exchange.name,
        "att_mtu": each.att_mtu,
        "offer_bytes": each.exchange.offer_bytes,
        "request_bytes": each.exchange.request_bytes,
        "discovery_round_trips": each.discovery.waits,
        "discovery_att_pdus": each.discovery.att_pdus,
        "discovery_bytes_on_air": each.discovery.bytes_on_air,
        "att_pdus": each.talk.att_pdus,
        "ll_packets": each.talk.ll_packets,
        "bytes_on_air": each.talk.bytes_on_air,
        "waits": each.talk.waits,
        "efficiency": round(each.efficiency, 3),
        "framing_bytes": each.talk.value_bytes - each.payload_bytes,
        "air_milliseconds": round(1e3 * each.talk.air_seconds, 2),
        "modelled_milliseconds": {
            f"{1e3 * interval:g}": round(1e3 * each.seconds(interval), 1) for interval in INTERVALS
        },
    }


def _say(report: "Report") -> None:
    from bled.bench.link_model import INTERVALS

    intervals = "".join(f"{1e3 * interval:>7g}" for interval in INTERVALS)
    say("after discovery; the last columns are modelled ms, discovery included, at a connection interval of so many ms")
    say(
        f"{'exchange':<10}{'MTU':>5}{'offer':>7}{'request':>9}{'ATT':>6}{'LL':>6}{'bytes':>8}{'waits':>7}{'eff':>7}{intervals}"
    )
    for each in report.measurements:
        say(_row(each))
    _say_others(report)
    for att_mtu, sides in report.cpu.items():
        say(
            f"CPU of a purchase at MTU {att_mtu}: " + ", ".join(f"{s} {1e3 * took:.2f} ms" for s, took in sides.items())
        )
    say(f"of that the curve's arithmetic: {1e3 * report.floor:.2f} ms")
    say()
    for target in report.targets():
        say(f"{target.name:<42}{target.found:>10.4g}   limit {target.limit:<8g}{'ok' if target.met else 'NO'}")


def _row(each: "Measurement") -> str:
    from bled.bench.link_model import INTERVALS

    times = "".join(f"{1e3 * each.seconds(interval):>7.0f}" for interval in INTERVALS)
    return (
        f"{each.exchange.name:<10}{each.att_mtu:>5}{each.exchange.offer_bytes:>7}{each.exchange.request_bytes:>9}"
        f"{each.talk.att_pdus:>6}{each.talk.ll_packets:>6}{each.talk.bytes_on_air:>8}{each.talk.waits:>7}"
        f"{each.efficiency:>7.1%}{times}"
    )


def _say_others(report: "Report") -> None:
    from bled.bench.link_profiles import OFFER_BYTES, PROFILES, REQUEST_BYTES

    say()
    say(f"discovery and MTU exchange, {_discovery(report)}")
    say()
    say(f"other protocols at {OFFER_BYTES}/{REQUEST_BYTES}, reconstructed from their rules, not captured")
    for name, rows in PROFILES.items():
        for att_mtu, spent in rows.items():
            say(
                f"{name:<20}{att_mtu:>5}{spent.att_pdus:>6}{spent.ll_packets:>6}{spent.bytes_on_air:>8}"
                f"{spent.efficiency:>7.1%}"
            )
    say()


def _discovery(report: "Report") -> str:
    costs = {each.att_mtu: each.discovery for each in report.measurements}
    return "; ".join(
        f"MTU {att_mtu}: {cost.waits} round trips, {cost.att_pdus} ATT PDUs, {cost.bytes_on_air} bytes"
        for att_mtu, cost in costs.items()
    )
