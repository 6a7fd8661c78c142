"""Macaroons as LND bakes and checks them: version 2, identifier 3 of its library, no caveats."""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bled.node.lnd_macaroon import NEEDED, read_powers
from bled_codec.crypto import hmac_sha256

ADMIN: Final = "admin.macaroon"
TILL: Final = "bled.macaroon"
_ROOT_KEY: Final = "macaroons.secret"
_KEY_GENERATOR: Final = b"macaroons-key-generator".ljust(32, b"\0")
_LOCATION: Final = b"lnd"

_EVERYTHING: Final = {
    **dict.fromkeys(("address", "info", "invoices", "message", "offchain", "onchain", "peers"), ("read", "write")),
    "macaroon": ("generate", "read", "write"),
    "signer": ("generate", "read"),
}

PERMISSIONS: Final = {
    "/lnrpc.Lightning/GetInfo": ("info", "read"),
    "/lnrpc.Lightning/GetNodeInfo": ("info", "read"),
    "/lnrpc.Lightning/ListPeers": ("peers", "read"),
    "/lnrpc.Lightning/ConnectPeer": ("peers", "write"),
    "/lnrpc.Lightning/AddInvoice": ("invoices", "write"),
    "/lnrpc.Lightning/LookupInvoice": ("invoices", "read"),
    "/lnrpc.Lightning/DecodePayReq": ("offchain", "read"),
    "/lnrpc.Lightning/SendOnionMessage": ("offchain", "write"),
    "/lnrpc.Lightning/SubscribeOnionMessages": ("offchain", "read"),
    "/invoicesrpc.Invoices/SubscribeSingleInvoice": ("invoices", "read"),
    "/invoicesrpc.Invoices/CancelInvoice": ("invoices", "write"),
}
"""What LND asks for each call, unless the macaroon names the call itself."""


class Macaroons:
    """The macaroons of one node, all of one root key."""

    def __init__(self, folder: Path) -> None:
        """Read the root key in `folder`, or make it together with the owner's macaroon and one for a till."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / _ROOT_KEY
        if not path.exists():
            _write(path, secrets.token_bytes(32))
        self._root = path.read_bytes()
        for name, powers in ((ADMIN, _EVERYTHING), (TILL, {"uri": tuple(NEEDED)})):
            if not (folder / name).exists():
                _write(folder / name, self.bake(powers))

    def bake(self, powers: Mapping[str, Sequence[str]]) -> bytes:
        """Return a macaroon for some entities and the actions on each."""
        operations = b"".join(
            _bytes_field(3, _bytes_field(1, entity.encode()) + b"".join(_bytes_field(2, a.encode()) for a in actions))
            for entity, actions in powers.items()
        )
        identifier = b"\x03" + _bytes_field(1, secrets.token_bytes(16)) + _bytes_field(2, b"0") + operations
        head = b"\x02" + _packet(1, _LOCATION) + _packet(2, identifier) + b"\0\0"
        return head + _packet(6, self._signature(identifier))

    def _signature(self, identifier: bytes) -> bytes:
        return hmac_sha256(hmac_sha256(_KEY_GENERATOR, self._root), identifier)

    def refusal(self, method: str, shown: str | None) -> str | None:
        """Return LND's words for a macaroon, in hexadecimal, that does not allow `method`; None when it does."""
        if shown is None:
            return "expected 1 macaroon, got 0"
        try:
            macaroon = bytes.fromhex(shown)
        except ValueError:
            return "encoding/hex: invalid byte"
        if not self._is_ours(macaroon):
            return "verification failed: signature mismatch after caveat verification"
        operations = read_powers(macaroon).operations
        return None if {PERMISSIONS[method], ("uri", method)} & operations else "permission denied"

    def _is_ours(self, macaroon: bytes) -> bool:
        """Say whether the root key signed it; caveats, which the sandbox bakes none of, would be in the way."""
        start = 1 + len(_packet(1, _LOCATION))
        head, signature = macaroon[:-32], macaroon[-32:]
        body = head[start:-4]  # behind it the two end marks, type and length of the signature
        length, prefix = _read_length(body[1:])
        identifier = body[1 + prefix :]
        return len(identifier) == length and hmac.compare_digest(signature, self._signature(identifier))


def _read_length(data: bytes) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(data[:4]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, index + 1
    return -1, 0


def _packet(kind: int, data: bytes) -> bytes:
    return bytes([kind]) + _varint(len(data)) + data


def _bytes_field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _write(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)
