"""The table of rules in `codec/README.md`, made from the code: every rule, its source, and who raises it."""

import ast
from collections import defaultdict
from pathlib import Path

from bled_codec.errors import Rule
from bled_codec.rules import SOURCES

_LISTS = {"errors", "rules"}


def raising_modules(package: Path) -> dict[str, set[str]]:
    """Return for each rule's name the modules that use it."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in package.glob("*.py"):
        if file.stem in _LISTS:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Rule":
                found[node.attr].add(file.stem)
    return found


def rule_table(package: Path) -> str:
    """Return the table, one line for each rule."""
    modules = raising_modules(package)
    lines = ["| rule | source | kept by | broken when | raised in |", "|---|---|---|---|---|"]
    for rule in Rule:
        source = SOURCES[rule]
        where = ", ".join(f"`{module}`" for module in sorted(modules[rule.name]))
        lines.append(
            f"| `{rule.value}` | {source.document}, {source.section} | {source.side} | {source.meaning} | {where} |"
        )
    return "\n".join(lines)
