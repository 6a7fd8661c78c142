"""Names and folders of home's files. Nothing heavy is imported here: who only reads the master secret needs no more."""

import os
from pathlib import Path
from typing import Final

LEDGER_FILE: Final = "ledger.sqlite"
STATE_FOLDER: Final = "bled-home"
"""Inside the folder of the node's network."""


def sync_folder(folder: Path) -> None:
    """Have the names of new files in `folder` on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
