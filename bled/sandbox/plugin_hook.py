"""The hooks at which lightningd shows onion messages to plugins, in its JSON."""

from typing import Final

from bled.node.json_stream import JsonObject
from bled.sandbox.offers_plugin import path_secret
from bled_codec.blinded_path import BlindedPath
from bled_codec.onion_message import Received

HOOK_WITH_SECRET: Final = "onion_message_recv_secret"  # noqa: S105 - a name
HOOK_WITHOUT_SECRET: Final = "onion_message_recv"  # noqa: S105 - a name

_CONTENTS: Final = ("invoice_request", "invoice", "invoice_error")


def hook_of(received: Received) -> str:
    """Return the hook for a message: a path_id counts only with 32 bytes."""
    return HOOK_WITHOUT_SECRET if path_secret(received) is None else HOOK_WITH_SECRET


def hook_params(received: Received) -> JsonObject:
    """Return the parameters of the hook call."""
    message: JsonObject = {}
    secret = path_secret(received)
    if secret is not None:
        message["pathsecret"] = secret.hex()
    if received.payload.reply_path is not None:
        message["reply_blindedpath"] = _path(received.payload.reply_path)
    for name in _CONTENTS:
        content: bytes | None = getattr(received.payload, name)
        if content is not None:
            message[name] = content.hex()
    unknown = received.payload.unknown
    message["unknown_fields"] = [{"number": record.type, "value": record.value.hex()} for record in unknown]
    return {"onion_message": message}


def _path(path: BlindedPath) -> JsonObject:
    hops = [
        {
            "blinded_node_id": hop.blinded_node_id.hex(),
            "encrypted_recipient_data": hop.encrypted_recipient_data.hex(),
        }
        for hop in path.hops
    ]
    return _first_node(path.first_node_id) | {"first_path_key": path.first_path_key.hex(), "hops": hops}


def _first_node(first_node_id: bytes) -> JsonObject:
    if len(first_node_id) == 33:
        return {"first_node_id": first_node_id.hex()}
    number = int.from_bytes(first_node_id[1:], "big")
    scid = f"{number >> 40}x{number >> 16 & 0xFFFFFF}x{number & 0xFFFF}"
    return {"first_scid": scid, "first_scid_dir": first_node_id[0]}
