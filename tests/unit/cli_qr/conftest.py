"""Pictures with codes on them."""

import io
from collections.abc import Sequence

import pytest
import segno
from PIL import Image

from bled.cli.qr_showing import picture_of
from bled.gatt.engagement import Engagement

FINGERPRINT = bytes(range(100, 116))


def engagement(number: int = 1) -> Engagement:
    """Return one of many tills' codes."""
    return Engagement(secret=bytes([number]) * 16, fingerprint=FINGERPRINT)


def png(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Return an image as a file."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def code(text: str) -> Image.Image:
    """Return the QR code of a text as the till draws it."""
    return Image.open(io.BytesIO(picture_of(text, "png"))).convert("L")


def other_code(text: str) -> Image.Image:
    """Return somebody else's QR code."""
    stream = io.BytesIO()
    segno.make(text, micro=False).save(stream, kind="png", scale=6)
    return Image.open(stream).convert("L")


def beside(images: Sequence[Image.Image]) -> Image.Image:
    """Return the images on one sheet, side by side."""
    sheet = Image.new("L", (sum(image.width for image in images), max(image.height for image in images)), 255)
    left = 0
    for image in images:
        sheet.paste(image, (left, 0))
        left += image.width
    return sheet


@pytest.fixture
def till() -> Engagement:
    """The code of the till in front of us."""
    return engagement()
