"""OpenCV itself in the place of its stand-in: from a video, which it takes by the same calls as a camera.

Nothing here runs unless the extra `camera` is installed, which no lock file of this project does: it is large.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest

from bled.cli.camera import camera_frames
from bled.cli.qr_reading import read_frames
from bled.codes import Code
from bled.errors import ConfigurationError, PeerError

from .conftest import code, engagement

cv2 = pytest.importorskip("cv2", reason="NOT tested: OpenCV is not installed; pip install 'bled[camera]'")
np = pytest.importorskip("numpy", reason="NOT tested: OpenCV is not installed; pip install 'bled[camera]'")

WIDTH, HEIGHT = 1280, 720
DARK = np.zeros((HEIGHT, WIDTH, 3), np.uint8)


def held_up(text: str, *, size: int, degrees: float, blur: float, noise: float):
    """Return what a camera sees of a screen that a hand holds: turned, from one side, not sharp, in poor light."""
    sheet = cv2.cvtColor(np.array(code(text)), cv2.COLOR_GRAY2BGR)
    sheet = cv2.resize(sheet, (size, size), interpolation=cv2.INTER_AREA)
    turn = cv2.getRotationMatrix2D((size / 2, size / 2), degrees, 0.7)
    frame = np.full((HEIGHT, WIDTH, 3), 70, np.uint8)
    frame[40 : 40 + size, 300 : 300 + size] = cv2.warpAffine(sheet, turn, (size, size), borderValue=(255, 255, 255))
    edges = np.float32([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]])
    seen = np.float32([[60, 30], [WIDTH - 60, 0], [WIDTH, HEIGHT], [0, HEIGHT - 30]])
    frame = cv2.warpPerspective(frame, cv2.getPerspectiveTransform(edges, seen), (WIDTH, HEIGHT))
    frame = cv2.GaussianBlur(frame, (0, 0), blur) * 0.8
    return np.clip(frame + np.random.default_rng(1).normal(0, noise, frame.shape), 0, 255).astype(np.uint8)


def video(path: Path, frames: Sequence[object]) -> str:
    """Write frames to a file and return its name."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 15, (WIDTH, HEIGHT))
    for frame in frames:
        writer.write(frame)
    writer.release()
    return str(path)


def test_a_code_that_comes_nearer_is_read_when_it_is_large_enough(tmp_path: Path) -> None:
    till = engagement()
    far = held_up(till.format(), size=150, degrees=5, blur=6, noise=20)
    near = held_up(till.format(), size=500, degrees=12, blur=1.5, noise=12)
    path = video(tmp_path / "till.avi", [DARK] * 5 + [far] * 3 + [near] * 3)
    assert read_frames(camera_frames(path, seconds=60)) == till


def test_a_video_without_a_code_ends_with_its_time(tmp_path: Path) -> None:
    path = video(tmp_path / "dark.avi", [DARK] * 3)
    with pytest.raises(PeerError) as caught:
        read_frames(camera_frames(path, seconds=0.3))
    assert caught.value.code is Code.ENGAGEMENT_NOT_SEEN


def test_a_camera_that_is_not_there_is_named_and_opencv_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigurationError, match="camera 97 cannot be opened"):
        next(camera_frames(97, seconds=1))
    assert capfd.readouterr() == ("", "")
