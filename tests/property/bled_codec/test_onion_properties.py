"""Onions and paths of any shape: they arrive, and damage is always noticed as a codec error."""

from hypothesis import given, settings
from hypothesis.strategies import binary, builds, integers, lists

from bled_codec.blinded_path import BlindedPath, EncryptedData, create_blinded_path, decode_paths, pad_to_one_length
from bled_codec.crypto import SecretKey
from bled_codec.errors import CodecError
from bled_codec.onion import create_onion, peel_onion
from bled_codec.onion_message import Forward, OnionPayload, Received, create_onion_message, open_onion_message

secrets = integers(1, 2**128).map(lambda number: SecretKey(number.to_bytes(32, "big")))


@given(keys=lists(secrets, min_size=1, max_size=6), payload=binary(max_size=150), session_key=secrets)
@settings(max_examples=60, deadline=None)
def test_every_hop_of_any_onion_gets_its_payload(keys: list[SecretKey], payload: bytes, session_key: SecretKey) -> None:
    hops = [(key.public_key, payload + bytes([index])) for index, key in enumerate(keys)]
    onion: bytes | None = create_onion(hops, session_key=session_key)
    for key, (_, expected) in zip(keys, hops, strict=True):
        assert onion is not None
        peeled = peel_onion(onion, key)
        assert peeled.payload == expected
        onion = peeled.next_onion
    assert onion is None


def _path(keys: list[SecretKey], session_key: SecretKey) -> BlindedPath:
    data = [EncryptedData(next_node_id=key.public_key) for key in keys[1:]] + [EncryptedData(path_id=b"p" * 32)]
    return create_blinded_path([key.public_key for key in keys], pad_to_one_length(data), session_key=session_key)


@given(keys=lists(secrets, min_size=1, max_size=5), session_key=secrets, content=binary(max_size=400))
@settings(max_examples=60, deadline=None)
def test_a_message_travels_any_path_to_its_end(keys: list[SecretKey], session_key: SecretKey, content: bytes) -> None:
    path = _path(keys, session_key)
    assert decode_paths(path.encode()) == (path,)
    onion = create_onion_message(path, OnionPayload(invoice=content), session_key=session_key)
    path_key = path.first_path_key
    for key in keys[:-1]:
        opened = open_onion_message(onion, path_key, key)
        assert isinstance(opened, Forward)
        onion, path_key = opened.onion, opened.next_path_key
    last = open_onion_message(onion, path_key, keys[-1])
    assert isinstance(last, Received)
    assert (last.payload.invoice, last.path_id) == (content, b"p" * 32)


@given(data=binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes_decode_or_raise_a_codec_error(data: bytes) -> None:
    for decode in (decode_paths, EncryptedData.decode, OnionPayload.decode):
        try:
            decode(data)
        except CodecError:
            continue


MESSAGE_KEYS = [SecretKey(bytes([number]) * 32) for number in (1, 2, 3)]
MESSAGE_PATH = _path(MESSAGE_KEYS, SecretKey(b"\x07" * 32))
MESSAGE = create_onion_message(MESSAGE_PATH, OnionPayload(invoice=b"i"), session_key=SecretKey(b"\x08" * 32))
changes = builds(lambda place, bits: (place, bits), integers(0, len(MESSAGE) - 1), integers(1, 255))


@given(change=changes)
@settings(max_examples=200, deadline=None)
def test_a_byte_changed_anywhere_in_a_message_is_noticed(change: tuple[int, int]) -> None:
    place, bits = change
    damaged = MESSAGE[:place] + bytes([MESSAGE[place] ^ bits]) + MESSAGE[place + 1 :]
    try:
        open_onion_message(damaged, MESSAGE_PATH.first_path_key, MESSAGE_KEYS[0])
    except CodecError:
        return
    raise AssertionError("the change went unnoticed")
