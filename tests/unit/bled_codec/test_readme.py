"""`codec/README.md` tells the truth: its example runs, and its tables are those of the code."""

import doctest
import re
from pathlib import Path

import pytest

import bled_codec
from bled_codec.errors import Rule

from .rule_table import raising_modules, rule_table

ROOT = Path(__file__).resolve().parents[3]
README = ROOT / "codec" / "README.md"
PACKAGE = ROOT / "codec" / "bled_codec"


@pytest.fixture(scope="module")
def text() -> str:
    return README.read_text(encoding="utf-8")


def test_the_example_runs() -> None:
    tried = doctest.testfile(str(README), module_relative=False, optionflags=doctest.REPORT_ONLY_FIRST_FAILURE)
    assert tried.attempted >= 9
    assert tried.failed == 0


def test_the_example_has_about_ten_lines(text: str) -> None:
    assert 8 <= text.count(">>> ") <= 12


def test_the_table_of_rules_is_made_from_the_code(text: str) -> None:
    table = text.partition("holds the two together -->\n")[2]
    assert table.partition("\n<!-- end of rules -->")[0] == rule_table(PACKAGE)


def test_every_rule_is_raised_somewhere_and_stands_in_a_must(text: str) -> None:
    assert {rule.name for rule in Rule} == set(raising_modules(PACKAGE))
    musts = text.partition("## Every MUST")[2].partition("## Not implemented")[0]
    named = set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", musts))
    assert named - {rule.value for rule in Rule} - {"quantity-"} == set()
    of_bolt_12 = {rule.value for rule in Rule if not rule.value.startswith(("onion", "encrypted", "string-"))}
    families = ("quantity", "request-signature")
    words = set(re.findall(r"`([a-z0-9-]+)`", musts))
    missing = {value for value in of_bolt_12 - words if not value.startswith(families)}
    assert missing == set()


def test_every_numbered_must_has_a_rule_or_says_whose_it_is(text: str) -> None:
    musts = text.partition("## Every MUST")[2].partition("## Not implemented")[0]
    rows = re.findall(r"^\| ([A-Z]{1,2}\d+) \| (.+?) \| (.+?) \|$", musts, flags=re.MULTILINE)
    assert len(rows) >= 85
    assert len({number for number, _, _ in rows}) == len(rows)
    answered = re.compile(r"`|\*wallet\*|\*node\*|caller|kept, ignored|left out")
    assert [number for number, _, answer in rows if not answered.search(answer)] == []


def test_what_readers_must_do_and_no_rule_covers_is_listed(text: str) -> None:
    musts = text.partition("## Every MUST")[2].partition("### What readers must do and no rule covers")[0]
    rows = re.findall(r"^\| ((?:[OIRP]R|S|T)\d+) \| .+? \| (.+?) \|$", musts, flags=re.MULTILINE)
    rules = {rule.value for rule in Rule}
    uncovered = [number for number, answer in rows if not rules & set(re.findall(r"`([a-z0-9-]+)`", answer))]
    report = text.partition("### What readers must do and no rule covers")[2].partition("## Not implemented")[0]
    assert re.findall(r"\b(?:[OIRP]R|S|T)\d+\b", report) == uncovered


def test_the_modules_it_names_exist(text: str) -> None:
    section = text.partition("## What is where")[2].partition("A decoded message")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert {name for name in named if not (PACKAGE / f"{name}.py").exists()} == set()
    assert bled_codec.__doc__
