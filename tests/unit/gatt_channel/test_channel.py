"""The channel after the handshake: what is changed, repeated, moved, cut or sent back is not opened."""

import pytest

from bled.codes import Code
from bled.errors import BledError, PeerError
from bled.gatt.channel import Channel
from bled.gatt.noise import LAST_COUNTER, CipherState
from bled.gatt.secure_channel import MAX_PLAINTEXT_BYTES, SecureChannel

ONE, OTHER = bytes(32), bytes([1]) * 32


@pytest.fixture
def till() -> SecureChannel:
    return SecureChannel(send_key=ONE, receive_key=OTHER)


@pytest.fixture
def device() -> SecureChannel:
    return SecureChannel(send_key=OTHER, receive_key=ONE)


def _broken(channel: Channel, data: bytes, code: Code = Code.CHANNEL_BROKEN) -> None:
    with pytest.raises(PeerError) as caught:
        channel.open(data)
    assert caught.value.code is code


def test_the_same_message_never_looks_the_same(till: SecureChannel) -> None:
    assert len({till.seal(b"same") for _ in range(50)}) == 50


def test_the_longest_message_fits_and_one_byte_more_does_not(till: SecureChannel, device: SecureChannel) -> None:
    longest = bytes(MAX_PLAINTEXT_BYTES)
    assert device.open(till.seal(longest)) == longest
    with pytest.raises(BledError) as caught:
        till.seal(longest + b"x")
    assert caught.value.code is Code.MESSAGE_TOO_LARGE


def test_what_was_too_long_to_seal_used_up_no_counter(till: SecureChannel, device: SecureChannel) -> None:
    with pytest.raises(BledError):
        till.seal(bytes(MAX_PLAINTEXT_BYTES + 1))
    with pytest.raises(ValueError, match="at least one byte"):
        till.seal(b"")
    assert device.open(till.seal(b"next")) == b"next"


def test_a_flipped_bit_anywhere_is_noticed(till: SecureChannel) -> None:
    sealed = till.seal(b"pay 5")
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        _broken(SecureChannel(send_key=OTHER, receive_key=ONE), bytes(changed))


def test_a_cut_or_longer_message_is_noticed(till: SecureChannel) -> None:
    sealed = till.seal(b"pay 5")
    for data in (*(sealed[:length] for length in range(len(sealed))), sealed + b"\0", b"\0" + sealed):
        _broken(SecureChannel(send_key=OTHER, receive_key=ONE), data)


def test_a_repeated_message_is_noticed(till: SecureChannel, device: SecureChannel) -> None:
    sealed = till.seal(b"pay 5")
    device.open(sealed)
    _broken(device, sealed)


def test_a_message_that_overtakes_another_is_noticed(till: SecureChannel, device: SecureChannel) -> None:
    till.seal(b"first")
    _broken(device, till.seal(b"second"))


def test_a_message_that_comes_back_to_its_sender_is_noticed(till: SecureChannel) -> None:
    _broken(till, till.seal(b"mine"))


def test_after_a_broken_message_nothing_is_opened_but_the_reason_can_be_told(
    till: SecureChannel, device: SecureChannel
) -> None:
    _broken(device, bytes(40))
    _broken(device, till.seal(b"good"))
    assert till.open(device.seal(b"error")) == b"error"


def test_a_message_above_what_frames_can_carry_is_not_even_tried(device: SecureChannel) -> None:
    _broken(device, bytes(4097), Code.MESSAGE_TOO_LARGE)
    _broken(device, bytes(17))


def test_a_message_without_content_is_none(device: SecureChannel) -> None:
    _broken(device, CipherState(ONE).encrypt(b""))


def test_a_closed_channel_neither_seals_nor_opens(till: SecureChannel, device: SecureChannel) -> None:
    sealed = till.seal(b"late")
    device.close()
    device.close()
    _broken(device, sealed)
    with pytest.raises(BledError) as caught:
        device.seal(b"late")
    assert caught.value.code is Code.BAD_STATE


def test_the_last_counter_is_used_and_none_after_it() -> None:
    cipher = CipherState(ONE)
    cipher._counter = LAST_COUNTER
    cipher.encrypt(b"last")
    with pytest.raises(BledError) as caught:
        cipher.encrypt(b"one more")
    assert caught.value.code is Code.INTERNAL


def test_a_channel_shows_no_key() -> None:
    shown = repr(SecureChannel(send_key=b"s" * 32, receive_key=b"r" * 32))
    assert "sss" not in shown
    assert "rrr" not in shown
