"""The source of bled as syntax trees, for tests about the program as a whole."""

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_GENERATED = ROOT / "bled" / "node" / "stubs"
_SKIPPED_FOLDERS = {"__pycache__", "build", "dist", "htmlcov", "node_modules"}


@dataclass(frozen=True)
class Source:
    """One Python file: its path, its name as a module, its text and its tree."""

    path: Path
    module: str

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=str(self.path))

    @property
    def name(self) -> str:
        """The path from the root, as a person writes it."""
        return self.path.relative_to(ROOT).as_posix()

    def imports(self) -> Iterator[tuple[str, int]]:
        """Yield each module that is imported, also inside functions and for types only, with its line."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield "." * node.level + (node.module or ""), node.lineno

    def members(self) -> Iterator[str]:
        """Yield `package.name` for each `from package import name`, which may be a module."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _sources_below(folder: Path, *, base: Path) -> Iterator[Source]:
    for path in sorted(folder.rglob("*.py")):
        module = path.relative_to(base).with_suffix("").as_posix().replace("/", ".")
        yield Source(path=path, module=module.removesuffix(".__init__"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def sources() -> tuple[Source, ...]:
    """All that is shipped and written by hand."""
    ours = [*_sources_below(ROOT / "bled", base=ROOT), *_sources_below(ROOT / "codec", base=ROOT / "codec")]
    return tuple(source for source in ours if not source.path.is_relative_to(_GENERATED))


@pytest.fixture(scope="session")
def test_sources() -> tuple[Source, ...]:
    """All tests and what they use."""
    return tuple(_sources_below(ROOT / "tests", base=ROOT))


@pytest.fixture(scope="session")
def pyproject() -> dict[str, object]:
    """The project's own description."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def tracked_files() -> tuple[Path, ...]:
    """Files under version control, or all that would be in an unpacked archive without it."""
    # The folder may belong to another user than the one who tests, which git takes for an attack unless told.
    command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "-z", "--cached", "--full-name"]
    listed = subprocess.run(command, capture_output=True, check=False, timeout=30)
    if listed.returncode == 0 and listed.stdout:
        paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
        return tuple(path for path in paths if path.is_file())
    return tuple(path for path in sorted(ROOT.rglob("*")) if path.is_file() and _is_ours(path.relative_to(ROOT)))


def _is_ours(path: Path) -> bool:
    folders = path.parts[:-1]
    hidden = any(part.startswith(".") and part != ".ci" for part in folders)
    return not hidden and not _SKIPPED_FOLDERS.intersection(folders)
