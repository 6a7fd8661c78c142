"""A till's code is found in whatever picture a person takes of it; a picture that will not do ends in one error."""

import io
import random
import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageFilter, ImageOps

from bled.cli.engaging import read_engagement
from bled.cli.qr_reading import MAX_FILE_BYTES, MAX_PIXELS, read_frames, read_picture
from bled.codes import Code
from bled.errors import BledError, ConfigurationError, PeerError
from bled.gatt.engagement import Engagement

from .conftest import beside, code, engagement, other_code, png


def read(data: bytes, folder: Path) -> Engagement:
    path = folder / "picture"
    path.write_bytes(data)
    return read_picture(path)


def refused(data: bytes, folder: Path) -> tuple[Code, str]:
    with pytest.raises(PeerError) as caught:
        read(data, folder)
    return caught.value.code, caught.value.detail


def crafted_png(width: int, height: int, *, data: bytes = b"", extra: bytes = b"") -> bytes:
    """Return a grey PNG that says it is so large; `data` is all there is of its pixels, packed."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = _chunk(b"IHDR", header) + extra + _chunk(b"IDAT", zlib.compress(data)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image,
        lambda image: image.rotate(30, expand=True, fillcolor=255),
        ImageOps.invert,
        lambda image: image.resize((90, 90)),
        lambda image: image.resize((1600, 1600)),
        lambda image: image.filter(ImageFilter.GaussianBlur(3)),
        lambda image: ImageOps.expand(image, border=500, fill=90),
        lambda image: image.convert("1"),
        lambda image: image.convert("RGB"),
        lambda image: image.convert("P"),
        lambda image: image.convert("CMYK").convert("RGB"),
    ],
)
def test_the_code_is_read_however_the_picture_was_taken(till: Engagement, tmp_path: Path, change) -> None:
    assert read(png(change(code(till.format()))), tmp_path) == till


@pytest.mark.parametrize("quality", [20, 90])
def test_a_photograph_will_do(till: Engagement, tmp_path: Path, quality: int) -> None:
    picture = code(till.format()).convert("RGB").rotate(7, expand=True, fillcolor=(200, 200, 210))
    for mode in ("RGB", "CMYK", "L"):
        assert read(png(picture.convert(mode), "JPEG", quality=quality, progressive=True), tmp_path) == till


def test_dark_on_nothing_is_dark_on_white(till: Engagement, tmp_path: Path) -> None:
    grey = code(till.format())
    clear = Image.new("RGBA", grey.size, (0, 0, 0, 0))
    clear.putalpha(ImageOps.invert(grey))
    assert read(png(clear), tmp_path) == till
    palette = grey.convert("1").convert("P")
    assert read(png(palette, transparency=255), tmp_path) == till


def test_the_code_is_chosen_among_those_of_others(till: Engagement, tmp_path: Path) -> None:
    sheet = beside([other_code("https://example.org"), code(till.format()), other_code("WIFI:S:shop;T:WPA;P:tea;;")])
    assert read(png(sheet), tmp_path) == till


def test_the_same_code_twice_is_one(till: Engagement, tmp_path: Path) -> None:
    assert read(png(beside([code(till.format())] * 2)), tmp_path) == till


def test_two_tills_codes_are_refused_and_nobody_is_chosen(tmp_path: Path) -> None:
    sheet = png(beside([code(engagement(number).format()) for number in (1, 2)]))
    assert refused(sheet, tmp_path) == (Code.ENGAGEMENTS_DIFFER, "2 codes of tills")


def test_a_picture_without_a_code_says_so(tmp_path: Path) -> None:
    assert refused(png(Image.new("L", (50, 50))), tmp_path)[0] is Code.ENGAGEMENT_NOT_SEEN
    other = refused(png(other_code("https://example.org")), tmp_path)
    assert other == (Code.ENGAGEMENT_NOT_SEEN, "the picture shows 1 other codes, none of a till")


@pytest.mark.parametrize("text", ["bled1:", "bled1:" + "A" * 42, "bled1:" + "A" * 44, "bled1:" + "B" * 43])
def test_a_code_that_only_begins_like_a_tills_is_refused(tmp_path: Path, text: str) -> None:
    assert refused(png(other_code(text)), tmp_path)[0] is Code.ENGAGEMENT_BAD


def test_a_whole_code_is_taken_beside_a_spoilt_one(till: Engagement, tmp_path: Path) -> None:
    assert read(png(beside([other_code("bled1:nonsense"), code(till.format())])), tmp_path) == till


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    for data in (b"", b"bled1:", b"%PDF-1.4", bytes(1000), b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"):
        assert refused(data, tmp_path)[0] is Code.PICTURE_BAD


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO"])
def test_another_format_is_refused(till: Engagement, tmp_path: Path, kind: str) -> None:
    assert refused(png(code(till.format()), kind), tmp_path) == (Code.PICTURE_BAD, "no PNG or JPEG picture")


def test_an_animation_is_refused(till: Engagement, tmp_path: Path) -> None:
    frames = [code(engagement(number).format()) for number in (1, 2)]
    moving = png(frames[0], save_all=True, append_images=frames[1:])
    assert refused(moving, tmp_path) == (Code.PICTURE_BAD, "an animation, not one picture")


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_that_is_cut_anywhere_is_refused(till: Engagement, tmp_path: Path, kind: str) -> None:
    whole = png(code(till.format()), kind)
    for length in [*range(0, 200, 7), len(whole) // 2, len(whole) - 100]:
        assert refused(whole[:length], tmp_path)[0] is Code.PICTURE_BAD


def test_a_picture_that_says_it_is_huge_is_not_unpacked(tmp_path: Path) -> None:
    for width, height in ((2**31 - 1, 2**31 - 1), (100_000, 100_000), (MAX_PIXELS + 1, 1), (5001, 5000)):
        assert refused(crafted_png(width, height), tmp_path)[0] is Code.PICTURE_BAD


def test_a_file_that_is_too_long_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "long.png"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES * 1000)  # sparse
    with pytest.raises(PeerError, match="16 MiB"):
        read_picture(path)


def test_text_that_unpacks_to_gigabytes_is_not_unpacked(tmp_path: Path) -> None:
    text = _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000)))
    assert refused(crafted_png(41, 41, data=bytes(42 * 41), extra=text), tmp_path)[0] in (
        Code.PICTURE_BAD,
        Code.ENGAGEMENT_NOT_SEEN,
    )


def test_no_damage_to_a_picture_ends_in_anything_but_a_code_or_one_error(till: Engagement, tmp_path: Path) -> None:
    rng = random.Random(5)  # noqa: S311 - the same in every run
    small = code(till.format()).resize((123, 123))
    for number in range(600):
        data = bytearray(png(small, "PNG" if number % 2 else "JPEG"))
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            assert read(bytes(data), tmp_path) == till
        except PeerError as error:
            assert error.code in (Code.PICTURE_BAD, Code.ENGAGEMENT_NOT_SEEN)


_WITHIN_LIMITS = """
import resource, sys
from pathlib import Path
from bled.cli.qr_reading import read_picture
from bled.errors import PeerError
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
for path in sys.argv[2:]:
    try:
        read_picture(Path(path))
    except PeerError as error:
        print(error.code.value)
