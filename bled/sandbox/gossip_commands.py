"""What the sandbox's home node knows of the network, and onion messages that it is handed, in lightningd's JSON."""

from typing import Final

from bled.node.json_stream import JsonObject
from bled.sandbox.node import SandboxNode
from bled.sandbox.node_data import NODE_FEATURES
from bled.sandbox.rpc_error import INVALID_PARAMS, LIGHTNINGD, HandlerCrashed, RpcError, bad_parameter
from bled.sandbox.rpc_params import bind, read_point, read_text, token
from bled_codec.units import Point

_MOST_MESSAGE_DIGITS: Final = 2 * 65_535
_ANNOUNCED_AT: Final = 1_700_000_000


class GossipCommands:
    """Commands about other nodes. Every node of the sandbox is announced, and every channel that is not private."""

    def __init__(self, node: SandboxNode) -> None:
        """Serve `node`."""
        self._node = node

    async def listnodes(self, params: object) -> JsonObject:
        """List one node, or all."""
        wanted = read_point(bind(params, ("id",)), "id")
        nodes = self._node.network.nodes.values()
        return {"nodes": [_announcement(node) for node in nodes if wanted in (None, node.node_id)]}

    async def listchannels(self, params: object) -> JsonObject:
        """List both directions of every public channel, or those out of `source` or into `destination`."""
        bound = bind(params, ("short_channel_id", "source", "destination"))
        source, destination = read_point(bound, "source"), read_point(bound, "destination")
        scid = read_text(bound, "short_channel_id")
        if sum(each is not None for each in (source, destination, scid)) > 1:
            raise RpcError(INVALID_PARAMS, "Can only specify one of `short_channel_id`, `source` or `destination`")
        rows = [
            _direction(channel.scid, start, channel.other(start))
            for channel in self._node.network.channels
            if not channel.private and scid in (None, channel.scid)
            for start in channel.ends
            if source in (None, start) and destination in (None, channel.other(start))
        ]
        return {"channels": rows}

    async def injectonionmessage(self, params: object) -> JsonObject:
        """Take an onion message as if a peer had sent it."""
        bound = bind(params, ("path_key", "message"), required=2)
        path_key, message = read_point(bound, "path_key"), bound["message"]
        try:
            onion = bytes.fromhex(message[: _MOST_MESSAGE_DIGITS + 2])
        except (TypeError, ValueError) as error:
            raise bad_parameter("message", "should be a hex value", token(message)) from error
        try:
            self._node.inject_onion(path_key or b"", onion)
        except HandlerCrashed as error:
            raise RpcError(LIGHTNINGD, "onion_message_parse: invalid path_key") from error
        return {}


def _announcement(node: SandboxNode) -> JsonObject:
    return {
        "nodeid": node.node_id.hex(),
        "alias": node.alias,
        "color": node.node_id[:3].hex(),
        "last_timestamp": _ANNOUNCED_AT,
        "features": NODE_FEATURES.hex(),
        "addresses": [{"type": "ipv4", "address": node.address.host, "port": node.address.port}],
    }


def _direction(scid: str, source: Point, destination: Point) -> JsonObject:
    return {
        "source": source.hex(),
        "destination": destination.hex(),
        "short_channel_id": scid,
        "direction": int(source > destination),
        "public": True,
        "active": True,
    }
