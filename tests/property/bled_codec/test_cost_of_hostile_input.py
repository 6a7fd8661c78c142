"""Hostile input costs time and memory in proportion to its length, whatever it is made of."""

import gc
import time
import tracemalloc
from collections.abc import Callable

import pytest

from bled_codec.blinded_path import BlindedHop, BlindedPath
from bled_codec.bolt12_string import format_string
from bled_codec.crypto import SecretKey
from bled_codec.errors import CodecError
from bled_codec.inspection import inspect_string
from bled_codec.tlv import encode_stream, make_record
from bled_codec.units import Point

KEY = SecretKey(b"\x41" * 32).public_key
FULL = 65_536
MOST_MEMORY = 20_000_000
"""Bytes at the peak for 64 KiB of input: Python's smallest object takes some fifty bytes, a record is three of them."""


def _records(size: int) -> bytes:
    return b"".join(make_record(2_000_000_001 + 2 * number, b"").raw for number in range(size // 6))


def _one(type_: int, value: bytes) -> bytes:
    return encode_stream({0: b"m", 10: b"x", type_: value, 88: KEY})


def _paths(size: int) -> bytes:
    path = BlindedPath(
        first_node_id=KEY,
        first_path_key=Point(KEY),
        hops=(BlindedHop(blinded_node_id=Point(KEY), encrypted_recipient_data=b""),),
    ).encode()
    return path * (size // len(path))


def _long_path(size: int) -> bytes:
    hop = KEY + b"\x00\x00"
    return KEY + KEY + b"\xff" + hop * min(255, size // len(hop))


BYTES: dict[str, Callable[[int], bytes]] = {
    "many tiny records": lambda size: encode_stream({0: b"m", 10: b"x", 82: b"\x01", 88: KEY}) + _records(size),
    "one long text": lambda size: _one(10, b"x" * size),
    "one long wrong text": lambda size: _one(10, b"x" * size + b"\xff"),
    "many paths": lambda size: _one(90, _paths(size)),
    "long paths": lambda size: _one(90, _long_path(size) * max(1, size // len(_long_path(size)))),
    "many chains": lambda size: _one(2, bytes(size // 32 * 32)),
    "many features": lambda size: _one(12, b"\xff" * size),
    "many fallback addresses": lambda size: _one(172, b"\x00\x00\x00" * (size // 3)),
    "many payinfos": lambda size: _one(162, bytes(28) * (size // 28)),
    "many markers": lambda size: _one(1002, b"\x01" * size),
    "many hashes": lambda size: _one(1003, bytes(size // 32 * 32)),
    "one huge length": lambda size: b"\x00\xfe" + (2**31).to_bytes(4, "big") + bytes(size),
    "zeros": bytes,
}
TEXTS: dict[str, Callable[[int], str]] = {
    "continuations": lambda size: "lno1" + "q+" * (size // 2) + "q",
    "continuations with blanks": lambda size: "lno1" + "q+      " * (size // 8) + "q",
    "one endless continuation": lambda size: "lno1q+" + " " * size,
    "only plus signs": lambda size: "+" * size,
    "only blanks": lambda size: " " * size,
    "no separator": lambda size: "l" * size,
    "only separators": lambda size: "lno" + "1" * size,
    "the last character wrong": lambda size: "lno1" + "q" * size + "b",
    "the last character of another case": lambda size: "lno1" + "q" * size + "Q",
    "the last character no ASCII": lambda size: "lno1" + "q" * size + "\N{KELVIN SIGN}",
    "underscores": lambda size: "lno1" + "q_" * (size // 2),
}


def strings(size: int) -> dict[str, list[str]]:
    """Return every hostile input of about `size` as strings to inspect."""
    found = {name: [make(size)] for name, make in TEXTS.items()}
    for name, make in BYTES.items():
        found[name] = [format_string(prefix, make(size)) for prefix in ("lno", "lnr", "lni", "lnp")]
    return found


def _seconds(texts: list[str]) -> float:
    """Return the least of three measurements, without the garbage of the tests before."""
    best = float("inf")
    gc.disable()
    try:
        for _ in range(3):
            began = time.thread_time()  # what this thread worked, not what it waited for others
            for text in texts:
                inspect_string(text)
            best = min(best, time.thread_time() - began)
    finally:
        gc.enable()
    return best


def _is_linear(short: list[str], long: list[str]) -> bool:
    return _seconds(long) < 10 * _seconds(short) + 0.01  # quadratic would be sixteen times


@pytest.fixture(scope="module")
def quarter() -> dict[str, list[str]]:
    return strings(FULL // 4)


@pytest.fixture(scope="module")
def full() -> dict[str, list[str]]:
    return strings(FULL)


@pytest.mark.parametrize("name", [*TEXTS, *BYTES])
def test_four_times_the_length_takes_about_four_times_the_time(
    name: str, quarter: dict[str, list[str]], full: dict[str, list[str]]
) -> None:
    # A busy machine may spoil one comparison; what is quadratic fails all of them.
    assert any(_is_linear(quarter[name], full[name]) for _ in range(5))


@pytest.mark.parametrize("name", [*TEXTS, *BYTES])
def test_memory_is_bounded_by_a_small_multiple(name: str, full: dict[str, list[str]]) -> None:
    for text in full[name]:
        tracemalloc.start()
        inspect_string(text)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < MOST_MEMORY, peak


def test_every_hostile_input_is_refused_or_read_and_never_more() -> None:
    for texts in strings(2_000).values():
        for text in texts:
            found = inspect_string(text)
            assert found.error is None or isinstance(found.error, CodecError)
