"""The campaign against home in short, alone and with workers: some kills, and builds with a defect to be caught."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.system

CAMPAIGN = Path(__file__).parents[2] / "campaign" / "home.py"


def played(*options: str, kills: int) -> dict[str, Any]:
    """Play a campaign in which nothing must be wrong; return its closing line."""
    command = [sys.executable, CAMPAIGN, "--kills", str(kills), "--seed", "1", *options]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.stdout, ended.stderr
    told = dict(json.loads(ended.stdout.splitlines()[-1]))
    assert told["kills"] >= kills
    names = ("double_paid", "lost", "budget_violations", "unresolved", "paid_after_revocation", "ended", "hung", "hook")
    refunds = ("refunds_lost", "refunds_over", "refunds_doubled")
    wrong = {name: told[name] for name in (*names, *refunds, "aborted")}
    assert not any(wrong.values()), (wrong, ended.stderr)
    assert all(each["caught"] for each in told["defects"].values()), ended.stderr
    assert ended.returncode == 0
    return told


def test_a_home_that_is_killed_thirty_times_pays_once_and_loses_nothing() -> None:
    told = played("--defects", "none", kills=30)
    assert told["payments"] > 0
    assert told["refunds"] > 0


def test_a_home_that_closes_the_invoice_of_a_refund_in_its_ledger_alone_is_caught() -> None:
    assert played("--defects", "leaves-invoices-live", kills=0)["defects"]


def served(postgres, *options: str, kills: int) -> dict[str, Any]:
    """Play against a home with two workers."""
    return played("--workers", "2", "--database", postgres.url("postgres"), *options, kills=kills)


def test_a_home_with_two_workers_on_one_database_pays_once_and_loses_nothing(postgres) -> None:
    told = served(postgres, "--defects", "none", kills=24)
    assert told["payments"] > 0
    assert told["worker_kills"] >= 8


def test_two_workers_that_claim_what_they_have_paid_are_caught(postgres) -> None:
    assert served(postgres, "--defects", "claims-late", kills=0)["defects"]
