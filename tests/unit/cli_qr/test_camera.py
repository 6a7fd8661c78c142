"""The loop around a camera, with a stand-in for OpenCV: no camera was ever tried."""

import sys
from types import SimpleNamespace

import pytest

from bled.cli.camera import camera_frames
from bled.codes import Code
from bled.errors import ConfigurationError


class Camera:
    """What OpenCV gives for a camera; `pictures` are what its reads bring, None for nothing."""

    def __init__(self, *pictures: object, opened: bool = True) -> None:
        self._pictures = list(pictures)
        self._opened = opened
        self.released = False

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's own name
        return self._opened

    def read(self) -> tuple[bool, object]:
        picture = self._pictures.pop(0) if self._pictures else None
        return picture is not None, picture

    def release(self) -> None:
        self.released = True


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch):
    def plug(camera: Camera) -> Camera:
        monkeypatch.setitem(sys.modules, "cv2", SimpleNamespace(VideoCapture=lambda number: camera))
        return camera

    return plug


def test_a_camera_wakes_up_gives_frames_and_is_let_go(plugged) -> None:
    camera = plugged(Camera(None, None, "one", None, "two"))
    frames = camera_frames(0, seconds=60)
    assert [next(frames), next(frames)] == ["one", "two"]
    assert not camera.released
    frames.close()
    assert camera.released


def test_a_camera_is_watched_for_its_time_only(plugged) -> None:
    camera = plugged(Camera("one"))
    assert list(camera_frames(0, seconds=0)) == []
    assert camera.released


@pytest.mark.parametrize("opened", [True, False])
def test_a_camera_that_cannot_be_opened_or_gives_nothing_is_named(plugged, opened: bool) -> None:
    camera = plugged(Camera(opened=opened))
    with pytest.raises(ConfigurationError, match="camera 3") as caught:
        list(camera_frames(3, seconds=60))
    assert caught.value.code is Code.CONFIG_BAD
    assert camera.released
