"""Commands of lightningd that the sandbox's home node serves, in lightningd's JSON."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypedDict

from bled.node.json_stream import JsonObject
from bled.sandbox.datastore import Datastore
from bled.sandbox.gossip_commands import GossipCommands
from bled.sandbox.invoice_commands import InvoiceCommands
from bled.sandbox.node import SandboxNode
from bled.sandbox.node_data import (
    INIT_FEATURES,
    INVOICE_FEATURES,
    NODE_FEATURES,
    VERSION,
    Address,
    ChannelInfo,
    ChannelUpdate,
    PeerInfo,
    takes_labels,
)
from bled.sandbox.payments import Payments
from bled.sandbox.plugin_child import PluginGone
from bled.sandbox.plugin_host import PluginHost
from bled.sandbox.rpc_error import INVALID_PARAMS, RpcError, bad_parameter
from bled.sandbox.rpc_params import bind, read_hash, read_number, read_point, read_text
from bled.sandbox.sendpays import SendPay, SendPayStatus
from bled.sandbox.xpay_args import XpayArgs

_UNKNOWN_COMMAND: Final = -32601
_PLUGIN_TERMINATED: Final = -4

Command = Callable[[object], Awaitable[JsonObject]]
"""Takes the parameters as they came and returns the result. Raises `RpcError`."""


class _Page(TypedDict):
    """Part of a list: from a number on, and at most so many; None: all."""

    since: int
    limit: int | None


class HomeCommands:
    """What the home node's `lightning-rpc` answers: its own commands, then those of the plugin."""

    def __init__(
        self,
        node: SandboxNode,
        payments: Payments,
        plugin: PluginHost,
        datastore: Datastore | None = None,
        *,
        version: str = VERSION,
    ) -> None:
        """Serve `node`, which pays through `payments`, has `plugin`, and keeps things for it in `datastore`.

        It claims to be of `version`, and has what that has.
        """
        self._version = version
        kept = datastore or Datastore()
        gossip, invoices = GossipCommands(node), InvoiceCommands(node)
        self._node = node
        self._payments = payments
        self._plugin = plugin
        self._commands: Mapping[str, tuple[str, Command]] = {
            "createinvoice": ("invstring label preimage", invoices.createinvoice),
            "datastore": ("key [string] [hex] [mode] [generation]", kept.datastore),
            "delinvoice": ("label status", invoices.delinvoice),
            "getinfo": ("", self._getinfo),
            "help": ("[command]", self._help),
            "injectonionmessage": ("path_key message", gossip.injectonionmessage),
            "listchannels": ("[short_channel_id] [source] [destination]", gossip.listchannels),
            "listdatastore": ("[key]", kept.listdatastore),
            "listhtlcs": ("", self._listhtlcs),
            "listinvoices": ("[label] [invstring] [payment_hash] [offer_id]", invoices.listinvoices),
            "listnodes": ("[id]", gossip.listnodes),
            "listpeerchannels": ("[id]", self._listpeerchannels),
            "listpeers": ("[id]", self._listpeers),
            "listsendpays": ("[bolt11] [payment_hash] [status] [index] [start] [limit]", self._listsendpays),
            "makesecret": ("[hex] [string]", invoices.makesecret),
            "waitinvoice": ("label", invoices.waitinvoice),
            "xpay": ("invstring [maxfee] [retry_for] [maxdelay] [label]", self._xpay),
        }

    async def call(self, method: str, params: object, *, request_id: object) -> Any:
        """Answer one request. Raises `RpcError`, and `PluginError` when the plugin answers with an error."""
        command = self._commands.get(method)
        if command is not None:
            return await command[1](params)
        if method not in self._plugin.methods:
            raise RpcError(_UNKNOWN_COMMAND, f"Unknown command '{method}'")
        asked_by = request_id if isinstance(request_id, str) else None
        try:
            return await self._plugin.call(method, params, asked_by=asked_by)
        except PluginGone as error:
            raise RpcError(_PLUGIN_TERMINATED, "Plugin terminated before replying to RPC call.") from error

    async def _getinfo(self, params: object) -> JsonObject:
        bind(params, ())
        info = self._node.info()
        return {
            "id": info.node_id.hex(),
            "alias": info.alias,
            "color": info.color.hex(),
            "num_peers": info.num_peers,
            "num_pending_channels": 0,
            "num_active_channels": info.num_active_channels,
            "num_inactive_channels": 0,
            "address": [_address(info.address)],
            "binding": [_address(info.address)],
            "version": self._version,
            "blockheight": info.blockheight,
            "network": info.network,
            "fees_collected_msat": info.fees_collected,
            "lightning-dir": info.lightning_dir,
            "our_features": {
                "init": INIT_FEATURES.hex(),
                "node": NODE_FEATURES.hex(),
                "channel": "",
                "invoice": INVOICE_FEATURES.hex(),
            },
        }

    async def _help(self, params: object) -> JsonObject:
        wanted = read_text(bind(params, ("command",)), "command")
        usages = {name: usage for name, (usage, _) in self._commands.items()} | dict(self._plugin.methods)
        if wanted is not None and wanted not in usages:
            raise RpcError(_UNKNOWN_COMMAND, f"Unknown command '{wanted}'")
        shown = sorted(usages) if wanted is None else [wanted]
        return {"help": [{"command": f"{name} {usages[name]}".strip()} for name in shown]}

    async def _listpeers(self, params: object) -> JsonObject:
        peer = read_point(bind(params, ("id", "level")), "id")
        return {"peers": [_peer(info) for info in self._node.list_peers(peer)]}

    async def _listpeerchannels(self, params: object) -> JsonObject:
        peer = read_point(bind(params, ("id",)), "id")
        return {"channels": [_channel(info) for info in self._node.list_channels(peer)]}

    async def _listsendpays(self, params: object) -> JsonObject:
        bound = bind(params, ("bolt11", "payment_hash", "status", "index", "start", "limit"))
        bolt11, payment_hash = read_text(bound, "bolt11"), read_hash(bound, "payment_hash")
        status = _status(read_text(bound, "status"))
        found = self._payments.sendpays(self._node, payment_hash=payment_hash, **_page(bound))
        return {"payments": [row.as_json() for row in found if _matches(row, bolt11, status)]}

    async def _listhtlcs(self, params: object) -> JsonObject:
        bind(params, ())
        return {"htlcs": [_htlc(row) for row in self._payments.sendpays(self._node)]}

    async def _xpay(self, params: object) -> JsonObject:
        args = XpayArgs.read(params)
        if args.label is not None and not takes_labels(self._version):
            raise RpcError(INVALID_PARAMS, "unknown parameter: label")
        return await self._payments.xpay(self._node, args)


