"""Fixtures and order for every test."""

from pathlib import Path

import hypothesis
import pytest

# A machine under load is slow, which says nothing about the code; pytest-timeout still ends what hangs.
hypothesis.settings.register_profile(
    "bled", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], parent=hypothesis.settings()
)
hypothesis.settings.load_profile("bled")


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
