"""Every fuzz target holds for its seeds and for thousands of small damages to them, the same ones each time."""

import random

import pytest

from .seeds import seeds_of
from .targets import TARGETS, Broken, run_target

DAMAGES = 1500
INTERESTING = [b"\x00", b"\xff", b"\xfd", b"\xfe", b"\x7f", b"\x02", b"\x03", b"\xfd\x00\xfd", b"\xff" * 9]


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return `data` with one to four changes: a bit, a byte, a cut, a copy, something interesting."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(data))
        end = min(len(data), at + chance.choice((1, 1, 2, 8, 33)))
        match chance.randint(0, 4):
            case 0 if at < len(data):
                data = data[:at] + bytes([data[at] ^ 1 << chance.randint(0, 7)]) + data[at + 1 :]
            case 1:
                data = data[:at] + data[end:]
            case 2:
                data = data[:at] + data[at:end] * 2 + data[end:]
            case 3:
                data = data[:at] + chance.choice(INTERESTING) + data[at:]
            case _:
                data = data[:at] + chance.randbytes(end - at) + data[end:]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_its_seeds_and_damaged_ones(name: str) -> None:
    seeds = seeds_of(name)
    assert len(seeds) >= 1
    chance = random.Random(name)  # noqa: S311 - the same damages every time
    for seed in [b"", *seeds]:
        run_target(name, seed)
    for number in range(DAMAGES):
        run_target(name, damaged(seeds[number % len(seeds)], chance))


def test_a_broken_promise_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TARGETS, "stream", lambda _: (_ for _ in ()).throw(IndexError))
    with pytest.raises(IndexError):
        run_target("stream", b"")
    assert issubclass(Broken, Exception)
