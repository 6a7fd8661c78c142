"""What lightningd's hook for onion messages brings, read without raising: an error would end the node. Pure."""

from typing import Final

from bled.node.json_stream import JsonObject
from bled_codec.blinded_path import BlindedHop, BlindedPath
from bled_codec.crypto import parse_point
from bled_codec.errors import CodecError
from bled_codec.units import Point

_MOST_HEX: Final = 2 * 65_536
_SECRET_BYTES: Final = 32
_MOST_HOPS: Final = 16


def onion_invoice(params: object) -> tuple[bytes, bytes] | None:
    """Return invoice and path secret of a hook call, None when it carries none. Raises nothing."""
    secret = onion_secret(params)
    invoice = _bytes(_message(params).get("invoice"))
    return None if invoice is None or secret is None else (invoice, secret)


def onion_request(params: object) -> bytes | None:
    """Return the invoice_request of a hook call, None when it carries none. Raises nothing."""
    return _bytes(_message(params).get("invoice_request"))


def onion_secret(params: object) -> bytes | None:
    """Return the path secret of a hook call, None when it has none of 32 bytes. Raises nothing."""
    secret = _bytes(_message(params).get("pathsecret"))
    return secret if secret is not None and len(secret) == _SECRET_BYTES else None


def onion_reply_path(params: object) -> BlindedPath | None:
    """Return the way back of a hook call, None for none, and for one whose beginning only a channel names."""
    path = _member(_message(params), "reply_blindedpath")
    hops = path.get("hops")
    first, key = _point(path.get("first_node_id")), _point(path.get("first_path_key"))
    if first is None or key is None or not isinstance(hops, list) or not 1 <= len(hops) <= _MOST_HOPS:
        return None
    read = [_hop(hop) for hop in hops]
    whole = tuple(hop for hop in read if hop is not None)
    return BlindedPath(first_node_id=first, first_path_key=key, hops=whole) if len(whole) == len(read) else None


def _hop(value: object) -> BlindedHop | None:
    hop = value if isinstance(value, dict) else {}
    node, data = _point(hop.get("blinded_node_id")), _bytes(hop.get("encrypted_recipient_data"))
    return None if node is None or data is None else BlindedHop(blinded_node_id=node, encrypted_recipient_data=data)


def _message(params: object) -> JsonObject:
    return _member(params, "onion_message")


def _member(params: object, name: str) -> JsonObject:
    value = params.get(name) if isinstance(params, dict) else None
    return value if isinstance(value, dict) else {}


def _point(value: object) -> Point | None:
    data = _bytes(value)
    try:
        return None if data is None else parse_point(data)
    except CodecError:
        return None


def _bytes(value: object) -> bytes | None:
    if not isinstance(value, str) or len(value) > _MOST_HEX:
        return None
    try:
        return bytes.fromhex(value)
    except ValueError:
        return None
