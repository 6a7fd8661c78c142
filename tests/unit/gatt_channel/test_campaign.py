"""The campaign of attacks plays, and says so when something is broken."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

CAMPAIGN = Path(__file__).resolve().parents[2] / "campaign" / "air.py"


@pytest.fixture
def air(attacks: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The campaign as a module."""
    monkeypatch.setitem(sys.modules, "attacks", attacks)  # a script finds its neighbours by itself
    for name in ("hall", "sessions"):
        neighbour = importlib.util.spec_from_file_location(name, CAMPAIGN.with_name(f"{name}.py"))
        monkeypatch.setitem(sys.modules, name, importlib.util.module_from_spec(neighbour))
        neighbour.loader.exec_module(sys.modules[name])
    spec = importlib.util.spec_from_file_location("bled_campaign_air", CAMPAIGN)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_a_short_campaign_passes_and_ends_with_one_line_of_json() -> None:
    command = [sys.executable, str(CAMPAIGN), "--runs", "60", "--seed", "3", "--weak-runs", "3", "--no-six-digits"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    closing = json.loads(ended.stdout.splitlines()[-1])
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (closing["campaign"], closing["runs"], closing["passed"], closing["broken"]) == ("air", 60, True, [])
    assert sum(closing["by_attack"].values()) == 60
    assert closing["weak_builds"]["search_in_hs3"] == {"runs": 3, "won": 3}


def _closing(air: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys) -> tuple[int, dict[str, object]]:
    arguments = ["air", "--runs", "20", "--weak-runs", "1", "--no-six-digits"]
    monkeypatch.setattr(sys, "argv", arguments)
    code = air.main()
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


def test_an_attack_that_succeeds_is_reported(air, monkeypatch, capsys) -> None:
    def won(random: object, totals: object) -> None:
        air.expect_refusal(lambda: None, totals, "somebody was let in")

    monkeypatch.setattr(air, "ATTACKS", (won,))
    code, closing = _closing(air, monkeypatch, capsys)
    assert (code, closing["passed"]) == (1, False)
    assert closing["broken"][0] == "run 0, won: somebody was let in"


def test_a_device_that_is_content_with_the_nonce_is_found_out(air, attacks, monkeypatch, capsys) -> None:
    """The whole campaign on the first draft: a change of mind about HS3 is taken."""
    honest_pair = attacks.honest_pair
    monkeypatch.setattr(air, "commitment", attacks.nonce_only)
    monkeypatch.setattr(
        attacks,
        "honest_pair",
        lambda random, *, offer, **build: honest_pair(
            random, offer=offer, **{"reader": attacks.NonceOnlyReader, "beacon": attacks.NonceOnlyBeacon} | build
        ),
    )
    monkeypatch.setattr(air, "ATTACKS", (air.search,))
    monkeypatch.setattr(air, "WEAK", {})
    code, closing = _closing(air, monkeypatch, capsys)
    assert code == 1
    assert any("change of mind" in line for line in closing["broken"])


def test_a_weak_build_that_is_not_beaten_fails_the_campaign(air, monkeypatch, capsys) -> None:
    monkeypatch.setattr(air, "WEAK", {"search_in_hs1": {"build": {}, "promise": air.commitment}})
    code, closing = _closing(air, monkeypatch, capsys)
    assert (code, closing["broken"]) == (1, [])


@pytest.mark.parametrize(
    ("count", "runs", "chance", "luck"),
    [
        (0, 0, 1e-6, True),
        (0, 10_000, 1e-6, True),
        (1, 10_000, 1e-6, True),
        (8, 10_000, 1e-6, False),
        (100, 10_000, 1e-2, True),
        (140, 10_000, 1e-2, True),
        (200, 10_000, 1e-2, False),
        (10_000, 10_000, 1e-2, False),
    ],
)
def test_more_than_chance_is_told_from_chance(air, count: int, runs: int, chance: float, luck: bool) -> None:
    assert air.is_chance(count, runs, chance) is luck
