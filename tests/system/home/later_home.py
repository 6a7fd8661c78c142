"""The plugin with a clock that is off by what a file says at the moment."""

import sys
from pathlib import Path

from bled.clock import SystemClock
from bled.home.main import main
from bled_codec.units import UnixTime


class FileClock(SystemClock):
    """The machine's clock, shifted."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> UnixTime:
        """Return the time with the present shift, in seconds."""
        return UnixTime(super().now() + int(self._path.read_text() or "0"))


if __name__ == "__main__":
    main(FileClock(Path(sys.argv[1])))
