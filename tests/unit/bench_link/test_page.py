"""The page about the radio says what was counted."""

import json
import re
from pathlib import Path

import pytest

from bled.bench import link_report

ROOT = Path(__file__).parents[3]
INTERVALS = ("7.5", "15", "30", "50")


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / "docs" / "radio.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, object]]:
    """What is recorded for an offer of 300 bytes and a request of 800."""
    recorded = json.loads(Path(__file__).with_name("recorded.json").read_text(encoding="utf-8"))
    return [row for row in recorded if (row["offer_bytes"], row["request_bytes"]) == (300, 800)]


def test_the_table_of_exchanges_is_what_is_recorded(page: str, rows: list[dict[str, object]]) -> None:
    keys = ("exchange", "att_mtu", "att_pdus", "ll_packets", "bytes_on_air", "waits")
    expected = [
        [*(str(row[key]) for key in keys), f"{row['efficiency']:.1%}".replace("%", " %")]
        + [f"{row['modelled_milliseconds'][interval]:.0f}" for interval in INTERVALS]
        for row in rows
    ]
    lines = re.findall(r"^\| (?:request|sale|plain|secure|purchase) \|.*\|$", page, re.MULTILINE)
    assert [[cell.strip() for cell in line.strip("|").split("|")] for line in lines] == expected


def test_what_it_says_of_discovery_is_what_is_recorded(page: str, rows: list[dict[str, object]]) -> None:
    found = {(row["discovery_round_trips"], row["discovery_att_pdus"]) for row in rows}
    assert found == {(3, 6)}
    by_mtu = {row["att_mtu"]: row["discovery_bytes_on_air"] for row in rows}
    assert f"3 round trips, 6 ATT PDUs, {by_mtu[517]} bytes (ATT_MTU 23: {by_mtu[23]})" in page


def test_the_promises_on_it_are_those_that_are_kept(page: str) -> None:
    for text in (
        f"at most {link_report.MAX_ATT_PDUS} ATT PDUs after discovery",
        f"at most {link_report.MAX_WAITS} waits after discovery",
        f"at least {100 * link_report.MIN_EFFICIENCY:.0f} % of the bytes",
        f"at most {link_report.MAX_DISCOVERY} round trips of discovery",
        f"below {1000 * link_report.MAX_CPU_SECONDS:.0f} ms of processor time",
    ):
        assert text in page
