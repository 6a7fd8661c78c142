"""The till's node by its address: which kind it is, and a connection to it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bled.codes import Code
from bled.errors import ConfigurationError
from bled.node.base import MerchantNode
from bled.node.cln_grpc import ClnMerchantNode
from bled.node.lnd_grpc import LndMerchantNode
from bled.node.tls_probe import split_target


class NodeKind(StrEnum):
    """Kinds of nodes, as an address begins."""

    CLN = "cln"
    LND = "lnd"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAddress:
    """Where a node is and of which kind; `target` is host:port."""

    kind: NodeKind
    target: str


def parse_address(text: str) -> NodeAddress:
    """Return what `cln://HOST:PORT`, `lnd://HOST:PORT` or plain `HOST:PORT` (Core Lightning) says.

    Raises `ConfigurationError` (`CONFIG_BAD`).
    """
    scheme, separator, target = text.rpartition("://")
    if separator and scheme not in set(NodeKind):
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"a node is cln://HOST:PORT or lnd://HOST:PORT, not {text!r}")
    split_target(target)
    return NodeAddress(kind=NodeKind(scheme or NodeKind.CLN), target=target)


async def open_node(address: str, credentials: Path, *, state: Path) -> MerchantNode:
    """Return the node at `address`, having asked it who it is. The caller closes it.

    `credentials` is the folder that its kind needs; `state` is where the till keeps what it signs itself. Raises
    `ConfigurationError` and `Unavailable` as the kinds' own `connect`.
    """
    where = parse_address(address)
    if where.kind is NodeKind.LND:
        return await LndMerchantNode.connect(where.target, credentials, state=state)
    return await ClnMerchantNode.connect(where.target, credentials)
