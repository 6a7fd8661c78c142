"""The till's code in a picture: whatever the picture is, it costs bounded memory and ends in a code or one error."""

import io
import struct
import warnings
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import zxingcpp
from PIL import Image, UnidentifiedImageError

from bled.codes import Code
from bled.errors import ConfigurationError, PeerError
from bled.gatt.engagement import WHITE_SPACE, Engagement

MAX_FILE_BYTES: Final = 16 * 1024 * 1024
"""Bytes of a picture that are read at all; a phone's photograph has 3 to 12 million."""
MAX_PIXELS: Final = 25_000_000
"""Largest picture that is unpacked: a phone's 24 megapixels, about 200 MB while it is made grey."""
_FORMATS: Final = ("PNG", "JPEG")
"""What cameras and screenshots make. The decoders of other formats take their memory before the size can be judged."""
_BROKEN: Final = (OSError, SyntaxError, ValueError, IndexError, TypeError, EOFError, struct.error, zlib.error)
"""What Pillow raises for a file that is not what its beginning says."""
_OURS: Final = "bled1:"
_QR_CODES: Final = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)


def read_picture(path: Path) -> Engagement:
    """Return the one code of a till that is in the picture at `path`.

    Raises `ConfigurationError` (`CONFIG_BAD`) for a file that cannot be read, and `PeerError`: `PICTURE_BAD`,
    `ENGAGEMENT_NOT_SEEN`, `ENGAGEMENTS_DIFFER`, `ENGAGEMENT_BAD`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{path} cannot be read: {error.strerror}") from error
    return _chosen(texts_in(unpacked(data)))


def read_frames(frames: Iterable[object]) -> Engagement:
    """Return the code of a till in the first of `frames` that shows a whole one.

    A frame is a Pillow image, or an array of grey or BGR octets as cameras give it. Raises `PeerError`:
    `ENGAGEMENT_NOT_SEEN` when none does, `ENGAGEMENTS_DIFFER`; and what `frames` raises.
    """
    for frame in frames:
        texts = texts_in(frame)
        if any(_is_whole(text) for text in texts):
            return _chosen(texts)
    raise PeerError(Code.ENGAGEMENT_NOT_SEEN, detail="the camera saw no code of a till")


def unpacked(data: bytes) -> Image.Image:
    """Return a PNG or JPEG of at most `MAX_PIXELS` in grey. Raises `PeerError` (`PICTURE_BAD`) for anything else."""
    if len(data) > MAX_FILE_BYTES:
        raise _bad(f"the file has more than {MAX_FILE_BYTES // 1024 // 1024} MiB")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes, which are judged here, and of odd metadata
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                _check_size(image)
                return _grey(image)
    except (Image.DecompressionBombError, MemoryError) as error:
        raise _bad("more pixels than any photograph has") from error
    except UnidentifiedImageError as error:
        raise _bad("no PNG or JPEG picture") from error
    except _BROKEN as error:
        raise _bad("the file is damaged or cut short") from error


def _check_size(image: Image.Image) -> None:
    """Judge a picture by its header, before any pixel is unpacked."""
    if image.width * image.height > MAX_PIXELS:
        raise _bad(f"{image.width} x {image.height} pixels; at most {MAX_PIXELS // 1_000_000} million can be read")
    if image.format == "PNG" and getattr(image, "is_animated", False):
        raise _bad("an animation, not one picture")


def _grey(image: Image.Image) -> Image.Image:
    """Return the picture in grey, on white paper where it is transparent."""
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    grey = image.convert("L")
    if image.mode in ("LA", "RGBA"):
        grey = Image.composite(grey, Image.new("L", grey.size, 255), image.getchannel("A"))
    return grey


def texts_in(image: object) -> tuple[str, ...]:
    """Return the texts of all QR codes in an image."""
    found = zxingcpp.read_barcodes(image, formats=_QR_CODES, text_mode=zxingcpp.TextMode.Plain)
    return tuple(barcode.text for barcode in found)


def _chosen(texts: Sequence[str]) -> Engagement:
    """Return the one code of a till among the texts; other people's codes beside it are nothing to us."""
    ours = sorted({text.strip(WHITE_SPACE) for text in texts if text.strip(WHITE_SPACE).startswith(_OURS)})
    if not ours:
        others = f"{len(texts)} other codes, none of a till" if texts else "no QR code"
        raise PeerError(Code.ENGAGEMENT_NOT_SEEN, detail=f"the picture shows {others}")
    whole = [text for text in ours if _is_whole(text)]
    if len(whole) > 1:
        raise PeerError(Code.ENGAGEMENTS_DIFFER, detail=f"{len(whole)} codes of tills")
    return Engagement.parse((whole or ours)[0])


def _is_whole(text: str) -> bool:
    try:
        Engagement.parse(text)
    except PeerError:
        return False
    return True


def _bad(detail: str) -> PeerError:
    return PeerError(Code.PICTURE_BAD, detail=detail)
