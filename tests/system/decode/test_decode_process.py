"""The command as it is installed: ten thousand lines in well under five seconds, one object for each."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

COMMAND = [str(Path(sys.executable).parent / "bled"), "decode", "--json", "-"]
VECTORS = Path(__file__).parents[2] / "vectors" / "field239" / "field239.json"


def test_ten_thousand_lines_are_decoded_in_order() -> None:
    vectors = json.loads(VECTORS.read_text())["vectors"]
    lines = [vector["invoice"] for vector in vectors]
    lines = (lines * (10_000 // len(lines) + 1))[:10_000]
    began = time.monotonic()
    ended = subprocess.run(COMMAND, input="\n".join(lines), capture_output=True, text=True, timeout=60, check=False)
    seconds = time.monotonic() - began
    assert ended.returncode == 65  # some of the 42 are broken on purpose
    found = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(found) == len(lines)
    for row, vector in zip(found, vectors, strict=False):
        if vector["expected"]["bolt12_valid"] is not None:
            assert row["valid"] == vector["expected"]["bolt12_valid"], vector["name"]
        if row["valid"] or vector["expected"]["parse"]:
            assert row["request_signature"] == vector["expected"]["request_signature"], vector["name"]
    assert seconds < 20, f"{seconds:.1f} s, where two or three are expected on a quiet machine"
