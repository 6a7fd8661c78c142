"""Recipe of waits.json: whom a device waits for and a till looks for until the time for it is over. See `make.py`."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .make_gatt import text
from .rigs import StillLoop
from .visits import Ended, searches, waits

__all__ = ["FOLDER", "make", "text"]

FOLDER = Path(__file__).parent
COMES, NOISE, LEAVES = "the till comes", "what is no HS1 comes", "a till leaves after HS2"
LIES, OTHER = "HS3 breaks the commitment", "another reader comes"
NOBODY, CLOSES = "nobody comes", "the person closes the pay screen"
SILENT, MUTE = "a till is silent after HS1", "a device is silent"
ANSWERS, NO_HS2, GOES = "the device answers", "what is no HS2 comes", "a device goes before HS2"
OF_A_DEVICE: list[tuple[str, list[str]]] = [
    ("open", [COMES]),
    ("open", [NOISE, LEAVES, COMES]),
    ("open", [NOISE, NOISE, NOISE, COMES]),
    ("open", [NOISE, LEAVES, NOISE, COMES]),
    ("open", [LEAVES, LEAVES, LEAVES, COMES]),
    ("open", [LIES, COMES]),
    ("open", [OTHER]),
    ("open", [SILENT, COMES]),
    ("open", [SILENT, SILENT, SILENT, COMES]),
    ("engaged", [NOISE, NOISE, COMES]),
    ("engaged", [NOISE, LEAVES, LEAVES, COMES]),
    ("engaged", [LIES, COMES]),
    ("engaged", [OTHER, COMES]),
    ("resumed", [NOISE, LEAVES, COMES]),
    ("resumed", [SILENT, COMES]),
    ("resumed", [LIES, OTHER, COMES]),
    ("resumed", [NOISE, LIES, OTHER, COMES]),
    ("open", [NOBODY, COMES]),
    ("open", [SILENT, NOBODY, COMES]),
    ("open", [LEAVES, SILENT, NOBODY, COMES]),
    ("engaged", [NOBODY, COMES]),
    ("engaged", [SILENT, NOBODY, COMES]),
    ("resumed", [NOBODY, COMES]),
    ("resumed", [SILENT, NOBODY, COMES]),
    ("open", [CLOSES, COMES]),
    ("open", [SILENT, CLOSES, COMES]),
    ("engaged", [CLOSES, COMES]),
]
OF_A_TILL: list[tuple[str, list[str]]] = [
    ("open", [ANSWERS]),
    ("open", [GOES, GOES, GOES, GOES, ANSWERS]),
    ("open", [NO_HS2, GOES, NO_HS2, ANSWERS]),
    ("open", [NO_HS2, NO_HS2, NO_HS2, ANSWERS]),
    ("open", [MUTE, GOES, ANSWERS]),
    ("open", [MUTE, MUTE, MUTE, ANSWERS]),
    ("engaged", [GOES, NO_HS2, NO_HS2, ANSWERS]),
    ("engaged", [NO_HS2, NO_HS2, GOES, NO_HS2, ANSWERS]),
    ("resumed", [GOES, NO_HS2, NO_HS2, ANSWERS]),
    ("resumed", [NO_HS2, NO_HS2, NO_HS2, ANSWERS]),
]


def told(kind: str, visits: list[str], ended: Ended) -> dict[str, Any]:
    """Return one wait or search as the file has it."""
    return {"meeting": kind, "visits": visits, "looked_at": ended[0], "seconds": ended[1], "ends": ended[2]}


def of_a_device() -> Iterator[dict[str, Any]]:
    """Yield how a device's waits end."""
    for kind, visits in OF_A_DEVICE:
        with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=StillLoop) as runner:
            yield told(kind, visits, runner.run(waits(Path(folder) / "vault", kind, visits)))


def of_a_till() -> Iterator[dict[str, Any]]:
    """Yield how a till's searches end."""
    for kind, visits in OF_A_TILL:
        with asyncio.Runner(loop_factory=StillLoop) as runner:
            yield told(kind, visits, runner.run(searches(kind, visits)))


def make() -> dict[str, dict[str, Any]]:
    """Return the content of each file by its name."""
    return {
        "waits.json": {
            "about": "Who comes while a device waits and a till looks, and how that ends.",
            "device": list(of_a_device()),
            "till": list(of_a_till()),
        },
    }