"""


def test_hostile_pictures_take_bounded_memory(tmp_path: Path) -> None:
    """All of them in a process that may have 700 MB of address space, of which Python and its libraries take a part."""
    pictures = {
        "largest.png": png(Image.new("RGBA", (5000, 5000), (1, 2, 3, 4))),
        "largest.jpg": png(Image.effect_noise((5000, 4990), 1.0).convert("RGB"), "JPEG", quality=1, progressive=True),
        "bomb.png": crafted_png(40_000, 40_000, data=bytes(40_001) * 100),
        "text.png": crafted_png(9, 9, extra=_chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(500_000_000)))),
    }
    for name, data in pictures.items():
        (tmp_path / name).write_bytes(data)
    command = [sys.executable, "-c", _WITHIN_LIMITS, str(700 * 1024 * 1024), *(tmp_path / name for name in pictures)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.split()[0:3] == ["engagement-not-seen", "engagement-not-seen", "picture-bad"]
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY  # ours is not limited


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(ConfigurationError, match=str(path)):
            read_picture(path)


def test_a_camera_sees_the_code_in_the_first_frame_that_shows_it(till: Engagement) -> None:
    sheet = code(till.format())
    seen = []

    def frames():
        for image in (Image.new("L", (64, 64)), other_code("https://example.org"), code("bled1:nonsense"), sheet):
            seen.append(image)
            yield image
        raise AssertionError("it looked on after it had seen the code")

    assert read_frames(frames()) == till
    assert len(seen) == 4


def test_frames_of_colour_octets_will_do(till: Engagement) -> None:
    """OpenCV gives an array of rows, columns and three octets; a memoryview of that shape is the same to zxing."""
    image = code(till.format()).convert("RGB")
    shape = (image.height, image.width, 3)
    assert read_frames([memoryview(image.tobytes()).cast("B", shape)]) == till


def test_a_camera_that_sees_two_tills_chooses_neither() -> None:
    with pytest.raises(PeerError) as caught:
        read_frames([beside([code(engagement(number).format()) for number in (1, 2)])])
    assert caught.value.code is Code.ENGAGEMENTS_DIFFER


def test_a_camera_that_sees_none_in_its_time_says_so() -> None:
    with pytest.raises(PeerError) as caught:
        read_frames([Image.new("L", (64, 64))] * 3)
    assert caught.value.code is Code.ENGAGEMENT_NOT_SEEN


def test_what_follows_engage_is_told_apart(till: Engagement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{till.format()}\n"))
    path = tmp_path / "code.PNG"
    path.write_bytes(png(code(till.format())))
    for source in (till.format(), f" {till.format()} ", "-", str(path)):
        assert read_engagement(source) == till
    for source, expected in {
        "nonsense": Code.ENGAGEMENT_BAD,
        "bled1:code.png": Code.ENGAGEMENT_BAD,
        "x" * 10_000: Code.ENGAGEMENT_BAD,
        "none.png": Code.CONFIG_BAD,
        str(tmp_path): Code.CONFIG_BAD,
    }.items():
        with pytest.raises(BledError) as caught:
            read_engagement(source)
        assert caught.value.code is expected


@pytest.mark.parametrize("source", ["camera", "camera:1"])
def test_without_opencv_a_camera_is_told_how_to_get_it(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'bled\[camera\]'") as caught:
        read_engagement(source)
    assert caught.value.code is Code.EXTRA_MISSING
