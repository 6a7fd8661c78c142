"""Onion messages: what a node forwards, takes, and ignores."""

import pytest

from bled_codec.blinded_path import BlindedHop, BlindedPath, EncryptedData, create_blinded_path
from bled_codec.crypto import SecretKey, aead_seal, hmac_sha256
from bled_codec.errors import CodecError, EncodingError, OnionError, Rule, TlvError
from bled_codec.onion import create_onion
from bled_codec.onion_message import Forward, OnionPayload, Received, create_onion_message, open_onion_message
from bled_codec.tlv import encode_stream, make_record

HOP, HOME, PATH_SESSION, SESSION = (SecretKey(bytes([number]) * 32) for number in (1, 2, 3, 4))
PATH_ID = b"p" * 32


def _path(*data: bytes) -> BlindedPath:
    nodes = [HOP.public_key, HOME.public_key][-len(data) :]
    return create_blinded_path(nodes, data, session_key=PATH_SESSION)


FORWARD = EncryptedData(next_node_id=HOME.public_key).encode()
FINAL = EncryptedData(path_id=PATH_ID).encode()


def _open(path: BlindedPath, payloads: list[bytes], key: SecretKey) -> Forward | Received:
    hops = [(hop.blinded_node_id, payload) for hop, payload in zip(path.hops, payloads, strict=True)]
    return open_onion_message(create_onion(hops, session_key=SESSION), path.first_path_key, key)


def _data(path: BlindedPath, index: int) -> bytes:
    return path.hops[index].encrypted_recipient_data


def test_a_message_reaches_its_end_with_everything_in_it() -> None:
    path = _path(FORWARD, FINAL)
    sent = OnionPayload(reply_path=path, invoice=b"invoice", unknown=(make_record(65537, b"own"),))
    forward = open_onion_message(create_onion_message(path, sent, session_key=SESSION), path.first_path_key, HOP)
    assert isinstance(forward, Forward)
    assert (forward.next_node_id, forward.short_channel_id) == (HOME.public_key, None)
    received = open_onion_message(forward.onion, forward.next_path_key, HOME)
    assert isinstance(received, Received)
    assert received.path_id == PATH_ID
    assert received.payload.invoice == b"invoice"
    assert received.payload.reply_path == path
    assert received.payload.unknown == sent.unknown


def test_the_last_hop_needs_no_encrypted_data() -> None:
    path = _path(FINAL)
    bare = BlindedPath(
        first_node_id=path.first_node_id,
        first_path_key=path.first_path_key,
        hops=(BlindedHop(blinded_node_id=path.hops[0].blinded_node_id, encrypted_recipient_data=b""),),
    )
    onion = create_onion_message(bare, OnionPayload(invoice_request=b"r"), session_key=SESSION)
    received = open_onion_message(onion, path.first_path_key, HOME)
    assert received == Received(payload=OnionPayload(invoice_request=b"r"), path_id=None)


def test_a_message_that_does_not_fit_is_refused_and_fits_the_larger_size() -> None:
    path, payload = _path(FORWARD, FINAL), OnionPayload(invoice=bytes(1300))
    with pytest.raises(OnionError) as caught:
        create_onion_message(path, payload, session_key=SESSION)
    assert caught.value.rule is Rule.ONION_SIZE
    assert len(create_onion_message(path, payload, session_key=SESSION, size=32768)) == 32834


def test_two_payloads_in_one_message_are_ignored() -> None:
    path = _path(FINAL)
    with pytest.raises(OnionError) as caught:
        _open(path, [encode_stream({4: _data(path, 0), 64: b"a", 66: b"b"})], HOME)
    assert caught.value.rule is Rule.ONION_PAYLOAD


@pytest.mark.parametrize("extra", [{64: b"x"}, {2: _path(FINAL).encode()}, {65537: b"x"}])
def test_a_forwarding_hop_takes_nothing_but_its_encrypted_data(extra: dict[int, bytes]) -> None:
    path = _path(FORWARD, FINAL)
    with pytest.raises(OnionError) as caught:
        _open(path, [encode_stream({4: _data(path, 0), **extra}), b""], HOP)
    assert caught.value.rule is Rule.ONION_PAYLOAD


def test_a_forwarding_hop_without_encrypted_data_is_refused() -> None:
    with pytest.raises(OnionError) as caught:
        _open(_path(FORWARD, FINAL), [b"", b""], HOP)
    assert caught.value.rule is Rule.ONION_PAYLOAD


@pytest.mark.parametrize(
    "data", [EncryptedData(), EncryptedData(next_node_id=HOME.public_key, path_id=PATH_ID)], ids=["nowhere", "path_id"]
)
def test_a_forwarding_hop_must_know_where_to_and_have_no_path_id(data: EncryptedData) -> None:
    path = _path(data.encode(), FINAL)
    with pytest.raises(OnionError) as caught:
        _open(path, [encode_stream({4: _data(path, 0)}), b""], HOP)
    assert caught.value.rule is Rule.ENCRYPTED_DATA


def test_forwarding_over_a_channel_names_it() -> None:
    path = _path(EncryptedData(short_channel_id=b"12345678").encode(), FINAL)
    forward = _open(path, [encode_stream({4: _data(path, 0)}), b""], HOP)
    assert isinstance(forward, Forward)
    assert (forward.next_node_id, forward.short_channel_id) == (None, b"12345678")


def test_an_override_replaces_the_path_key() -> None:
    data = EncryptedData(next_node_id=HOME.public_key, next_path_key_override=SESSION.public_key)
    path = _path(data.encode(), FINAL)
    forward = _open(path, [encode_stream({4: _data(path, 0)}), b""], HOP)
    assert isinstance(forward, Forward)
    assert forward.next_path_key == SESSION.public_key


def test_unknown_even_types_are_refused_in_payload_and_encrypted_data() -> None:
    path = _path(FINAL)
    with pytest.raises(TlvError):
        _open(path, [encode_stream({4: _data(path, 0), 70: b""})], HOME)
    secret = HOME.shared_secret(path.first_path_key)
    sealed = aead_seal(hmac_sha256(b"rho", secret), encode_stream({16: b""}))
    with pytest.raises(TlvError):
        _open(path, [encode_stream({4: sealed})], HOME)


def test_a_reply_path_with_bytes_after_it_is_refused() -> None:
    with pytest.raises(EncodingError) as caught:
        OnionPayload.decode(encode_stream({2: _path(FINAL).encode() + b"x"}))
    assert caught.value.rule is Rule.TRAILING_BYTES


def test_a_payload_cut_anywhere_is_refused_or_shorter() -> None:
    whole = OnionPayload(reply_path=_path(FORWARD, FINAL), invoice=b"i" * 20, unknown=(make_record(65537, b"x"),))
    encoded = whole.encode()
    for length in range(len(encoded)):
        try:
            assert OnionPayload.decode(encoded[:length]) != whole
        except CodecError:
            continue
