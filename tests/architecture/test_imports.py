"""Who may import what. `lint-imports` checks the direction; here is what it does not see."""

import ast
import re
import sys
from pathlib import Path

PURE = ("bled_codec", "bled.gatt", "bled.session", "bled.grants")
IMPURE_CALLS = {"open", "print", "input", "eval", "exec", "breakpoint", "__import__", "uuid1", "uuid4"}
OURS = {"bled", "bled_codec"}


def _is_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _contract(pyproject, identity: str):
    contracts = pyproject["tool"]["importlinter"]["contracts"]
    return next(contract for contract in contracts if contract["id"] == identity)


def _third_party(sources) -> dict[str, set[str]]:
    """Return for each library outside the standard one the modules of ours that import it."""
    found: dict[str, set[str]] = {}
    for source in sources:
        for name, _ in source.imports():
            top = name.partition(".")[0]
            if top not in OURS and top not in sys.stdlib_module_names:
                found.setdefault(top, set()).add(source.module)
    return found


def test_the_pure_core_imports_nothing_forbidden(sources, pyproject) -> None:
    forbidden = set(_contract(pyproject, "pure")["forbidden_modules"])
    found = [
        f"{source.name}:{line} imports {name}"
        for source in sources
        if _is_in(source.module, PURE)
        for name, line in source.imports()
        if name.partition(".")[0] in forbidden
    ]
    assert not found


def test_the_pure_core_is_what_the_contract_calls_pure(pyproject) -> None:
    assert tuple(_contract(pyproject, "pure")["source_modules"]) == PURE


def test_the_pure_core_calls_no_builtin_that_does_io_or_draws_randomness(sources) -> None:
    found = [
        f"{source.name}:{node.lineno} calls {called}"
        for source in sources
        if _is_in(source.module, PURE)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and (called := _called(node)) in IMPURE_CALLS
    ]
    assert not found


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="uuid"), attr=name):
            return name
    return ""


def test_imports_are_absolute(sources) -> None:
    found = [f"{s.name}:{line} imports {name}" for s in sources for name, line in s.imports() if name.startswith(".")]
    assert not found


def test_each_third_party_library_has_its_owner_in_the_contract(sources, pyproject) -> None:
    governed = set(_contract(pyproject, "one-owner")["forbidden_modules"])
    assert set(_third_party(sources)) <= governed


def test_only_its_owner_imports_a_library(sources, pyproject) -> None:
    owners: dict[str, list[str]] = {}
    for row in _contract(pyproject, "one-owner")["ignore_imports"]:
        owner, library = row.split(" -> ")
        owners.setdefault(library, []).append(owner)
    strangers = [
        f"{module} imports {library}"
        for library, modules in _third_party(sources).items()
        for module in sorted(modules)
        if not any(_matches(module, owner) for owner in owners.get(library, []))
    ]
    assert not strangers


def _matches(module: str, owner: str) -> bool:
    package = owner.removesuffix(".**")
    return module == package or (owner.endswith(".**") and module.startswith(f"{package}."))


def test_every_package_has_its_place_in_the_layers(root: Path, pyproject) -> None:
    named = set(re.findall(r"\w+", " ".join(_contract(pyproject, "layers")["layers"])))
    packages = {path.parent.name for path in (root / "bled").glob("*/__init__.py")}
    modules = {path.stem for path in (root / "bled").glob("*.py")} - {"__init__"}
    assert packages | modules <= named
