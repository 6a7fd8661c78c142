"""The till's node by its address: which kind it is, and a connection to it."""

import logging
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bled.codes import Code
from bled.errors import BledError, ConfigurationError
from bled.node.base import MerchantNode
from bled.node.cln_grpc import ClnMerchantNode
from bled.node.issuer_key import ISSUER_KEY_FILE, load_or_make_issuer_key
from bled.node.lnd_credentials import load_lnd_credentials
from bled.node.lnd_grpc import LndMerchantNode
from bled.node.tls_probe import split_target
from bled_codec.crypto import SecretKey

_log = logging.getLogger(__name__)


class NodeKind(StrEnum):
    """Kinds of nodes, as an address begins."""

    CLN = "cln"
    LND = "lnd"


def node_kind(name: str) -> NodeKind:
    """Return a kind by its name. Raises `BledError` (`USAGE`)."""
    try:
        return NodeKind(name)
    except ValueError:
        raise BledError(Code.USAGE, detail=f"a node is cln or lnd, not {name!r}") from None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFiles:
    """Where a till keeps what its node needs.

    Attributes:
        folder: with the node's credentials; None when each of LND's two files is named.
        lnd_tls_cert: LND's tls.cert, None when it lies in `folder`.
        lnd_macaroon: the till's macaroon, None when it lies in `folder`.
        state: where the till keeps what it signs itself, for a node that knows no BOLT 12.
    """

    folder: Path | None
    lnd_tls_cert: Path | None = None
    lnd_macaroon: Path | None = None
    state: Path

    @property
    def are_given(self) -> bool:
        """Whether there is anything to show to a node."""
        return self.folder is not None or None not in (self.lnd_tls_cert, self.lnd_macaroon)


async def open_node(
    address: str,
    files: NodeFiles,
    *,
    cln: type[ClnMerchantNode] = ClnMerchantNode,
    lnd: type[LndMerchantNode] = LndMerchantNode,
) -> MerchantNode:
    """Return the node at `address`, of the class for its kind, having asked it who it is. The caller closes it.

    Raises `ConfigurationError` and `Unavailable` as the kinds' own `connect`.
    """
    where = parse_address(address)
    node: MerchantNode
    if where.kind is NodeKind.LND:
        proof = load_lnd_credentials(files.folder, certificate=files.lnd_tls_cert, macaroon=files.lnd_macaroon)
        node = await lnd.connect(where.target, proof, key=_issuer_key(files), state=files.state)
    elif files.folder is not None:
        node = await cln.connect(where.target, files.folder)
    else:
        raise ConfigurationError(Code.CONFIG_BAD, detail="Core Lightning needs --credentials DIR")
    _log.info("node %s://%s, flows: %s", where.kind, where.target, ", ".join(way.value for way in node.ways))
    return node


def _issuer_key(files: NodeFiles) -> SecretKey:
    """Return the key that signs offers for LND: the one among the credentials, else the till's own."""
    given = None if files.folder is None else files.folder / ISSUER_KEY_FILE
    return load_or_make_issuer_key(given if given is not None and given.exists() else files.state / ISSUER_KEY_FILE)
