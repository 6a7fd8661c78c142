"""Fixtures for every test."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_vectors() -> Path:
    """The folder of official and recorded vectors beside the repository; skips with the reason where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "vectors"
    if not folder.is_dir():
        pytest.skip("needs the folder shared/vectors beside the repository, which is not here")
    return folder
