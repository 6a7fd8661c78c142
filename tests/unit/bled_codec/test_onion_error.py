"""Errors of payment onions: from any hop, back to the payer, and nothing else passes for one."""

import pytest

from bled_codec.crypto import hmac_sha256
from bled_codec.errors import OnionError, Rule
from bled_codec.onion_error import OnionFailure, create_onion_error, open_onion_error, wrap_onion_error

SECRETS = [bytes([number]) * 32 for number in range(1, 6)]


def returned(message: bytes, *, hop: int) -> bytes:
    packet = create_onion_error(message, SECRETS[hop])
    for secret in reversed(SECRETS[:hop]):
        packet = wrap_onion_error(packet, secret)
    return packet


@pytest.mark.parametrize("hop", range(5))
@pytest.mark.parametrize("message", [b"", b"\x20\x02", bytes(256)], ids=len)
def test_the_failure_of_any_hop_arrives(hop: int, message: bytes) -> None:
    packet = returned(message, hop=hop)
    assert len(packet) == 32 + 2 + 256 + 2
    assert open_onion_error(packet, SECRETS) == OnionFailure(hop=hop, message=message)


def test_a_flipped_bit_is_noticed() -> None:
    packet = bytearray(returned(b"\x20\x02", hop=4))
    for place in range(0, 8 * len(packet), 7):
        packet[place // 8] ^= 1 << place % 8
        with pytest.raises(OnionError) as caught:
            open_onion_error(bytes(packet), SECRETS)
        assert caught.value.rule is Rule.ONION_HMAC
        packet[place // 8] ^= 1 << place % 8


def test_a_packet_cut_anywhere_is_refused() -> None:
    packet = returned(b"\x20\x02", hop=2)
    for length in range(len(packet)):
        with pytest.raises(OnionError):
            open_onion_error(packet[:length], SECRETS)


def test_a_message_longer_than_its_room_is_refused() -> None:
    with pytest.raises(OnionError) as caught:
        create_onion_error(bytes(257), SECRETS[0])
    assert caught.value.rule is Rule.ONION_SIZE


def test_a_hop_that_writes_no_message_is_found_out() -> None:
    body = b"\x00\x09short"
    packet = wrap_onion_error(hmac_sha256(hmac_sha256(b"um", SECRETS[0]), body) + body, SECRETS[0])
    with pytest.raises(OnionError) as caught:
        open_onion_error(packet, SECRETS)
    assert caught.value.rule is Rule.ONION_PAYLOAD
