"""The campaign against the till in short: each kind of node once, and one build with a defect that must be caught."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.system

CAMPAIGN = Path(__file__).parents[2] / "campaign" / "merchant.py"
WRONG = (
    "lost", "unproven", "second_live", "wrong_amount", "open_twice", "unresolved", "left_open", "node_crashes", "hung",
)  # fmt: skip


def played(*options: str, kills: int) -> dict[str, Any]:
    """Play a campaign in which nothing must be wrong; return its closing line."""
    command = [sys.executable, CAMPAIGN, "--kills", str(kills), *options]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.stdout, ended.stderr
    told = dict(json.loads(ended.stdout.splitlines()[-1]))
    assert told["kills"] >= kills
    assert told["payments"] > 0
    assert {name: told[name] for name in WRONG} == dict.fromkeys(WRONG, 0), ended.stderr
    assert ended.returncode == 0
    return told


def test_tills_that_are_killed_agree_with_their_nodes_in_the_end() -> None:
    told = played("--in-a-round", "8", "--defects", "believe_in_sending", kills=24)
    assert told["defects"]["believe_in_sending"]["caught"]


def test_tills_behind_a_proxy_that_is_killed_as_well_agree_with_their_node_in_the_end() -> None:
    assert played("--proxy", "--seed", "3", "--defects", "none", kills=10)["proxy_kills"] > 0
