"""Blinded paths: what is refused, padding, and that only the right node opens its part."""

import pytest

from bled_codec.blinded_path import (
    BlindedPath,
    BlindedPayinfo,
    EncryptedData,
    create_blinded_path,
    decode_paths,
    decode_payinfos,
    pad_to_one_length,
    unblind,
)
from bled_codec.crypto import SecretKey
from bled_codec.errors import CodecError, EncodingError, OnionError, Rule, SemanticError, TlvError
from bled_codec.primitives import Reader
from bled_codec.tlv import encode_stream, make_record
from bled_codec.units import Msat, Point

HOP, HOME, SESSION = (SecretKey(bytes([number]) * 32) for number in (1, 2, 3))


def _path() -> BlindedPath:
    data = pad_to_one_length([EncryptedData(next_node_id=HOME.public_key), EncryptedData(path_id=bytes(32))])
    return create_blinded_path([HOP.public_key, HOME.public_key], data, session_key=SESSION)


def _short_channel_path(direction: int) -> bytes:
    return bytes([direction]) + bytes(8) + _path().encode()[33:]


def test_a_path_decodes_to_itself() -> None:
    path = _path()
    assert decode_paths(path.encode() * 3) == (path,) * 3
    assert decode_paths(b"") == ()
    assert path.introduction == HOP.public_key


@pytest.mark.parametrize("direction", [0, 1])
def test_a_path_may_begin_with_a_channel(direction: int) -> None:
    (path,) = decode_paths(_short_channel_path(direction))
    assert path.first_node_id == bytes([direction]) + bytes(8)
    assert path.introduction is None
    assert path.encode() == _short_channel_path(direction)


@pytest.mark.parametrize("first", [4, 5, 255])
def test_a_path_that_begins_with_neither_is_refused(first: int) -> None:
    with pytest.raises(EncodingError) as caught:
        decode_paths(_short_channel_path(first))
    assert caught.value.rule is Rule.NOT_A_NODE


def test_a_path_without_hops_is_refused() -> None:
    with pytest.raises(SemanticError) as caught:
        decode_paths(HOP.public_key + HOME.public_key + b"\x00")
    assert caught.value.rule is Rule.PATH_WITHOUT_HOPS


@pytest.mark.parametrize("offset", [0, 33, 67])
def test_every_point_of_a_path_is_checked(offset: int) -> None:
    damaged = bytearray(_path().encode())
    damaged[offset : offset + 33] = b"\x02" + b"\xff" * 32
    with pytest.raises(EncodingError) as caught:
        decode_paths(bytes(damaged))
    assert caught.value.rule is Rule.NOT_A_POINT


def test_a_path_cut_anywhere_is_refused() -> None:
    whole = _path().encode()
    for length in range(1, len(whole)):
        with pytest.raises(CodecError):
            decode_paths(whole[:length])


def test_reading_one_path_leaves_what_follows() -> None:
    reader = Reader(_path().encode() + b"rest", tlv_type=16)
    BlindedPath.read(reader)
    assert reader.take(4) == b"rest"


def test_all_hops_are_padded_to_one_length() -> None:
    hops = [EncryptedData(next_node_id=HOME.public_key), EncryptedData(path_id=bytes(32)), EncryptedData()]
    padded = pad_to_one_length(hops)
    assert len({len(hop) for hop in padded}) == 1
    bare = [EncryptedData.decode(hop) for hop in padded]
    assert [hop.path_id for hop in bare] == [None, bytes(32), None]


@pytest.mark.parametrize("gap", [*range(40), *range(250, 265)])
def test_padding_reaches_one_length_for_any_gap(gap: int) -> None:
    padded = pad_to_one_length([EncryptedData(), EncryptedData(path_id=bytes(gap))])
    assert len({len(hop) for hop in padded}) == 1
    assert len(padded[0]) <= len(EncryptedData(path_id=bytes(gap)).encode()) + 2


def test_padding_no_hop_gives_none() -> None:
    assert pad_to_one_length([]) == ()


def test_an_unknown_even_type_in_encrypted_data_is_refused() -> None:
    with pytest.raises(TlvError) as caught:
        EncryptedData.decode(encode_stream({16: b""}))
    assert caught.value.rule is Rule.TLV_UNKNOWN_EVEN


def test_an_unknown_odd_type_in_encrypted_data_is_kept() -> None:
    stream = encode_stream({4: HOME.public_key, 561: b"x"})
    data = EncryptedData.decode(stream)
    assert data.unknown == (make_record(561, b"x"),)
    assert data.encode() == stream


@pytest.mark.parametrize(("type_", "value"), [(2, bytes(7)), (4, bytes(33)), (8, b"\x02" * 32)])
def test_a_field_of_wrong_form_in_encrypted_data_is_refused(type_: int, value: bytes) -> None:
    with pytest.raises(EncodingError):
        EncryptedData.decode(encode_stream({type_: value}))


def test_another_node_cannot_open_a_hop() -> None:
    with pytest.raises(OnionError) as caught:
        unblind(HOME, _path().first_path_key, _path().hops[0].encrypted_recipient_data)
    assert caught.value.rule is Rule.ENCRYPTED_DATA


def test_encrypted_data_changed_anywhere_does_not_open() -> None:
    path = _path()
    sealed = path.hops[0].encrypted_recipient_data
    for place in range(len(sealed)):
        damaged = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(OnionError):
            unblind(HOP, path.first_path_key, damaged)
    for length in range(len(sealed)):
        with pytest.raises(OnionError):
            unblind(HOP, path.first_path_key, sealed[:length])


def test_a_path_needs_nodes_and_one_data_for_each() -> None:
    with pytest.raises(ValueError, match="at least one"):
        create_blinded_path([], [], session_key=SESSION)
    with pytest.raises(ValueError, match="shorter"):
        create_blinded_path([HOP.public_key], [], session_key=SESSION)


def test_payinfos_decode_to_themselves_and_not_when_cut() -> None:
    info = BlindedPayinfo(
        fee_base_msat=1,
        fee_proportional_millionths=10,
        cltv_expiry_delta=28,
        htlc_minimum_msat=Msat(0),
        htlc_maximum_msat=Msat(10**12),
        features=b"\x01",
    )
    encoded = info.encode() * 2
    assert decode_payinfos(encoded) == (info, info)
    assert decode_payinfos(b"") == ()
    for length in range(1, len(encoded)):
        if length != len(encoded) // 2:
            with pytest.raises(EncodingError):
                decode_payinfos(encoded[:length])


@pytest.mark.parametrize(("amount", "fee"), [(0, 1), (99_999, 1), (100_000, 2), (15_000_000, 151)])
def test_the_fee_is_base_plus_millionths_rounded_down(amount: int, fee: int) -> None:
    info = BlindedPayinfo(
        fee_base_msat=1,
        fee_proportional_millionths=10,
        cltv_expiry_delta=0,
        htlc_minimum_msat=Msat(0),
        htlc_maximum_msat=Msat(10**12),
    )
    assert info.fee(Msat(amount)) == fee


def test_the_points_of_a_path_are_typed() -> None:
    assert Point(_path().first_node_id) == HOP.public_key
