"""Onion packets: what a hop refuses, and sizes."""

import pytest

from bled_codec.crypto import SecretKey
from bled_codec.errors import CodecError, OnionError, Rule
from bled_codec.onion import ONION_MESSAGE_SIZES, create_onion, peel_onion

KEY, OTHER, SESSION = (SecretKey(bytes([number]) * 32) for number in (1, 2, 3))
ONION = create_onion([(KEY.public_key, b"payload"), (OTHER.public_key, b"end")], session_key=SESSION)


def _rule(onion: bytes, key: SecretKey = KEY) -> Rule:
    with pytest.raises(OnionError) as caught:
        peel_onion(onion, key)
    return caught.value.rule


def test_a_packet_is_66_bytes_longer_than_its_routed_part() -> None:
    for size in ONION_MESSAGE_SIZES:
        onion = create_onion([(KEY.public_key, b"x")], session_key=SESSION, size=size)
        assert len(onion) == size + 66
        assert peel_onion(onion, KEY).payload == b"x"


def test_payloads_fit_to_the_last_byte_and_not_beyond() -> None:
    largest = b"x" * (1300 - 32 - 3)
    onion = create_onion([(KEY.public_key, largest)], session_key=SESSION)
    assert peel_onion(onion, KEY).payload == largest
    with pytest.raises(OnionError) as caught:
        create_onion([(KEY.public_key, largest + b"x")], session_key=SESSION)
    assert caught.value.rule is Rule.ONION_SIZE


def test_an_onion_needs_a_hop() -> None:
    with pytest.raises(ValueError, match="at least one"):
        create_onion([], session_key=SESSION)


def test_another_version_is_refused() -> None:
    assert _rule(b"\x01" + ONION[1:]) is Rule.ONION_VERSION


def test_a_key_off_the_curve_is_refused() -> None:
    assert _rule(ONION[:1] + b"\x02" + b"\xff" * 32 + ONION[34:]) is Rule.ONION_KEY


def test_another_hop_cannot_peel() -> None:
    assert _rule(ONION, OTHER) is Rule.ONION_HMAC


def test_other_associated_data_is_noticed() -> None:
    with pytest.raises(OnionError) as caught:
        peel_onion(ONION, KEY, associated_data=b"other")
    assert caught.value.rule is Rule.ONION_HMAC


def test_a_packet_cut_anywhere_is_refused() -> None:
    for length in range(len(ONION)):
        assert _rule(ONION[:length]) in {Rule.ONION_SIZE, Rule.ONION_HMAC}


def test_a_packet_above_64_kib_is_refused() -> None:
    assert _rule(ONION + bytes(65536)) is Rule.ONION_SIZE


def test_a_bit_flipped_anywhere_is_noticed() -> None:
    for place in range(len(ONION)):
        damaged = ONION[:place] + bytes([ONION[place] ^ 0x10]) + ONION[place + 1 :]
        with pytest.raises(CodecError):
            peel_onion(damaged, KEY)


def test_the_second_hop_gets_its_payload_and_is_the_last() -> None:
    first = peel_onion(ONION, KEY)
    assert first.payload == b"payload"
    assert first.next_onion is not None
    assert len(first.next_onion) == len(ONION)
    second = peel_onion(first.next_onion, OTHER)
    assert (second.payload, second.next_onion) == (b"end", None)
