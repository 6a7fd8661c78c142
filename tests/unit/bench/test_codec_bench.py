"""`bled bench codec`: what it measures, how it reports, and that the codec is near the floor on any machine."""

import json

import pytest
from typer.testing import CliRunner

from bled.bench.codec import Report, run_codec_bench
from bled.bench.codec_cases import cases, tree_hashes
from bled.bench.timing import measure
from bled.cli.bench import app
from bled_codec.tlv import make_record

SECONDS = 0.06


@pytest.fixture(scope="module")
def report() -> Report:
    return run_codec_bench(seconds=SECONDS)


def test_every_case_is_measured_against_the_floor(report: Report) -> None:
    assert set(report.floor) == {"verify", "sign", "point", "hash"}
    assert [result.name for result in report.results] == [case.name for case in cases()]
    for result in report.results:
        assert result.seconds > 0
        assert result.floor_seconds > 0


def test_the_codec_is_near_its_targets_even_on_a_busy_machine(report: Report) -> None:
    for result in report.results:
        if result.target is not None:
            assert result.ratio < 2 * result.target, result


def test_a_record_costs_the_same_in_a_small_and_in_a_large_message(report: Report) -> None:
    seconds = {result.name: result.seconds for result in report.results}
    hundred, thousand = seconds["request of 100 records more"], seconds["request of 1000 records more"]
    ten = seconds["request of 10 records more"]
    assert (thousand - hundred) / 900 < 2 * (hundred - ten) / 90


def test_the_hashes_of_a_tree_are_counted() -> None:
    assert tree_hashes([make_record(number, b"") for number in range(8)]) == 3 * 8 + 7 + 3


def test_slices_of_all_calls_alternate() -> None:
    order: list[str] = []
    measured = measure({"one": lambda: order.append("1"), "other": lambda: order.append("2")}, seconds=0.004)
    assert set(measured) == {"one", "other"}
    assert all(took > 0 for took in measured.values())
    text = "".join(order).lstrip("1").lstrip("2")
    assert text.index("1") < text.rindex("2")


def test_the_command_prints_a_table_or_one_object() -> None:
    runner = CliRunner()
    table = runner.invoke(app, ["codec", "--seconds", "0.01"])
    assert table.exit_code == 0
    assert "request: decode, rules, verify" in table.stdout
    printed = runner.invoke(app, ["codec", "--seconds", "0.01", "--json"])
    found = json.loads(printed.stdout)
    assert found["cases"][0]["target"] == 2.5
    assert {"name", "ratio", "per_second", "microseconds", "floor_microseconds", "met"} <= set(found["cases"][0])
