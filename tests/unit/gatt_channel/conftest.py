"""Two sides of a handshake with entropy from a seed: the same bytes each time, and different ones for each name."""

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from bled.gatt.engagement import Entropy, Meeting, OpenMeeting
from bled.gatt.handshake import Beacon, Reader, Secured
from bled.gatt.primitives import X25519Key

OFFER = b"\x10" + bytes(range(200))
STATUS = b"\x14\x02"


def seeded(name: str) -> Entropy:
    """Return entropy that gives SHA-256 of the name and a counter, cut to what is asked for."""
    drawn = 0

    def draw(length: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return hashlib.sha256(f"{name} {drawn}".encode()).digest()[:length]

    return draw


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A handshake that ended well: what went over the air and what each side has."""

    hs1: bytes
    hs2: bytes
    hs3: bytes
    message: bytes
    till: Secured
    device: Secured


@pytest.fixture
def key() -> X25519Key:
    """The reader's lasting key."""
    return X25519Key(seeded("reader")(32))


@pytest.fixture
def entropy() -> Callable[[str], Entropy]:
    """Entropy by name."""
    return seeded


@pytest.fixture
def reader(key: X25519Key) -> Callable[..., Reader]:
    """A till that meets in the open unless told otherwise."""

    def make(meeting: Meeting | None = None, *, message: bytes = OFFER, static: X25519Key = key, **more) -> Reader:
        return Reader(static=static, meeting=meeting or OpenMeeting(), message=message, **more)

    return make


@pytest.fixture
def beacon() -> Callable[..., Beacon]:
    """A buyer's device that meets in the open unless told otherwise."""

    def make(meeting: Meeting | None = None, **more) -> Beacon:
        return Beacon(meeting=meeting or OpenMeeting(), **more)

    return make


@pytest.fixture
def shake() -> Callable[..., Ended]:
    """Run a whole handshake between two objects."""

    def run(reader: Reader, beacon: Beacon, *, name: str = "shake") -> Ended:
        hs1 = reader.start(entropy=seeded(f"{name} till"))
        hs2 = beacon.answer(hs1, entropy=seeded(f"{name} device"))
        hs3, till = reader.finish(hs2)
        message, device = beacon.finish(hs3)
        return Ended(hs1=hs1, hs2=hs2, hs3=hs3, message=message, till=till, device=device)

    return run


@pytest.fixture(scope="session")
def attacks() -> ModuleType:
    """The attackers of the campaign, which is run by `script/campaign air` at any length."""
    path = Path(__file__).resolve().parents[2] / "campaign" / "attacks.py"
    spec = importlib.util.spec_from_file_location("bled_campaign_attacks", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their own module up
    spec.loader.exec_module(module)
    return module
