"""Frames of a camera, by OpenCV, which only those install who want it.

Tried with videos and with the kernel's virtual camera (vivid), never with a real one.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from bled.codes import Code
from bled.errors import ConfigurationError

WAKE_SECONDS: Final = 5.0
"""Longest time in which a camera may give nothing; some need a second or two to wake up."""
_PAUSE_SECONDS: Final = 0.05
"""Between two reads of a camera that gave nothing: some answer at once that there is nothing."""


def camera_frames(source: int | str, *, seconds: float) -> Iterator[object]:
    """Yield frames of a camera, arrays of BGR octets, for `seconds`; the camera is let go at the end.

    `source` is the camera's number; tests give the path of a video. Raises `ConfigurationError`: `EXTRA_MISSING`
    without an OpenCV that works, `CONFIG_BAD` when the camera cannot be opened or gives nothing for `WAKE_SECONDS`.
    """
    cv2 = _opencv()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what it would say is said here, in one line
    camera = cv2.VideoCapture(source)
    try:
        if not camera.isOpened():
            raise ConfigurationError(Code.CONFIG_BAD, detail=f"camera {source} cannot be opened")
        yield from _frames(camera.read, source, give_up_at=time.monotonic() + seconds)
    finally:
        camera.release()


def _opencv() -> Any:
    try:
        import cv2
    except ModuleNotFoundError as error:
        detail = "reading from a camera needs OpenCV: pip install 'bled[camera]'; or give a picture or the text"
        raise ConfigurationError(Code.EXTRA_MISSING, detail=detail) from error
    except ImportError as error:  # it is there, and a library of the system that it needs is not
        detail = f"OpenCV does not start: {_innermost(error)}; the one of 'bled[camera]' needs no display"
        raise ConfigurationError(Code.EXTRA_MISSING, detail=detail) from error
    return cv2


def _innermost(error: BaseException) -> BaseException:
    """Return what an error comes from: numpy's own text about a missing library is a page."""
    return error if error.__cause__ is None else _innermost(error.__cause__)


def _frames(read: Callable[[], tuple[bool, object]], source: int | str, *, give_up_at: float) -> Iterator[object]:
    last = time.monotonic()
    while (now := time.monotonic()) < give_up_at:
        got, frame = read()
        if got:
            yield frame
            last = time.monotonic()
        elif now > last + WAKE_SECONDS:
            raise ConfigurationError(Code.CONFIG_BAD, detail=f"camera {source} gives no pictures")
        else:
            time.sleep(_PAUSE_SECONDS)
