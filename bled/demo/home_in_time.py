"""The home plugin of production on a clock that the demo can move on, so that five minutes need not be waited for.

    python -m bled.demo.home_in_time FILE

FILE holds how many seconds have "passed"; the demo writes it.
"""

import sys
import time
from pathlib import Path

from bled.home.main import main
from bled_codec.units import UnixTime


class MovedClock:
    """The machine's clock, plus the seconds in a file."""

    def __init__(self, path: Path) -> None:
        """Take the file; while it does not exist, no time has been added."""
        self._path = path

    def now(self) -> UnixTime:
        """Return the wall-clock time after the move."""
        moved = int(self._path.read_text(encoding="ascii")) if self._path.exists() else 0
        return UnixTime(int(time.time()) + moved)

    def monotonic(self) -> float:
        """Return the machine's monotonic clock."""
        return time.monotonic()


if __name__ == "__main__":
    main(MovedClock(Path(sys.argv[1])))
