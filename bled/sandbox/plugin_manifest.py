"""What a plugin says about itself (`getmanifest`) and what lightningd tells it (`init`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bled.node.json_stream import JsonObject
from bled.sandbox.node_data import INIT_FEATURES, INVOICE_FEATURES, NETWORK, NODE_FEATURES

RPC_FILE: Final = "lightning-rpc"

_CHANNEL_TYPE_FEATURES: Final = "08800000800000"
_BOLT12_INVOICE_FEATURES: Final = "020000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The parts of a manifest that count here.

    Attributes:
        options: default of each option that has one.
        methods: RPC methods by name, with their usage text.
        hooks: names of the hooks that the plugin wants to be asked at.
        wants_shutdown: whether it wants to be told before it has to end.
    """

    options: Mapping[str, object]
    methods: Mapping[str, str]
    hooks: frozenset[str]
    wants_shutdown: bool

    @classmethod
    def read(cls, result: object) -> "Manifest":
        """Read an answer to `getmanifest`. Raises `ValueError` for options or methods without a name."""
        manifest = result if isinstance(result, dict) else {}
        options = _named(manifest, "options")
        methods = _named(manifest, "rpcmethods")
        hooks = [hook if isinstance(hook, dict) else {"name": hook} for hook in manifest.get("hooks") or []]
        return cls(
            options={name: option["default"] for name, option in options.items() if option.get("default") is not None},
            methods={name: str(method.get("usage", "")) for name, method in methods.items()},
            hooks=frozenset(str(hook.get("name")) for hook in hooks),
            wants_shutdown="shutdown" in (manifest.get("subscriptions") or []),
        )


def _named(manifest: JsonObject, member: str) -> dict[str, dict[str, Any]]:
    entries = manifest.get(member) or []
    if not all(isinstance(entry, dict) and isinstance(entry.get("name"), str) for entry in entries):
        raise ValueError(f"the manifest's {member} have no names")
    return {entry["name"]: entry for entry in entries}


def init_params(manifest: Manifest, *, options: Mapping[str, object], lightning_dir: Path, startup: bool) -> JsonObject:
    """Return the parameters of `init`: `options` over the manifest's defaults; `startup`: the node is starting too."""
    return {
        "options": dict(manifest.options) | dict(options),
        "configuration": {
            "lightning-dir": str(lightning_dir),
            "rpc-file": RPC_FILE,
            "startup": startup,
            "network": NETWORK,
            "feature_set": {
                "init": INIT_FEATURES.hex(),
                "node": NODE_FEATURES.hex(),
                "channel": "",
                "invoice": INVOICE_FEATURES.hex(),
                "bolt12_offer": "",
                "bolt12_invreq": "",
                "bolt12_invoice": _BOLT12_INVOICE_FEATURES,
                "channel_type": _CHANNEL_TYPE_FEATURES,
            },
        },
    }
