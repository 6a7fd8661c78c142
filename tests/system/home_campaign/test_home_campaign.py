"""The campaign against home in short: thirty kills, and one build with a defect that the auditor has to catch."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

CAMPAIGN = Path(__file__).parents[2] / "campaign" / "home.py"


def test_a_home_that_is_killed_thirty_times_pays_once_and_loses_nothing() -> None:
    ended = subprocess.run(
        [sys.executable, CAMPAIGN, "--kills", "30", "--seed", "1", "--defects", "claims-late"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout, ended.stderr
    told = json.loads(ended.stdout.splitlines()[-1])
    assert told["kills"] >= 30
    assert told["payments"] > 0
    names = ("double_paid", "lost", "budget_violations", "unresolved", "paid_after_revocation", "ended", "hung", "hook")
    wrong = {name: told[name] for name in (*names, "aborted")}
    assert not any(wrong.values()), (wrong, ended.stderr)
    assert told["defects"]["claims-late"]["caught"], ended.stderr
    assert ended.returncode == 0
