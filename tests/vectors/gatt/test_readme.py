"""The README names every file of this folder's vectors, and every list in it."""

import json
import re
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
README = (FOLDER / "README.md").read_text(encoding="utf-8")
SIMPLE = {"about", "purchase", "chain", "clock", "protocol", "prologue"}
"""Keys whose names say what they are."""


def test_every_file_is_named_and_no_other() -> None:
    assert set(re.findall(r"`(\w+\.json)`", README)) == {path.name for path in FOLDER.glob("*.json")}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.name)
def test_every_list_of_a_file_is_named(path: Path) -> None:
    keys = set(json.loads(path.read_text(encoding="utf-8"))) - SIMPLE
    assert keys <= set(re.findall(r"`(\w+)`", README)), keys - set(re.findall(r"`(\w+)`", README))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("second*.py")), ids=lambda path: path.name)
def test_the_second_implementation_imports_nothing_of_the_first(path: Path) -> None:
    imports = re.findall(r"^\s*(?:from|import) (\S+)(?: import (.*))?$", path.read_text(encoding="utf-8"), re.MULTILINE)
    for module, names in imports:
        own = module.startswith(".second") or (module == "." and names.startswith("second"))
        assert own or module.split(".")[0] in {*sys.stdlib_module_names, "cryptography", "noise"}, module
