"""The hall of the campaign: one till and one device, whose time jumps."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

CAMPAIGN = Path(__file__).resolve().parents[1] / "campaign"


def _load(name: str, patch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, CAMPAIGN / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    patch.setitem(sys.modules, name, module)  # a script finds its neighbours by itself
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def scripts():
    """The modules `hall` and `sessions` of the campaign."""
    with pytest.MonkeyPatch.context() as patch:
        yield _load("hall", patch), _load("sessions", patch)


@pytest.fixture
def hall(scripts) -> ModuleType:
    """Till, device and air."""
    return scripts[0]


@pytest.fixture
def sessions(scripts) -> ModuleType:
    """Attackers, and what must hold in the end."""
    return scripts[1]
