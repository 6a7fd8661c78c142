"""What stands in the files under version control: a licence, no traces of a machine, nothing left half done."""

import ast
import re
from pathlib import Path

import pytest

LONGEST_FILE = 350
LONGEST_FUNCTION = 50

# Data and other people's formats: addresses in them are part of what they are.
DATA_SUFFIXES = {".json", ".lock"}

# One letter of each is in brackets, so that this file is not found by its own search.
REGISTRY_HOSTS = re.compile(r"py[p]i\.org|python[h]osted\.org|npm[j]s\.|crates\.[i]o|index-[u]rl\s*=")
MACHINE_PATHS = re.compile(r"(?<![\w./~-])/(?:root|work|workspace|mnt|home/\w+|Users/\w+)(?:/|\b(?!\.))")
UNFINISHED = re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b")
PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE K[E]Y-----")
PLACEHOLDER = re.compile(r"NotImplemented[E]rror")


@pytest.fixture(scope="session")
def texts(tracked_files, root: Path) -> dict[str, str]:
    """Each tracked text file by its name."""
    found: dict[str, str] = {}
    for path in tracked_files:
        try:
            found[path.relative_to(root).as_posix()] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return found


def _places(texts: dict[str, str], pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {found.group()}"
        for name, text in texts.items()
        if Path(name).suffix not in DATA_SUFFIXES
        for number, line in enumerate(text.splitlines(), start=1)
        if (found := pattern.search(line))
    ]


def test_the_licence_is_mit(root: Path) -> None:
    text = (root / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("MIT License\n")
    assert "Permission is hereby granted, free of charge" in text


def test_no_file_names_a_path_of_one_machine(texts: dict[str, str]) -> None:
    assert _places(texts, MACHINE_PATHS) == []


def test_no_file_names_a_package_registry(texts: dict[str, str]) -> None:
    assert _places(texts, REGISTRY_HOSTS) == []


def test_no_file_has_a_note_of_unfinished_work(texts: dict[str, str]) -> None:
    assert _places(texts, UNFINISHED) == []


def test_text_files_end_with_one_newline_and_have_no_trailing_spaces(texts: dict[str, str]) -> None:
    wrong = [
        name
        for name, text in texts.items()
        if Path(name).suffix not in DATA_SUFFIXES
        and text
        and (not text.endswith("\n") or text.endswith("\n\n") or re.search(r"[ \t]$", text, re.MULTILINE))
    ]
    assert wrong == []


def test_no_private_key_is_tracked(texts: dict[str, str]) -> None:
    assert _places(texts, PRIVATE_KEY) == []


def test_files_stay_short(sources) -> None:
    assert [f"{s.name}: {n}" for s in sources if (n := len(s.text.splitlines())) > LONGEST_FILE] == []


def test_functions_stay_short(sources) -> None:
    long = [
        f"{source.name}:{node.lineno} {node.name}: {length}"
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (length := _length(node)) > LONGEST_FUNCTION
    ]
    assert long == []


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_what_is_shipped_never_asserts(sources) -> None:
    found = [f"{s.name}:{node.lineno}" for s in sources for node in ast.walk(s.tree) if isinstance(node, ast.Assert)]
    assert found == []


def test_nothing_catches_every_exception(sources) -> None:
    found = [
        f"{source.name}:{node.lineno}"
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler) and _catches_all(node) and not _raises_again(node)
    ]
    assert found == []


def _catches_all(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or bool({"Exception", "BaseException"} & _names(handler.type))


def _raises_again(handler: ast.ExceptHandler) -> bool:
    """Return whether it only cleans up: nothing is swallowed or changed."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def test_nothing_is_left_to_be_implemented(sources) -> None:
    found = [source.name for source in sources if PLACEHOLDER.search(source.text)]
    assert found == []


def test_every_module_class_and_function_for_others_says_what_it_is(sources) -> None:
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    silent = [
        f"{source.name}:{getattr(node, 'lineno', 1)} {getattr(node, 'name', '')}"
        for source in sources
        for node in [source.tree, *_public(source.tree)]
        if isinstance(node, kinds) and source.text and ast.get_docstring(node) is None
    ]
    assert silent == []


def _public(tree: ast.Module | ast.ClassDef) -> list[ast.AST]:
    """Return the definitions that others may use, without special methods and overloads."""
    found: list[ast.AST] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            found += [node, *_public(node)]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            found.append(node)
    return found


def test_an_ignored_check_says_which_and_why(sources) -> None:
    vague = re.compile(r"# noqa(?!: [A-Z]+\d+(?:, [A-Z]+\d+)* .*\w)|# type: ignore(?!\[[\w, -]+\] .*\w)")
    found = [
        f"{source.name}:{number}"
        for source in sources
        for number, line in enumerate(source.text.splitlines(), start=1)
        if vague.search(line)
    ]
    assert found == []