def _htlc(row: SendPay) -> JsonObject:
    state = "SENT_ADD_ACK_REVOCATION" if row.status is SendPayStatus.PENDING else "RCVD_REMOVE_ACK_REVOCATION"
    return {"direction": "out", "payment_hash": row.payment_hash.hex(), "state": state}


def _page(bound: Mapping[str, Any]) -> _Page:
    """Return which part of the list is wanted, by the order of creation: the only one that the sandbox has."""
    index, start = read_text(bound, "index"), read_number(bound, "start", 0)
    limit = read_number(bound, "limit", 0) if "limit" in bound else None
    if index not in (None, "created"):
        raise bad_parameter("index", "the sandbox lists by created alone", index or "")
    for name, is_given in (("start", start != 0), ("limit", limit is not None)):
        if is_given and index is None:
            raise RpcError(INVALID_PARAMS, f"Can only specify {{{name}}} with {{index}}")
    return {"since": start, "limit": limit}


def _matches(row: SendPay, bolt11: str | None, status: SendPayStatus | None) -> bool:
    return bolt11 in (None, row.bolt12) and status in (None, row.status)


def _status(text: str | None) -> SendPayStatus | None:
    if text is None:
        return None
    try:
        return SendPayStatus(text)
    except ValueError as error:
        raise bad_parameter("status", "Unrecognized status", text) from error


def _address(address: Address) -> JsonObject:
    return {"type": "ipv4", "address": address.host, "port": address.port}


def _peer(info: PeerInfo) -> JsonObject:
    return {
        "id": info.node_id.hex(),
        "connected": info.connected,
        "num_channels": info.num_channels,
        "netaddr": list(info.netaddr),
        "features": info.features.hex(),
    }


def _channel(info: ChannelInfo) -> JsonObject:
    return {
        "peer_id": info.peer_id.hex(),
        "peer_connected": info.peer_connected,
        "updates": {"local": _update(info.local), "remote": _update(info.remote)},
        "state": "CHANNELD_NORMAL",
        "short_channel_id": info.short_channel_id,
        "private": info.private,
        "to_us_msat": info.ours,
        "total_msat": info.total,
        "spendable_msat": info.spendable,
        "receivable_msat": info.receivable,
    }


def _update(update: ChannelUpdate) -> JsonObject:
    return {
        "htlc_minimum_msat": update.htlc_minimum,
        "htlc_maximum_msat": update.htlc_maximum,
        "cltv_expiry_delta": update.cltv_expiry_delta,
        "fee_base_msat": update.fee_base,
        "fee_proportional_millionths": update.fee_proportional_millionths,
    }
