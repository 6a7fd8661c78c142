"""Opening an onion message as lightningd does, with its words for what can be wrong."""

from bled.sandbox.rpc_error import LIGHTNINGD, RpcError
from bled_codec.blinded_path import blinded_key_of
from bled_codec.crypto import SecretKey, parse_point
from bled_codec.errors import CodecError, EncodingError, OnionError, Rule
from bled_codec.onion_message import Forward, Received, open_onion_message
from bled_codec.units import Point

_KEY_END = 34  # a version byte and a point come first


def open_message(onion: bytes, path_key: Point, key: SecretKey) -> Forward | Received:
    """Peel one layer off. Raises `RpcError` (-1) with the text that `injectonionmessage` answers."""
    _check_packet(onion)
    try:
        return open_onion_message(onion, path_key, key)
    except OnionError as error:
        if error.rule in (Rule.ONION_HMAC, Rule.ONION_SIZE, Rule.ONION_PAYLOAD):
            raise _fail(f"can't process onionpacket ss={_shared_secret(onion, path_key, key)}") from error
        raise _fail("invalid encrypted_recipient_data") from error
    except CodecError as error:
        raise _fail("invalid onionmsg_tlv") from error


def _check_packet(onion: bytes) -> None:
    """Check version and key, in lightningd's order: an empty packet has the version it should."""
    if onion[:1] not in (b"\x00", b""):
        raise _fail("can't parse onionpacket: WIRE_INVALID_ONION_VERSION")
    try:
        parse_point(onion[1:_KEY_END])
    except EncodingError as error:
        raise _fail("can't parse onionpacket: WIRE_INVALID_ONION_KEY") from error


def _shared_secret(onion: bytes, path_key: Point, key: SecretKey) -> str:
    """Return the secret that should have opened the packet; lightningd shows it."""
    return blinded_key_of(key, path_key).shared_secret(Point(onion[1:_KEY_END])).hex()


def _fail(problem: str) -> RpcError:
    return RpcError(LIGHTNINGD, f"onion_message_parse: {problem}")
