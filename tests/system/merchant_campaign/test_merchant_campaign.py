"""The campaign against the till in short: each kind of node once, and one build with a defect that must be caught."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

CAMPAIGN = Path(__file__).parents[2] / "campaign" / "merchant.py"
WRONG = (
    "lost", "unproven", "second_live", "wrong_amount", "open_twice", "unresolved", "left_open", "node_crashes", "hung",
)  # fmt: skip


def test_tills_that_are_killed_agree_with_their_nodes_in_the_end() -> None:
    ended = subprocess.run(
        [sys.executable, CAMPAIGN, "--kills", "24", "--in-a-round", "8", "--defects", "believe_in_sending"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout, ended.stderr
    told = json.loads(ended.stdout.splitlines()[-1])
    assert told["kills"] >= 24
    assert told["payments"] > 0
    assert {name: told[name] for name in WRONG} == dict.fromkeys(WRONG, 0), ended.stderr
    assert told["defects"]["believe_in_sending"]["caught"], ended.stderr
    assert ended.returncode == 0
