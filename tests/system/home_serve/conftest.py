"""Homes with workers."""

import importlib.util
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType

import pytest


def _load(path: Path) -> ModuleType:
    name = f"tests_home_{path.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


HERE = Path(__file__).parent
purchases = _load(HERE.parents[1] / "unit" / "home" / "purchases.py")
places = _load(HERE.parents[1] / "unit" / "home" / "places.py")
scripted = _load(HERE.parent / "home" / "lightningd.py")
serving_module = _load(HERE / "serving.py")
warm_module = _load(HERE.parent / "home" / "warm.py")
refund_town = _load(HERE.parent / "home" / "refund_town.py")


@pytest.fixture(scope="session")
def migrated(postgres):
    """A PostgreSQL database with the ledger's tables, for one test after the other."""
    made = places.Database(postgres)
    yield made
    made.close()


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Starts workers in milliseconds."""
    folder = tmp_path_factory.mktemp("warm")
    with warm_module.parent(folder):
        yield warm_module.Warm(folder / "warm")


@pytest.fixture
async def serving(tmp_path: Path, migrated, warm) -> AsyncIterator[object]:
    """A home whose node listens and whose ledger has a book; no worker runs yet."""
    migrated.clear()
    made = serving_module.Serving(tmp_path, migrated, purchases, scripted, warm)
    yield made
    await made.close()


@pytest.fixture
def clean():
    """How to judge an audit."""
    return serving_module.clean


@pytest.fixture
def refund_towns():
    """The module with a sandbox whose merchant gives back."""
    return refund_town
