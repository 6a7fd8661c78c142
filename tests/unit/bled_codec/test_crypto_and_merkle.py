"""Keys hide themselves, points are checked, and the tree is the one of the specification for any number of leaves."""

import hashlib

import pytest

from bled_codec.crypto import Points, SecretKey, parse_point, point_times, public_key_of, tagged_hash, verify_schnorr
from bled_codec.errors import EncodingError, Rule
from bled_codec.merkle import (
    branch,
    leaf_nodes,
    merkle_root,
    root_of_first,
    root_of_nodes,
    signature_digest,
    tree_levels,
)
from bled_codec.tlv import make_record
from bled_codec.units import Point

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEY = SecretKey(b"\x42" * 32)


def test_a_secret_key_shows_nothing_of_itself() -> None:
    for shown in (repr(KEY), str(KEY), f"{KEY}", repr([KEY])):
        assert "42" not in shown
    assert "BBBB" not in repr(KEY)


@pytest.mark.parametrize("secret", [b"", bytes(31), bytes(33), bytes(32), ORDER.to_bytes(32, "big"), b"\xff" * 32])
def test_what_is_no_secret_key_is_refused_without_showing_it(secret: bytes) -> None:
    with pytest.raises(ValueError, match=r"^[^\\]*$") as caught:
        SecretKey(secret)
    with pytest.raises(ValueError, match=r"^[^\\]*$"):
        public_key_of(secret)
    assert secret.hex() == "" or secret.hex() not in str(caught.value)


def test_secret_keys_compare_by_value_and_can_be_in_sets() -> None:
    assert SecretKey(b"\x42" * 32) == KEY
    assert SecretKey(b"\x43" * 32) != KEY
    assert KEY != b"\x42" * 32
    assert len({KEY, SecretKey(b"\x42" * 32)}) == 1
    assert public_key_of(b"\x42" * 32) == KEY.public_key


def test_both_sides_share_one_secret() -> None:
    other = SecretKey(b"\x43" * 32)
    assert KEY.shared_secret(other.public_key) == other.shared_secret(KEY.public_key)
    tweak = b"\x05" * 32
    assert KEY.times(tweak).public_key == point_times(KEY.public_key, tweak)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(33),
        b"\x02" * 32,
        b"\x02" * 34,
        b"\x04" + KEY.public_key[1:],
        b"\x06" + KEY.public_key[1:],
        b"\x02" + bytes(31) + b"\x05",
        b"\x02" + b"\xff" * 32,
        b"\x02" + bytes(32),
    ],
)
def test_what_is_no_point_is_refused(data: bytes) -> None:
    points = Points()
    for parse in (parse_point, points.parse, points.parse):
        with pytest.raises(EncodingError) as caught:
            parse(data)
        assert caught.value.rule is Rule.NOT_A_POINT


def test_an_uncompressed_point_is_refused() -> None:
    with pytest.raises(EncodingError):
        parse_point(b"\x04" + bytes(64))


def test_a_signature_is_checked_by_x_alone_and_rubbish_is_only_false() -> None:
    digest = bytes(32)
    signature = KEY.sign(digest, aux=bytes(32))
    assert verify_schnorr(signature, digest, key=KEY.public_key)
    assert verify_schnorr(signature, digest, key=Point(bytes([KEY.public_key[0] ^ 1]) + KEY.public_key[1:]))
    for bad in (b"", signature[:-1], signature + b"\x00", bytes(64), b"\xff" * 64):
        assert not verify_schnorr(bad, digest, key=KEY.public_key)
    assert not verify_schnorr(signature, digest, key=Point(b"\x02" + bytes(31) + b"\x05"))
    for length in (0, 1, 32, 34):
        assert not verify_schnorr(signature, digest, key=Point((KEY.public_key * 2)[:length]))


def test_points_of_a_message_verify_as_they_do_alone() -> None:
    digest = bytes(32)
    signature = KEY.sign(digest, aux=bytes(32))
    same_x, other = Point(bytes([KEY.public_key[0] ^ 1]) + KEY.public_key[1:]), SecretKey(b"\x43" * 32).public_key
    known, unknown = Points(), Points()
    for key in (KEY.public_key, same_x, other):
        assert known.parse(key) == known.parse(bytes(key)) == key
    for key in (KEY.public_key, same_x, other, Point(b""), Point(bytes(33))):
        for tried in (signature, bytes(64), signature[:-1], signature + b"\x00", b""):
            expected = verify_schnorr(tried, digest, key=key)
            assert known.verify_schnorr(tried, digest, key=key) is expected
            assert unknown.verify_schnorr(tried, digest, key=key) is expected
    assert known.verify_schnorr(signature, digest, key=KEY.public_key)


def plain_tagged_hash(tag: bytes, data: bytes) -> bytes:
    prefix = hashlib.sha256(tag).digest()
    return hashlib.sha256(prefix + prefix + data).digest()


def plain_root(nodes: list[bytes]) -> bytes:
    """Return the root the recursive way: the greatest power of two below goes to the left."""
    if len(nodes) == 1:
        return nodes[0]
    half = 1 << (len(nodes) - 1).bit_length() - 1
    return plain_tagged_hash(b"LnBranch", b"".join(sorted((plain_root(nodes[:half]), plain_root(nodes[half:])))))


@pytest.mark.parametrize("count", [*range(1, 34), 100, 255, 256, 257])
def test_the_tree_of_any_number_of_records_is_the_recursive_one(count: int) -> None:
    types = [number if number < 240 else 10**9 + number for number in range(count)]
    records = [make_record(type_, bytes([type_ % 256]) * (type_ % 5)) for type_ in types]
    nonce_tag = b"LnNonce" + records[0].raw
    nodes = []
    for record in records:
        type_bytes = record.raw[: 1 if record.type < 0xFD else 5]
        pair = sorted((plain_tagged_hash(b"LnLeaf", record.raw), plain_tagged_hash(nonce_tag, type_bytes)))
        nodes.append(plain_tagged_hash(b"LnBranch", b"".join(pair)))
    assert leaf_nodes(records) == nodes
    assert root_of_nodes(nodes) == merkle_root(records) == plain_root(nodes)


@pytest.mark.parametrize("count", [*range(1, 20), 64, 65])
def test_the_tree_over_the_first_nodes_is_part_of_the_whole_one(count: int) -> None:
    nodes = [hashlib.sha256(bytes([number])).digest() for number in range(count)]
    levels = tree_levels(nodes)
    assert levels[0] == nodes
    assert list(levels[-1]) == [plain_root(nodes)]
    for first in range(1, count + 1):
        assert root_of_first(levels, first) == plain_root(nodes[:first])


def test_over_nothing_there_is_no_tree() -> None:
    with pytest.raises(ValueError, match="at least one leaf"):
        tree_levels([])


def test_signature_elements_are_in_no_tree() -> None:
    records = [make_record(0, b"a"), make_record(239, b"b"), make_record(1001, b"c")]
    signatures = [make_record(type_, b"s") for type_ in (240, 241, 999, 1000)]
    assert merkle_root([*records[:2], *signatures, records[2]]) == merkle_root(records)


def test_a_branch_does_not_know_left_from_right() -> None:
    one, other = bytes(32), b"\x01" * 32
    assert branch(one, other) == branch(other, one) == plain_tagged_hash(b"LnBranch", one + other)


def test_what_is_signed_names_message_and_field() -> None:
    root = bytes(32)
    assert signature_digest("invoice", "signature", root) == plain_tagged_hash(b"lightninginvoicesignature", root)
    assert tagged_hash(b"a", b"b") == plain_tagged_hash(b"a", b"b")
