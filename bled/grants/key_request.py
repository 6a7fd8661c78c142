"""Public keys that a device made, on their way to home: home issues payer ids for them and never has the secrets.

    "bledkeys" || version || CBOR {device, made_at, keys} || signature (64)

The signature is by the first of the keys, over the tagged hash "bled/keys/1": the file is whole, and who made it has at
least that secret.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from bled.codes import Code
from bled.errors import BledError
from bled.grants.cbor import CborError, Value, Writable
from bled.grants.fields import is_name, open_bytes, open_list, open_map, open_name
from bled.grants.grant_fields import POINT_BYTES
from bled.grants.limits_fields import MAX_GRANTS, open_time
from bled.grants.signed_file import SignedFile
from bled_codec.crypto import SecretKey, parse_point
from bled_codec.errors import CodecError
from bled_codec.units import Point, UnixTime

_FILE: Final = SignedFile(magic=b"bledkeys", tag=b"bled/keys/1", most_bytes=400_000, damaged=Code.BOOK_REQUEST_DAMAGED)


class _Field(IntEnum):
    DEVICE = 0
    MADE_AT = 2
    KEYS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest:
    """What a device asks home for.

    Attributes:
        device: its name, 1 to 64 printable characters.
        made_at: by its own clock, which may be wrong.
        payer_ids: 1 to 10,000 different public keys.
    """

    device: str
    made_at: UnixTime
    payer_ids: tuple[Point, ...]


def encode_key_request(keys: Sequence[SecretKey], *, device: str, made_at: UnixTime, aux: bytes) -> bytes:
    """Return the file for the public keys of `keys`; `aux` is 32 bytes of fresh entropy. Raises `ValueError`."""
    if not 1 <= len(keys) <= MAX_GRANTS or not is_name(device):
        raise ValueError(f"a device with a name of 1 to 64 characters asks for 1 to {MAX_GRANTS} payer ids")
    value: dict[int, Writable] = {
        _Field.DEVICE: device,
        _Field.MADE_AT: made_at,
        _Field.KEYS: [key.public_key for key in keys],
    }
    return _FILE.write(value, key=keys[0], aux=aux)


def decode_key_request(data: bytes) -> KeyRequest:
    """Return the request in a file. Raises `BledError`: `BOOK_REQUEST_DAMAGED`, or `BOOK_VERSION` for a later one."""
    value = _FILE.open(data)
    try:
        request = _open(value)
    except CborError as error:
        raise _FILE.fault(error) from error
    if not _FILE.holds(data, key=request.payer_ids[0]):
        raise BledError(Code.BOOK_REQUEST_DAMAGED, detail="the signature does not fit")
    return request


def _open(value: Value) -> KeyRequest:
    fields = open_map(value, required=tuple(_Field))
    payer_ids = tuple(_point(each) for each in open_list(fields[_Field.KEYS], least=1, most=MAX_GRANTS))
    if len(set(payer_ids)) != len(payer_ids):
        raise CborError("a key is there twice")
    return KeyRequest(
        device=open_name(fields[_Field.DEVICE]), made_at=open_time(fields[_Field.MADE_AT]), payer_ids=payer_ids
    )


def _point(value: Value) -> Point:
    try:
        return parse_point(open_bytes(value, least=POINT_BYTES, most=POINT_BYTES))
    except CodecError as error:
        raise CborError("a key is no point") from error
