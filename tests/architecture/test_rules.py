"""Every rule of the codec is enforced somewhere: a name that nothing raises promises what is not kept."""

import ast
from collections.abc import Iterator

from bled_codec.errors import Rule

# Where rules are named and explained, not enforced.
LISTS = {"bled_codec.errors", "bled_codec.rules"}


def _members(tree: ast.AST) -> Iterator[str]:
    """Yield the name of each `Rule.NAME` in a tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Rule":
            yield node.attr


def test_every_rule_of_the_codec_is_used_outside_its_list(sources) -> None:
    used = {name for source in sources if source.module not in LISTS for name in _members(source.tree)}
    assert sorted(rule.name for rule in Rule if rule.name not in used) == []
