"""What all tests of this folder share."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for a unix socket."""
    path = Path(tempfile.mkdtemp(prefix="bled-"))
    yield path
    shutil.rmtree(path)
