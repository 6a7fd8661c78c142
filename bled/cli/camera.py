"""Frames of a camera, by OpenCV, which only those install who want it. Never run with a camera so far."""

import time
from collections.abc import Callable, Iterator
from typing import Final

from bled.codes import Code
from bled.errors import ConfigurationError

_EMPTY_FRAMES: Final = 100
"""How many times in a row a camera may give nothing; some need a second to wake up."""


def camera_frames(number: int, *, seconds: float) -> Iterator[object]:
    """Yield frames of camera `number`, arrays of BGR octets, for `seconds`; the camera is let go at the end.

    Raises `ConfigurationError`: `EXTRA_MISSING` without OpenCV, `CONFIG_BAD` when the camera cannot be opened or gives
    nothing.
    """
    try:
        import cv2
    except ModuleNotFoundError as error:
        detail = "reading from a camera needs OpenCV: pip install 'bled[camera]'; or give a picture or the text"
        raise ConfigurationError(Code.EXTRA_MISSING, detail=detail) from error
    camera = cv2.VideoCapture(number)
    try:
        if not camera.isOpened():
            raise ConfigurationError(Code.CONFIG_BAD, detail=f"camera {number} cannot be opened")
        yield from _frames(camera.read, number, give_up_at=time.monotonic() + seconds)
    finally:
        camera.release()


def _frames(read: Callable[[], tuple[bool, object]], number: int, *, give_up_at: float) -> Iterator[object]:
    empty = 0
    while time.monotonic() < give_up_at:
        got, frame = read()
        empty = 0 if got else empty + 1
        if empty > _EMPTY_FRAMES:
            raise ConfigurationError(Code.CONFIG_BAD, detail=f"camera {number} gives no pictures")
        if got:
            yield frame
