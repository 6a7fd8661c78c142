"""What counts as a buyer's beacon."""

import pytest
from hypothesis import given
from hypothesis.strategies import binary

from bled.gatt.beacon import is_beacon
from bled.gatt.profile import ADVERTISEMENT, M2B_UUID, SERVICE_UUID

SERVICE = SERVICE_UUID.bytes[::-1]
OTHER = M2B_UUID.bytes[::-1]


@pytest.mark.parametrize(
    "data",
    [
        ADVERTISEMENT,
        b"\x11\x06" + SERVICE,
        b"\x21\x07" + OTHER + SERVICE,
        b"\x03\x19\x00\x00" + ADVERTISEMENT + b"\x02\x0a\x04",
        ADVERTISEMENT + b"\x00\x00\x00",
    ],
)
def test_a_list_of_128_bit_services_with_ours_is_a_beacon(data: bytes) -> None:
    assert is_beacon(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x11",
        b"\x11\x07" + OTHER,
        b"\x11\x07" + SERVICE_UUID.bytes,
        b"\x11\x21" + SERVICE,
        b"\x12\x07\x00" + SERVICE,
        b"\x12\x07" + SERVICE,
        b"\x10\x07" + SERVICE[:-1],
        b"\x00" + b"\x11\x07" + SERVICE,
    ],
)
def test_anything_else_is_none(data: bytes) -> None:
    assert not is_beacon(data)


@pytest.mark.parametrize("length", range(len(ADVERTISEMENT)))
def test_a_beacon_that_was_cut_short_is_none(length: int) -> None:
    assert not is_beacon(ADVERTISEMENT[:length])


@given(data=binary(max_size=255))
def test_garbage_raises_nothing(data: bytes) -> None:
    is_beacon(data)
