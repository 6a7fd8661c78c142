"""`bled bench home`: what it measures and how it reports, and that no number of issued ids makes a purchase dear."""

import json

import pytest
from typer.testing import CliRunner

from bled.bench.home import ISSUED, Report, run_home_bench
from bled.cli.bench import app


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return run_home_bench(seconds=0.05, folder=tmp_path_factory.mktemp("bench"))


def test_verifying_and_claiming_are_measured_against_their_floors(report: Report) -> None:
    assert set(report.floor) == {"verify", "point", "hash", "key", "mac", "siv"}
    assert 0 < report.signatures < report.floor_seconds < report.verify
    assert report.verify_ratio < 3, "even on a busy machine"
    assert min(report.fsync, report.claim) > 0


def test_ten_million_issued_ids_cost_what_a_thousand_do_and_are_not_stored(report: Report) -> None:
    assert [each.issued for each in report.growth] == list(ISSUED)
    assert report.growth_ratio < 2, "even on a busy machine"
    assert all(each.stored_bytes < 100 for each in report.growth)
    assert report.growth[-1].stored_bytes < 0.01


def test_the_command_says_what_it_measured(tmp_path) -> None:
    told = CliRunner().invoke(app, ["home", "--seconds", "0.02", "--folder", str(tmp_path), "--json"])
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert found["verify"]["ratio"] > 1
    assert [each["ids"] for each in found["issued"]] == list(ISSUED)
    assert set(found["met"]) == {"verify", "growth", "stored"}
    plain = CliRunner().invoke(app, ["home", "--seconds", "0.02", "--folder", str(tmp_path)])
    assert "10,000,000 ids issued" in plain.stdout
