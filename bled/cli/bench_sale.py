"""`bled bench sale`: a sale beside the node's own way of paying an offer."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bled.cli.options import Json
from bled.cli.output import note, print_json, say

if TYPE_CHECKING:
    from bled.bench.sale import Flow, Report

Sales = Annotated[int, typer.Option("--sales", min=1, max=100, help="Sales by each flow.")]
CommitTime = Annotated[
    int,
    typer.Option(
        "--commit-time",
        min=0,
        max=1_000,
        help="Milliseconds that a node waits before it signs a commitment; lightningd's own setting is 10.",
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option("--folder", file_okay=False, exists=True, help="Folder on the disk of the ledgers; else temporary."),
]


def sale(sales: Sales = 10, commit_time: CommitTime = 10, folder: Folder = None, json_: Json = False) -> None:
    """Compare a sale at the sandbox's nodes with the node's own FetchInvoice and Xpay, and count its gRPC calls.

    Measured from the last byte of the request on, with home's plugin as a process and without a radio. "node" is the
    time in which a gRPC call was under way, "bled" the rest; the wait for the money is a call. LND pays no offers: its
    sales are compared with Core Lightning's own payment too. The sandbox's nodes wait before they sign a commitment, as
    lightningd does; the ratio without that is told besides.
    """
    import asyncio

    from bled.bench.sale import run_sale_bench

    if not json_:
        note(f"{sales} sales by each flow, about {2 * sales + 5} s; other work on this machine makes the numbers worse")
    report = asyncio.run(run_sale_bench(sales=sales, commit_seconds=commit_time / 1e3, folder=folder))
    if json_:
        print_json(_plain(report))
    else:
        _say(report)


def _plain(report: "Report") -> dict[str, object]:
    return {
        "node_alone": {"fetch_invoice_milliseconds": _ms(report.fetch), "xpay_milliseconds": _ms(report.pay)},
        "channels_milliseconds": _ms(report.channels),
        "flows": [_plain_flow(report, flow) for flow in report.flows],
        "met": report.met,
    }


def _plain_flow(report: "Report", flow: "Flow") -> dict[str, object]:
    return {
        "name": flow.name,
        "sales": len(flow.sales),
        "milliseconds": _ms(flow.seconds),
        "ratio": round(report.ratio(flow), 3),
        "ratio_without_channels": round(report.bare_ratio(flow), 3),
        **{name: {part: _ms(took) for part, took in parts.items()} for name, parts in flow.phases.items()},
        "home_milliseconds": _ms(flow.home),
        "ratio_met_from_node_alone_milliseconds": _ms(max(0.0, report.enough(flow))),
        "calls": dict(flow.calls),
    }


def _ms(seconds: float) -> float:
    return round(1e3 * seconds, 2)


def _say(report: "Report") -> None:
    from bled.bench.sale import CALLS_TARGET, RATIO_TARGET

    say(
        f"the node alone: FetchInvoice {_ms(report.fetch)} ms, Xpay {_ms(report.pay)} ms, {_ms(report.alone)} ms in "
        f"all; {_ms(report.channels)} ms of it, and of each sale, its channels' commitments"
    )
    for flow in report.flows:
        met = {name: "ok" if report.met[f"{name}, {flow.name}"] else "NO" for name in ("ratio", "calls")}
        say(
            f"{flow.name}: {_ms(flow.seconds)} ms, ratio {report.ratio(flow):.2f} (at most {RATIO_TARGET}: "
            f"{met['ratio']}); {sum(flow.calls.values())} calls (at most {CALLS_TARGET[flow.name]}: {met['calls']}): "
            f"{', '.join(flow.calls)}"
        )
        for name, parts in flow.phases.items():
            took = ", ".join(f"{part} {_ms(seconds)} ms" for part, seconds in parts.items())
            say(f"    {name.replace('_', ' ')}: {took}")
        say(f"    of that from the invoice's arrival at home: {_ms(flow.home)} ms")
        say(f"    with channels that take no time the ratio would be {report.bare_ratio(flow):.2f}")
        say(f"    the ratio is met where the node alone takes {_ms(max(0.0, report.enough(flow)))} ms or more")
