"""Home's keys, the sealed metadata of its payer ids, and the secrets of their paths."""

import pytest

from bled.codes import Code
from bled.errors import Refused
from bled.grants.keys import HomeKeys, scalar_key, scalar_point
from bled.grants.metadata import IssuedId, open_metadata, path_secret, salt_tag, seal_metadata
from bled_codec.crypto import SecretKey
from bled_codec.units import Point

PAYER = SecretKey(b"\x11" * 32).public_key
OTHER = SecretKey(b"\x12" * 32).public_key
ORDER = bytes.fromhex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
SALT = b"\x5a" * 16


def refused(keys: HomeKeys, metadata: bytes, payer_id: Point = PAYER) -> Code:
    with pytest.raises(Refused) as caught:
        open_metadata(keys, metadata, payer_id)
    return caught.value.code


def test_a_payer_key_depends_on_salt_book_and_index(keys: HomeKeys) -> None:
    made = [keys.payer_key(SALT, 1, 1), keys.payer_key(SALT, 1, 2), keys.payer_key(SALT, 2, 1)]
    made += [keys.payer_key(b"\x5b" * 16, 1, 1), HomeKeys.from_master(b"\x01" * 32).payer_key(SALT, 1, 1)]
    assert None not in made
    assert len({key.public_key for key in made if key is not None}) == 5


def test_a_payer_key_is_made_again_from_the_master_alone(keys: HomeKeys) -> None:
    assert HomeKeys.from_master(bytes(range(32))).payer_key(SALT, 3, 9) == keys.payer_key(SALT, 3, 9)


@pytest.mark.parametrize("scalar", [bytes(32), ORDER, b"\xff" * 32])
def test_an_index_without_a_key_has_none(scalar: bytes) -> None:
    assert scalar_key(scalar) is None
    assert scalar_point(scalar) is None


def test_the_edges_of_the_group_are_keys() -> None:
    assert scalar_key(bytes(31) + b"\x01") is not None
    assert scalar_key(ORDER[:-1] + b"\x40") is not None


@pytest.mark.parametrize("index", [0, 1, 2**32 - 1])
def test_a_payer_id_is_the_public_key_of_its_payer_key(keys: HomeKeys, index: int) -> None:
    key = keys.payer_key(SALT, 7, index)
    assert key is not None
    assert keys.payer_id(SALT, 7, index) == key.public_key


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_master_secret_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        HomeKeys.from_master(bytes(length))


def test_numbers_outside_32_bits_have_no_key(keys: HomeKeys) -> None:
    with pytest.raises(OverflowError):
        keys.payer_key(SALT, 2**32, 0)
    with pytest.raises(OverflowError):
        keys.payer_key(SALT, 0, -1)
    with pytest.raises(ValueError, match="16 bytes"):
        keys.payer_key(b"", 0, 0)
    with pytest.raises(OverflowError):
        keys.payer_id(SALT, 2**32, 0)
    with pytest.raises(ValueError, match="16 bytes"):
        keys.payer_id(b"", 0, 0)


def test_no_secret_shows_in_a_repr(keys: HomeKeys) -> None:
    assert repr(keys) == "HomeKeys(book_key=SecretKey(…))"
    assert repr(keys.siv) == "SivKey(…)"


def test_homes_keys_compare_by_what_they_are_made_of(keys: HomeKeys) -> None:
    assert HomeKeys.from_master(bytes(range(32))) == HomeKeys.from_master(bytes(range(32)))
    assert HomeKeys.from_master(b"\x01" * 32) != keys


def test_home_opens_what_it_sealed(keys: HomeKeys) -> None:
    metadata = seal_metadata(keys, IssuedId(book_id=2**32 - 1, index=5), payer_id=PAYER)
    assert len(metadata) == 24
    assert open_metadata(keys, metadata, PAYER) == IssuedId(book_id=2**32 - 1, index=5)


def test_metadata_of_another_payer_id_does_not_open(keys: HomeKeys) -> None:
    metadata = seal_metadata(keys, IssuedId(book_id=1, index=5), payer_id=PAYER)
    assert refused(keys, metadata, OTHER) is Code.PAYER_ID_NOT_ISSUED


def test_metadata_of_another_home_does_not_open(keys: HomeKeys) -> None:
    metadata = seal_metadata(HomeKeys.from_master(b"\x01" * 32), IssuedId(book_id=1, index=5), payer_id=PAYER)
    assert refused(keys, metadata) is Code.PAYER_ID_NOT_ISSUED


def test_metadata_changed_in_any_bit_does_not_open(keys: HomeKeys) -> None:
    metadata = seal_metadata(keys, IssuedId(book_id=1, index=5), payer_id=PAYER)
    for bit in range(24 * 8):
        changed = (int.from_bytes(metadata, "big") ^ 1 << bit).to_bytes(24, "big")
        assert refused(keys, changed) is Code.PAYER_ID_NOT_ISSUED


def test_metadata_of_another_length_does_not_open(keys: HomeKeys) -> None:
    metadata = seal_metadata(keys, IssuedId(book_id=1, index=5), payer_id=PAYER)
    for wrong in (*(metadata[:length] for length in range(24)), metadata + b"\x00", bytes(1000)):
        assert refused(keys, wrong) is Code.PAYER_ID_NOT_ISSUED


def test_every_payer_id_has_its_own_path_secret(keys: HomeKeys) -> None:
    assert len(path_secret(keys, PAYER)) == 32
    assert path_secret(keys, PAYER) != path_secret(keys, OTHER)


def test_metadata_of_a_key_of_the_device_says_which_book_it_is_for(keys: HomeKeys) -> None:
    issued = IssuedId(book_id=3, index=9, salt_tag=salt_tag(SALT))
    metadata = seal_metadata(keys, issued, payer_id=PAYER)
    assert len(metadata) == 32
    assert open_metadata(keys, metadata, PAYER) == issued
    assert refused(keys, metadata, OTHER) is Code.PAYER_ID_NOT_ISSUED
    assert refused(keys, metadata[:24]) is Code.PAYER_ID_NOT_ISSUED
