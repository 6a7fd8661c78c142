"""A grant book read from pictures of its QR codes, in any order."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from bled.cli.qr_frames import joined
from bled.cli.qr_reading import MAX_FILE_BYTES, texts_in, unpacked
from bled.codes import Code
from bled.errors import ConfigurationError


def read_book_pictures(paths: Sequence[Path]) -> bytes:
    """Return the file whose codes the pictures show, several in one picture too.

    Raises `ConfigurationError` (`CONFIG_BAD`) for a picture that cannot be read, `PeerError` (`PICTURE_BAD`), and what
    `joined` raises.
    """
    return joined(_texts(paths))


def _texts(paths: Sequence[Path]) -> Iterator[str]:
    for path in paths:
        try:
            with path.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise ConfigurationError(Code.CONFIG_BAD, detail=f"{path} cannot be read: {error.strerror}") from error
        yield from texts_in(unpacked(data))
