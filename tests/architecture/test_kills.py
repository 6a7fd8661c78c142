"""Every step between two durable effects has a test that kills the process there and looks at what is left."""

import ast
from collections.abc import Iterator

from bled.codes import Failpoint


def _members(tree: ast.AST) -> Iterator[str]:
    """Yield the name of each `Failpoint.NAME` in a tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Failpoint":
            yield node.attr


def _parts(test: ast.AST, module: ast.Module) -> Iterator[ast.AST]:
    """Yield what a test is made of: itself, its decorators, and the constants of its module that it names."""
    constants = {
        target.id: node.value
        for node in module.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    yield test
    yield from (constants[node.id] for node in ast.walk(test) if isinstance(node, ast.Name) and node.id in constants)


def _named_in(part: ast.AST) -> set[str]:
    """Return the failpoints that a part of a test names: one by one, by value, or all that a loop over them takes."""
    texts = {node.value for node in ast.walk(part) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    roles = {text.rstrip(".") for text in texts} if _loops_over_failpoints(part) else set()
    armed = {text.partition("=")[0].partition(":")[0] for text in texts if "=" in text}
    by_value = {name.name for name in Failpoint if name.value in armed or name.value.partition(".")[0] in roles}
    return set(_members(part)) | by_value


def _loops_over_failpoints(part: ast.AST) -> bool:
    loops = (node.iter for node in ast.walk(part) if isinstance(node, ast.For | ast.comprehension))
    return any(isinstance(loop, ast.Name) and loop.id == "Failpoint" for loop in loops)


def test_every_failpoint_is_in_a_test_that_kills_the_process_there(test_sources) -> None:
    named = {
        name
        for source in test_sources
        for test in ast.walk(source.tree)
        if isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef) and "kill" in test.name
        for part in _parts(test, source.tree)
        for name in _named_in(part)
    }
    assert sorted(name.name for name in Failpoint if name.name not in named) == []
