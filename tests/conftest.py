"""Fixtures and order for every test."""

import importlib.util
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import hypothesis
import pytest

# A machine under load is slow, which says nothing about the code; pytest-timeout still ends what hangs.
hypothesis.settings.register_profile(
    "bled", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], parent=hypothesis.settings()
)
hypothesis.settings.load_profile("bled")

# A shell has what it starts with `&` ignore Ctrl-C, `nohup` has it ignore the end of the terminal, and children inherit
# both: tests that send these signals would wait for ever.
for _number, _handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put whole processes after all that takes milliseconds; within each the order stays random."""
    items.sort(key=lambda item: item.get_closest_marker("system") is not None)


@pytest.fixture(scope="session")
def shared_vectors() -> Path:
    """The folder of official and recorded vectors beside the repository; skips with the reason where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "vectors"
    if not folder.is_dir():
        pytest.skip("needs the folder shared/vectors beside the repository, which is not here")
    return folder


def load(path: Path) -> ModuleType:
    """Import a file of tests that others share; each once, whoever asks."""
    name = f"bled_tests_{path.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session")
def postgres() -> Iterator[object]:
    """A PostgreSQL server of our own, see `tests/postgres.py`; skips with the reason where none is installed."""
    module = load(Path(__file__).with_name("postgres.py"))
    folder = module.binaries()
    if folder is None:
        pytest.skip("needs PostgreSQL (Debian's package postgresql), which is not installed here")
    cluster = module.Cluster(folder)
    yield cluster
    cluster.remove()
