"""The registry of outcomes is used wholly: no row that nothing raises, no error outside it."""

import ast
from collections.abc import Iterator

import pytest

from bled.codes import Code
from bled.errors import BledError
from bled_codec.errors import CodecError, Rule

REGISTRIES = {"bled.codes"}


def _members(tree: ast.AST, enumeration: str) -> Iterator[str]:
    """Yield the name of each `enumeration.NAME` in a tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == enumeration:
            yield node.attr


def test_every_code_is_used_outside_the_registry(sources) -> None:
    used = {name for source in sources if source.module not in REGISTRIES for name in _members(source.tree, "Code")}
    assert sorted(code.name for code in Code if code.name not in used) == []


def test_no_error_is_made_with_a_code_that_is_text(sources) -> None:
    kinds = {"BledError", "ConfigurationError", "PeerError", "Refused", "Unavailable"}
    found = [
        f"{source.name}:{node.lineno}"
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in kinds
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ]
    assert not found


@pytest.mark.parametrize("kind", [CodecError, *CodecError.__subclasses__()])
def test_a_broken_rule_of_the_codec_can_be_reported_under_any_row(kind: type[CodecError]) -> None:
    error = BledError.from_codec(Code.BAD_INVOICE, kind(Rule.TRUNCATED))
    assert error.outcome.code is Code.BAD_INVOICE
