"""What a macaroon of LND allows, read from its own bytes: only its signature is a matter between LND and itself. Pure.

Format: macaroon version 2 (fields of type, length, data), its identifier version 3 of LND's library: a protobuf whose
third field repeats the operations, each an entity and its actions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bled.codes import Code
from bled.errors import ConfigurationError

NEEDED: Final = {
    "/lnrpc.Lightning/GetInfo": "who the node is, its version and chain",
    "/lnrpc.Lightning/AddInvoice": "the invoice's hash and the paths for its money",
    "/lnrpc.Lightning/DecodePayReq": "to read those paths",
    "/lnrpc.Lightning/LookupInvoice": "whether it was paid",
    "/invoicesrpc.Invoices/SubscribeSingleInvoice": "to hear of the payment at once",
    "/invoicesrpc.Invoices/CancelInvoice": "to close a sale so that it can no longer be paid",
    "/lnrpc.Lightning/SendOnionMessage": "to send the invoice to the buyer's home",
    "/lnrpc.Lightning/GetNodeInfo": "where to find the node at which a buyer's path begins",
    "/lnrpc.Lightning/ConnectPeer": "to connect to it",
    "/lnrpc.Lightning/ListPeers": "to see to whom messages can go; the self-test",
    "/lnrpc.Lightning/SubscribeOnionMessages": "to see the self-test's message come back",
}
"""Every call that bled makes to LND, and what for. A macaroon for these alone cannot spend."""

SPENDING: Final = frozenset({"offchain", "onchain", "macaroon", "signer"})
"""Entities that, written to, move money or make new macaroons."""

_READS: Final = (
    "Channel", "Check", "Decode", "Describe", "Estimate", "Export", "Fee", "Forwarding", "Get", "List", "Lookup",
    "Pending", "Query", "Subscribe", "Verify", "Wallet",
)  # fmt: skip
"""What the names of calls begin with that only tell. A call that is not known counts as one that can spend."""
_INVOICES: Final = "/invoicesrpc.Invoices/"
_URI: Final = "uri"
_VERSION: Final = 2
_IDENTIFIER_VERSION: Final = 3
_END, _LOCATION, _IDENTIFIER, _SIGNATURE = 0, 1, 2, 6
_LARGEST: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Powers:
    """What a macaroon allows: pairs of entity and action, as `lncli printmacaroon` shows them; its caveats' number."""

    operations: frozenset[tuple[str, str]]
    caveats: int

    @property
    def missing(self) -> tuple[str, ...]:
        """The calls that bled needs and that nothing here names. Wide permissions (`offchain`) count as all calls."""
        wide = any(entity != _URI for entity, _ in self.operations)
        return () if wide else tuple(uri for uri in NEEDED if (_URI, uri) not in self.operations)

    @property
    def excess(self) -> tuple[str, ...]:
        """What it allows beyond the calls that bled makes, sorted."""
        spare = (pair for pair in self.operations if pair[0] != _URI or pair[1] not in NEEDED)
        return tuple(sorted(f"{entity}:{action}" for entity, action in spare))

    @property
    def can_spend(self) -> bool:
        """Whether whoever holds it can move money, or make a macaroon that can."""
        uris = (action for entity, action in self.operations if entity == _URI and action not in NEEDED)
        wide = any(entity in SPENDING and action in ("write", "generate") for entity, action in self.operations)
        return wide or not all(uri.startswith(_INVOICES) or uri.rpartition("/")[2].startswith(_READS) for uri in uris)


def read_powers(macaroon: bytes) -> Powers:
    """Return what a binary macaroon allows. Raises `ConfigurationError` (`CONFIG_BAD`) for what is none."""
    try:
        return _read(macaroon)
    except ValueError as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail="the macaroon is none of LND's (binary, version 2)") from error


def _read(data: bytes) -> Powers:
    if len(data) > _LARGEST or data[:1] != bytes([_VERSION]):
        raise ValueError("not version 2")
    rest = data[1:]
    fields, rest = _section(rest)
    caveats = 0
    while rest[:1] != bytes([_END]):
        _, rest = _section(rest)
        caveats += 1
    kind, signature, rest = _field(rest[1:])
    if kind != _SIGNATURE or len(signature) != 32 or rest:
        raise ValueError("no signature at the end")
    return Powers(operations=frozenset(_operations(fields[_IDENTIFIER])), caveats=caveats)


def _section(data: bytes) -> tuple[dict[int, bytes], bytes]:
    """Read fields up to the end mark; return them by type, and the rest."""
    fields: dict[int, bytes] = {}
    while True:
        if not data:
            raise ValueError("cut off")
        if data[0] == _END:
            break
        kind, value, data = _field(data)
        fields[kind] = value
    if _IDENTIFIER not in fields:
        raise ValueError("no identifier")
    return fields, data[1:]


def _field(data: bytes) -> tuple[int, bytes, bytes]:
    kind, data = _varint(data)
    length, data = _varint(data)
    if length > len(data):
        raise ValueError("cut off")
    return kind, data[:length], data[length:]


def _varint(data: bytes) -> tuple[int, bytes]:
    value = 0
    for index, byte in enumerate(data[:9]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, data[index + 1 :]
    raise ValueError("no number")


def _operations(identifier: bytes) -> Iterator[tuple[str, str]]:
    if identifier[:1] != bytes([_IDENTIFIER_VERSION]):
        raise ValueError("another identifier")
    for number, value in _messages(identifier[1:]):
        if number == 3:
            parts = list(_messages(value))
            entity = next((part.decode() for field, part in parts if field == 1), "")
            yield from ((entity, part.decode()) for field, part in parts if field == 2)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the fields of a protobuf that has nothing but byte strings."""
    while data:
        key, data = _varint(data)
        if key & 7 != 2:
            raise ValueError("not a byte string")
        length, data = _varint(data)
        if length > len(data):
            raise ValueError("cut off")
        yield key >> 3, data[:length]
        data = data[length:]
