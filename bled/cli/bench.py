"""`bled bench`: measurements on this machine."""

from typing import TYPE_CHECKING, Annotated

import typer

from bled.cli.bench_home import home
from bled.cli.bench_link import link
from bled.cli.bench_sale import sale
from bled.cli.options import Json
from bled.cli.output import note, print_json, say

if TYPE_CHECKING:
    from bled.bench.codec import Report, Result

app = typer.Typer(help="Measure on this machine.", no_args_is_help=True)

Time = Annotated[float, typer.Option("--seconds", min=0.01, max=60.0, help="Seconds to spend on each case.")]


app.command()(link)
app.command()(home)
app.command()(sale)


@app.callback()
def bench() -> None:
    """Measure on this machine."""


@app.command()
def codec(seconds: Time = 1.0, json_: Json = False) -> None:
    """Compare the BOLT 12 codec with what the bare libraries need for the same signatures, points and hashes."""
    from bled.bench.codec import run_codec_bench

    if not json_:
        note(f"measuring for about {14 * seconds:.0f} s; other work on this machine makes the numbers worse")
    report = run_codec_bench(seconds=seconds)
    if json_:
        print_json(_plain(report))
    else:
        _say(report)


def _plain(report: "Report") -> dict[str, object]:
    return {
        "floor_microseconds": {name: round(1e6 * took, 3) for name, took in report.floor.items()},
        "cases": [_plain_result(result) for result in report.results],
    }


def _plain_result(result: "Result") -> dict[str, object]:
    return {
        "name": result.name,
        "records": result.records,
        "microseconds": round(1e6 * result.seconds, 2),
        "floor_microseconds": round(1e6 * result.floor_seconds, 2),
        "ratio": round(result.ratio, 3),
        "target": result.target,
        "met": result.met,
        "per_second": round(1 / result.seconds),
        "microseconds_per_record": round(1e6 * result.seconds / result.records, 2),
    }


def _say(report: "Report") -> None:
    say("floor: " + ", ".join(f"{name} {1e6 * took:.2f} us" for name, took in report.floor.items()))
    say(f"{'case':<36}{'us':>9}{'floor':>9}{'ratio':>7}{'target':>8}{'per second':>12}{'us/record':>11}")
    for result in report.results:
        target = "" if result.target is None else f"{result.target:.1f} {'ok' if result.met else 'NO'}"
        say(
            f"{result.name:<36}{1e6 * result.seconds:>9.1f}{1e6 * result.floor_seconds:>9.1f}{result.ratio:>7.2f}"
            f"{target:>8}{1 / result.seconds:>12,.0f}{1e6 * result.seconds / result.records:>11.2f}"
        )
