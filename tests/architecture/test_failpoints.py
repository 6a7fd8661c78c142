"""Every step between two durable effects can be made to fail, in one place."""

import ast
from collections import Counter
from collections.abc import Iterator

from bled.codes import Failpoint


def _members(tree: ast.AST) -> Iterator[str]:
    """Yield the name of each `Failpoint.NAME` in a tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Failpoint":
            yield node.attr


def _passages(sources) -> Counter[str]:
    """Count the calls `failpoint(Failpoint.NAME)` in what is shipped."""
    calls = (
        node
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "failpoint"
    )
    return Counter(name for call in calls for name in _members(call))


def test_every_failpoint_is_passed_in_exactly_one_place(sources) -> None:
    passages = _passages(sources)
    assert {name.name: passages[name.name] for name in Failpoint} == {name.name: 1 for name in Failpoint}
