"""Whom a device waits for and a till looks for, and how that ends: counted alike by the drivers and by the page."""

import json
from pathlib import Path
from typing import Any

import pytest

from . import make_waits, second_tries

FOLDER = Path(__file__).parent
FILE = json.loads((FOLDER / "waits.json").read_text(encoding="utf-8"))


def test_the_programs_drivers_make_the_committed_file() -> None:
    for name, content in make_waits.make().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == make_waits.text(content)


@pytest.mark.parametrize("case", [*FILE["device"], *FILE["till"]], ids=lambda case: ", ".join(case["visits"]))
def test_the_second_implementation_waits_and_looks_as_long(case: dict[str, Any]) -> None:
    ended = second_tries.wait_or_search(case["meeting"], case["visits"])
    assert ended == (case["looked_at"], case["seconds"], case["ends"])
