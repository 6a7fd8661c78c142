"""What pyproject.toml asks for is what the program imports, and each role asks for what its own commands import."""

import re
import sys

import pytest

OURS = {"bled", "bled_codec"}

# Names of distributions that differ from what is imported.
IMPORTED_AS = {
    "grpcio": "grpc",
    "opencv_python_headless": "cv2",
    "pillow": "PIL",
    "protobuf": "google",
    "zxing_cpp": "zxingcpp",
}

# Imported, and declared by the library that it belongs to, which pins it exactly.
BELONGS_TO = {"pydantic_core": "pydantic"}

# What a role's commands begin with.
ENTRANCES = {
    "merchant": ["bled.cli.merchant"],
    "buyer": ["bled.cli.buyer"],
    "home": ["bled.cli.home", "bled.home.main"],
    "proxy": ["bled.cli.node_proxy"],
}

# What some may want beside a role: its commands import it only when they are asked for it.
ASIDE = "camera"


def _declared(lines: list[str]) -> set[str]:
    names = {re.split(r"[^A-Za-z0-9_-]", line)[0].lower().replace("-", "_") for line in lines}
    return {IMPORTED_AS.get(name, name) for name in names}


def _base(pyproject) -> set[str]:
    return _declared(pyproject["project"]["dependencies"])


def _role(pyproject, role: str) -> set[str]:
    return _declared(pyproject["project"]["optional-dependencies"][role])


def _third_party(imported: set[str]) -> set[str]:
    tops = {BELONGS_TO.get(top, top) for top in (name.partition(".")[0] for name in imported)}
    return tops - OURS - sys.stdlib_module_names


def _reached(sources, entrances: list[str]) -> set[str]:
    """Return the names of all that is imported from these modules on, by whatever they import in turn."""
    by_module = {source.module: source for source in sources}
    reached: set[str] = set()
    waiting = list(entrances)
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        if name in by_module:
            waiting += _named_by(by_module[name], by_module)
    return reached


def _named_by(source, by_module) -> set[str]:
    """Return what one module imports; `from package import module` counts as the module too."""
    named = {name for name, _ in source.imports()}
    named |= {whole for whole in source.members() if whole in by_module}
    return named


def test_what_is_imported_is_declared(sources, pyproject) -> None:
    imported = _third_party({name for source in sources for name, _ in source.imports()})
    assert imported <= _base(pyproject).union(*(_role(pyproject, role) for role in [*ENTRANCES, ASIDE]))


@pytest.mark.parametrize("role", ENTRANCES)
def test_a_role_declares_what_its_commands_import(sources, pyproject, role: str) -> None:
    needed = _third_party(_reached(sources, ENTRANCES[role])) - _base(pyproject)
    assert needed - _role(pyproject, ASIDE) == _role(pyproject, role)


def test_the_base_is_enough_to_decode(sources, pyproject) -> None:
    assert _third_party(_reached(sources, ["bled.cli.decode"])) <= _base(pyproject)


def test_the_base_declares_what_is_used(sources, pyproject) -> None:
    imported = _third_party({name for source in sources for name, _ in source.imports()})
    assert _base(pyproject) <= imported


@pytest.mark.parametrize("role", ["merchant", "buyer", "home", "all", "dev", ASIDE])
def test_each_role_is_an_extra(pyproject, role: str) -> None:
    assert role in pyproject["project"]["optional-dependencies"]
