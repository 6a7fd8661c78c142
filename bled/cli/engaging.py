"""The till's code as the buyer's device takes it: pasted, typed in, from a picture, or held before a camera."""

import re
import sys
from pathlib import Path
from typing import Final

from bled.cli.output import note
from bled.gatt.engagement import ENGAGEMENT_SECONDS, Engagement

FROM_INPUT: Final = "-"
"""In place of the text: read it from standard input, so that it stands in no list of processes."""
_CAMERA: Final = re.compile(r"camera(?::([0-9]{1,3}))?")
_PICTURE_SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg"})


def read_engagement(source: str) -> Engagement:
    """Return the engagement that a till shows: `source` is its text, `-`, a picture's path, `camera` or `camera:N`.

    Raises `PeerError`: `ENGAGEMENT_BAD`, `ENGAGEMENT_NOT_SEEN`, `ENGAGEMENTS_DIFFER`, `PICTURE_BAD`; and
    `ConfigurationError` for a file or a camera that cannot be opened.
    """
    if camera := _CAMERA.fullmatch(source):
        return _from_camera(int(camera.group(1) or 0))
    if _is_picture(source):
        from bled.cli.qr_reading import read_picture

        return read_picture(Path(source))
    if source == FROM_INPUT:
        if sys.stdin.isatty():
            note("The till's code: ")
        source = sys.stdin.readline()
    return Engagement.parse(source)


def _is_picture(source: str) -> bool:
    """Tell a path by how it ends or because it is there; no text of a till is either."""
    if source == FROM_INPUT or source.strip().startswith("bled1:"):
        return False
    path = Path(source)
    try:
        return path.suffix.lower() in _PICTURE_SUFFIXES or path.exists()
    except (OSError, ValueError):  # too long for a path, or with a zero byte
        return False


def _from_camera(number: int) -> Engagement:
    from bled.cli.camera import camera_frames
    from bled.cli.qr_reading import read_frames

    note("Hold the device's camera before the till's code. Ctrl-C stops.")
    return read_frames(camera_frames(number, seconds=ENGAGEMENT_SECONDS))
