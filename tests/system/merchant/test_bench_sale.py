"""`bled bench sale`: what it counts and how it reports. No time is judged here."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bled.bench.sale import CALLS_TARGET, measured_sale
from bled.cli.bench import app
from bled.errors import BledError
from bled.node.grpc_connection import Call

pytestmark = pytest.mark.system


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for a unix socket."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def test_the_command_sells_by_every_flow_within_its_calls(folder: Path) -> None:
    told = CliRunner().invoke(app, ["sale", "--sales", "1", "--folder", str(folder), "--json"])
    assert told.exit_code == 0, told.output
    report = json.loads(told.stdout)
    assert set(report["node_alone"]) == {"fetch_invoice_milliseconds", "xpay_milliseconds"}
    assert report["channels_milliseconds"] == 40, "two channels, two commitments each, 10 ms"
    assert report["node_alone"]["xpay_milliseconds"] > 39
    assert [flow["name"] for flow in report["flows"]] == list(CALLS_TARGET)
    for flow in report["flows"]:
        assert sum(flow["calls"].values()) <= CALLS_TARGET[flow["name"]]
        assert report["met"][f"calls, {flow['name']}"]
        assert flow["ratio"] > 0
        assert flow["ratio_without_channels"] > 0
        for part in ("request_to_handed", "handed_to_paid"):
            assert set(flow[part]) == {"all", "node", "bled"}
    assert list(folder.iterdir()) == []


def test_the_nodes_time_is_when_any_call_was_under_way() -> None:
    calls = [
        Call(method="Getinfo", began=0.0, ended=1.0),
        Call(method="CreateInvoice", began=11.0, ended=13.0),
        Call(method="ConnectPeer", began=12.0, ended=14.0),
        Call(method="InjectOnionMessage", began=15.0, ended=16.0),
        Call(method="WaitInvoice", began=17.0, ended=30.0),
    ]
    sale = measured_sale(calls, requested=10.0, arrived=18.0, paid=20.0)
    assert (sale.handing.node, sale.handing.own) == (3.0, 2.0)
    assert (sale.paying.node, sale.paying.own) == (4.0, 1.0)
    assert sale.home == 2.0
    assert sum(sale.calls.values()) == 4, "who the node is was asked before"


def test_a_sale_without_a_sending_is_no_measurement() -> None:
    with pytest.raises(BledError):
        measured_sale([], requested=0.0, arrived=0.5, paid=1.0)
