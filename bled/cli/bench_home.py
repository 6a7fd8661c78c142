"""`bled bench home`: what a purchase costs at home."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bled.cli.options import Json
from bled.cli.output import note, print_json, say

if TYPE_CHECKING:
    from bled.bench.home import Report

Time = Annotated[float, typer.Option("--seconds", min=0.01, max=60.0, help="Seconds to spend on each case.")]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder", file_okay=False, exists=True, help="Folder on the disk of home's ledger; else the temporary one."
    ),
]


def home(seconds: Time = 1.0, folder: Folder = None, json_: Json = False) -> None:
    """Compare verifying and claiming with the bare signatures and the bare disk, after up to ten million issued ids."""
    from bled.bench.home import run_home_bench

    if not json_:
        note(f"measuring for about {8 * seconds:.0f} s; other work on this machine makes the numbers worse")
    report = run_home_bench(seconds=seconds, folder=folder)
    if json_:
        print_json(_plain(report))
    else:
        _say(report)


def _plain(report: "Report") -> dict[str, object]:
    return {
        "floor_microseconds": {name: _us(took) for name, took in report.floor.costs.items()},
        "floor_counts": dict(report.floor.counts),
        "verify": {
            "microseconds": _us(report.verify),
            "floor_microseconds": _us(report.floor.whole),
            "signatures_microseconds": _us(report.floor.signatures),
            "schnorr_microseconds": _us(report.floor.schnorr),
            "others_microseconds": _us(report.floor.others),
            "ratio": round(report.verify_ratio, 3),
            "ratio_to_signatures": round(report.signatures_ratio, 3),
            "least_ratio_to_signatures": round(report.least_signatures_ratio, 3),
            "ratio_to_schnorr": round(report.verify / report.floor.schnorr, 3),
            "per_second_and_core": round(1 / report.verify),
        },
        "claim": {
            "microseconds": _us(report.claim),
            "fsync_microseconds": _us(report.fsync),
            "ratio_to_fsync": round(report.claim / report.fsync, 3),
            "verified_and_claimed_per_second": round(1 / (report.verify + report.claim)),
        },
        "issued": [
            {
                "ids": each.issued,
                "verify_microseconds": _us(each.seconds),
                "stored_bytes_for_each": round(each.stored_bytes, 4),
            }
            for each in report.growth
        ],
        "growth_ratio": round(report.growth_ratio, 3),
        "met": report.met,
    }


def _us(seconds: float) -> float:
    return round(1e6 * seconds, 2)


def _say(report: "Report") -> None:
    met = {name: "ok" if is_met else "NO" for name, is_met in report.met.items()}
    floor = report.floor
    parts = [f"{count} {name} of {_us(floor.costs[name])} us" for name, count in floor.counts.items()]
    say(f"floor: {', '.join(parts)}; in all {_us(floor.whole)} us")
    say(
        f"verify: {_us(report.verify)} us, {report.verify_ratio:.2f} of its floor (at most 1.5: {met['verify']}); "
        f"{1 / report.verify:,.0f} a second and core"
    )
    say(
        f"        {report.signatures_ratio:.2f} of both BOLT 12 signatures alone (2 schnorr checks and "
        f"{floor.counts['hash']} hashes, {_us(floor.signatures)} us; with what else must be computed, "
        f"{_us(floor.others)} us, nobody gets below {report.least_signatures_ratio:.2f})"
    )
    say(f"        {report.verify / floor.schnorr:.2f} of the 2 schnorr checks alone ({_us(floor.schnorr)} us)")
    both = 1 / (report.verify + report.claim)
    say(
        f"claim, on the disk: {_us(report.claim)} us, a page and fsync {_us(report.fsync)} us, "
        f"ratio {report.claim / report.fsync:.2f}; {both:,.0f} verified and claimed a second"
    )
    for each in report.growth:
        say(f"{each.issued:>12,} ids issued: {_us(each.seconds)} us, {each.stored_bytes:.4f} bytes stored for each")
    say(f"dearest over cheapest: {report.growth_ratio:.3f} (at most 1.2: {met['growth']}); stored: {met['stored']}")
