"""The loop around a camera, with a stand-in for OpenCV. Videos are read by the real one where it is installed."""

import sys
from types import SimpleNamespace

import pytest

from bled.cli import camera as cameras
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
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which passes only while the loop pauses; its last element is now."""
    passed = [0.0]
    time = SimpleNamespace(monotonic=lambda: passed[-1], sleep=lambda pause: passed.append(passed[-1] + pause))
    monkeypatch.setattr(cameras, "time", time)
    return passed


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch):
    def plug(camera: Camera) -> Camera:
        logging = SimpleNamespace(LOG_LEVEL_SILENT=0, setLogLevel=lambda level: None)
        opencv = SimpleNamespace(VideoCapture=lambda number: camera, utils=SimpleNamespace(logging=logging))
        monkeypatch.setitem(sys.modules, "cv2", opencv)
        return camera

    return plug


def test_a_camera_wakes_up_gives_frames_and_is_let_go(plugged, seconds) -> None:
    camera = plugged(Camera(*[None] * 40, "one", None, "two"))
    frames = camera_frames(0, seconds=60)
    assert [next(frames), next(frames)] == ["one", "two"]
    assert not camera.released
    frames.close()
    assert camera.released


def test_a_camera_is_watched_for_its_time_only(plugged, seconds) -> None:
    camera = plugged(Camera("one"))
    assert list(camera_frames(0, seconds=0)) == []
    assert camera.released


@pytest.mark.parametrize("opened", [True, False])
def test_a_camera_that_cannot_be_opened_or_gives_nothing_is_named(plugged, seconds, opened: bool) -> None:
    camera = plugged(Camera(opened=opened))
    with pytest.raises(ConfigurationError, match="camera 3") as caught:
        list(camera_frames(3, seconds=60))
    assert caught.value.code is Code.CONFIG_BAD
    assert camera.released
    assert seconds[-1] < 2 * cameras.WAKE_SECONDS


def test_an_opencv_that_does_not_start_is_named(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    reason = "ImportError('libGL.so.1: cannot open shared object file')"
    (tmp_path / "cv2.py").write_text(f"raise ImportError('a whole page of advice') from {reason}")
    monkeypatch.delitem(sys.modules, "cv2", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError, match=r"libGL\.so\.1") as caught:
        next(camera_frames(0, seconds=1))
    assert caught.value.code is Code.EXTRA_MISSING
