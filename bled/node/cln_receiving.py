"""Money that comes back to a Core Lightning node: `createinvoice`, `listinvoices`, `delinvoice`, `waitinvoice`.

`createinvoice` signs whatever names a payment hash and has a path, whomever it names as its maker, and the node takes
the payment. So an invoice that a key of home's has signed is paid to a node that does not stand in it.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from bled.codes import Code
from bled.errors import Unavailable
from bled.node.base import InvoiceState, InvoiceStatus
from bled.node.cln_errors import RpcFailure
from bled.node.cln_private import INVOICE_SECRET, Inbound
from bled.node.lightning_rpc import LightningRpc
from bled_codec.crypto import parse_point, sha256
from bled_codec.errors import CodecError
from bled_codec.invoice import UnsignedInvoice
from bled_codec.units import MAX_MSAT, Msat, Point, UnixTime

_SECONDS: Final = 20.0
_SECRET_BYTES: Final = 32
_LABEL_EXISTS: Final = 900
_OPEN: Final = frozenset({"CHANNELD_NORMAL", "CHANNELD_AWAITING_SPLICE"})
_STATUS: Final = {status.value: status for status in InvoiceStatus}
_LARGEST: Final = 2**32 - 1


class ClnReceivingNode:
    """Core Lightning as `ReceivingNode`."""

    def __init__(self, rpc: LightningRpc) -> None:
        """Take the way to lightningd."""
        self._rpc = rpc

    async def node_id(self) -> Point:
        """Read `getinfo`."""
        return _point("getinfo", await self._ask("getinfo"), "id")

    async def height(self) -> int:
        """Read `getinfo`."""
        return _number("getinfo", await self._ask("getinfo"), "blockheight")

    async def invoice_secret(self) -> bytes:
        """Call `makesecret`."""
        answer = await self._ask("makesecret", string=INVOICE_SECRET)
        return _bytes("makesecret", answer, "secret", _SECRET_BYTES)

    async def inbound(self) -> Sequence[Inbound]:
        """Read `listpeerchannels`."""
        rows = _rows("listpeerchannels", await self._ask("listpeerchannels"), "channels")
        usable = [row for row in rows if row.get("peer_connected") is True and row.get("state") in _OPEN]
        return [_inbound(row, remote) for row in usable if (remote := _remote(row)) is not None]

    async def keep_invoice(self, draft: UnsignedInvoice, *, label: str, preimage: bytes) -> None:
        """Call `createinvoice`.

        lightningd dies of a draft without payment hash, and of a second label for one hash: neither can be asked here.
        """
        if draft.invoice_payment_hash != sha256(preimage) or not draft.invoice_paths:
            raise Unavailable(Code.INTERNAL, detail="the invoice of a refund is not complete")
        try:
            await self._ask("createinvoice", invstring=draft.string, label=label, preimage=preimage.hex())
        except RpcFailure as failure:
            if failure.rpc_code != _LABEL_EXISTS:
                raise

    async def look(self, label: str) -> InvoiceState | None:
        """Read `listinvoices`."""
        rows = _rows("listinvoices", await self._ask("listinvoices", label=label), "invoices")
        row = next((row for row in rows if row.get("label") == label), None)
        return None if row is None else _state(row, label)

    async def forget_unpaid(self, label: str) -> None:
        """Call `delinvoice`, which deletes nothing that has another status."""
        with suppress(RpcFailure):
            await self._ask("delinvoice", label=label, status=InvoiceStatus.UNPAID.value)

    async def wait(self, label: str, *, seconds: float) -> None:
        """Call `waitinvoice`, whose errors say no more than a look does."""
        with suppress(Unavailable):
            await self._rpc.call("waitinvoice", {"label": label}, seconds=seconds)

    async def inject(self, path_key: Point, onion: bytes) -> None:
        """Call `injectonionmessage`."""
        await self._ask("injectonionmessage", path_key=path_key.hex(), message=onion.hex())

    async def _ask(self, method: str, **params: object) -> dict[str, Any]:
        return await self._rpc.call(method, params, seconds=_SECONDS)


def _remote(row: dict[str, Any]) -> dict[str, Any] | None:
    """Return the peer's own terms for a channel, None before it has told them."""
    updates = row.get("updates")
    remote = updates.get("remote") if isinstance(updates, dict) else None
    return remote if isinstance(remote, dict) else None


def _inbound(row: dict[str, Any], remote: dict[str, Any]) -> Inbound:
    method = "listpeerchannels"
    most = min(_msat(method, remote, "htlc_maximum_msat"), _msat(method, row, "receivable_msat"))
    return Inbound(
        peer=_point(method, row, "peer_id"),
        fee_base_msat=_number(method, remote, "fee_base_msat"),
        fee_proportional_millionths=_number(method, remote, "fee_proportional_millionths"),
        cltv_expiry_delta=_number(method, remote, "cltv_expiry_delta"),
        htlc_minimum=_msat(method, remote, "htlc_minimum_msat"),
        htlc_maximum=Msat(most),
    )


def _state(row: dict[str, Any], label: str) -> InvoiceState:
    method = "listinvoices"
    status = _STATUS.get(str(row.get("status")))
    if status is None:
        raise Unavailable(Code.NODE_PROTOCOL, detail="listinvoices: an unknown status")
    payment_hash = _bytes(method, row, "payment_hash", _SECRET_BYTES)
    if status is not InvoiceStatus.PAID:
        return InvoiceState(label=label, status=status, payment_hash=payment_hash, text=None)
    return InvoiceState(
        label=label,
        status=status,
        payment_hash=payment_hash,
        text=None,
        amount_received=_msat(method, row, "amount_received_msat"),
        paid_at=UnixTime(_number(method, row, "paid_at")),
    )


def _rows(method: str, answer: dict[str, Any], name: str) -> list[dict[str, Any]]:
    rows = answer.get(name)
    if not isinstance(rows, list):
        raise _nonsense(method, name)
    return [row for row in rows if isinstance(row, dict)]


def _number(method: str, row: dict[str, Any], name: str, *, most: int = _LARGEST) -> int:
    value = row.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise _nonsense(method, name)
    return value


def _msat(method: str, row: dict[str, Any], name: str) -> Msat:
    return Msat(_number(method, row, name, most=MAX_MSAT))


def _point(method: str, row: dict[str, Any], name: str) -> Point:
    try:
        return parse_point(bytes.fromhex(str(row.get(name))))
    except (ValueError, CodecError):
        raise _nonsense(method, name) from None


def _bytes(method: str, row: dict[str, Any], name: str, length: int) -> bytes:
    try:
        value = bytes.fromhex(str(row.get(name)))
    except ValueError:
        value = b""
    if len(value) != length:
        raise _nonsense(method, name)
    return value


def _nonsense(method: str, name: str) -> Unavailable:
    return Unavailable(Code.NODE_PROTOCOL, detail=f"{method}: no {name} that can be")
