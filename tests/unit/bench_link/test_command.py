"""What `bled bench link` prints."""

import json

import pytest
from typer.testing import CliRunner

from bled.bench.link import EXCHANGES, PRODUCT
from bled.bench.link_exchanges import MTUS, SIZES
from bled.bench.link_profiles import PROFILES
from bled.cli.main import app

pytestmark = pytest.mark.system  # a virtual radio


def run(*arguments: str) -> str:
    ended = CliRunner().invoke(app, ["bench", "link", "--seconds", "0.01", *arguments])
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def test_json_is_one_object_with_every_exchange_and_the_other_profiles() -> None:
    report = json.loads(run("--json"))
    assert set(report) == {"exchanges", "other_profiles", "cpu_milliseconds", "cpu_floor_milliseconds", "targets"}
    assert len(report["exchanges"]) == (len(EXCHANGES) + len(PRODUCT)) * len(SIZES) * len(MTUS)
    assert set(report["other_profiles"]) == set(PROFILES)
    assert all(set(target) == {"name", "found", "limit", "met"} for target in report["targets"])


def test_text_has_a_row_for_each_exchange_and_says_what_is_only_modelled() -> None:
    text = run()
    rows = [
        line for line in text.splitlines() if line.startswith(("request ", "sale ", "plain ", "secure ", "purchase "))
    ]
    assert len(rows) == (len(EXCHANGES) + len(PRODUCT)) * len(SIZES) * len(MTUS)
    assert "modelled" in text
    assert "not captured" in text
    assert all(name in text for name in PROFILES)
