"""A buyer's home node that is Core Lightning: `xpay` pays, `listsendpays` knows what became of it, `datastore` keeps a
number.

From v26.06 on `xpay` takes a label, the payer id, and keeps it with every part. Before, a part has only its hash.
"""

import json
from collections.abc import Container, Iterable, Sequence
from typing import Any, Final

from bled.codes import Code
from bled.errors import BledError, Unavailable
from bled.node.cln_errors import RpcFailure
from bled.node.cln_gossip import read_peers, with_announcement, with_channels
from bled.node.home_base import Failed, Paid, Parts, PartsStatus, PathPeer, PayAnswer, SentPage, SentPart, Unknown
from bled.node.lightning_rpc import LightningRpc
from bled_codec.crypto import parse_point, sha256
from bled_codec.errors import CodecError
from bled_codec.invoice import Invoice
from bled_codec.units import MAX_MSAT, Msat, Point, UnixTime

MAX_DELAY_BLOCKS: Final = 504
"""Longest time, in blocks, that a payment may be stuck: three and a half days; two default hops need 178."""

# Only these say that the attempts are over: errors of paying itself, and calls that were refused before they began.
# Not among them: xpay died (-4), the node is shutting down (-5), another call for the same hash is at work (-3, 200).
_PAYING_ENDED: Final = range(201, 220)
_CALL_REFUSED: Final = range(-32_768, -31_999)
_LOOKUP_SECONDS: Final = 20.0
_PAGE: Final = 500
_HTLC_REMOVED: Final = "RCVD_REMOVE_ACK_REVOCATION"
"""The last state of an HTLC that the node offered: neither side's commitment has it any more."""
_OVERTAKEN: Final = frozenset({1202, 1203, 1204})
"""What `datastore` says when somebody else was faster: the key exists, is gone, or was replaced since it was read."""
_LARGEST_NUMBER: Final = 2**63 - 1
"""What the ledger's columns take; the node's own are no larger."""
_MOST_DIGITS: Final = 19
_MOST_KEPT: Final = 2**62
"""Home counts by ones: a larger number in the datastore is not home's."""
_NO_NUMBER: Final = -1


class ClnHomeNode:
    """Core Lightning as `HomeNode`."""

    def __init__(self, rpc: LightningRpc, *, has_labels: bool = True, counts_unlabelled: bool = False) -> None:
        """Take the way to lightningd.

        `has_labels`: its `xpay` takes one. `counts_unlabelled`: parts without one may be home's own, from before.
        """
        self._rpc = rpc
        self._has_labels = has_labels
        self._counts_unlabelled = counts_unlabelled or not has_labels
        self._written: dict[str, tuple[int, int | None]] = {}

    async def node_id(self) -> Point:
        """Return the node's id."""
        answer = await self._rpc.call("getinfo", seconds=_LOOKUP_SECONDS)
        return _point("getinfo", answer.get("id"))

    async def pay(self, invoice: Invoice, *, max_fee: Msat, retry_for: int, label: str) -> PayAnswer:
        """Call `xpay`. A held part makes it wait far beyond `retry_for`, so there is no deadline here."""
        params = {
            "invstring": invoice.string,
            "maxfee": max_fee,
            "retry_for": retry_for,
            "maxdelay": MAX_DELAY_BLOCKS,
            **({"label": label} if self._has_labels else {}),
        }
        try:
            answer = await self._rpc.call("xpay", params)
            return _paid(answer, invoice.invoice_payment_hash)
        except RpcFailure as failure:
            ended = failure.rpc_code in _PAYING_ENDED or failure.rpc_code in _CALL_REFUSED
            return Failed(reason=failure.detail) if ended else Unknown(reason=failure.detail)
        except BledError as error:
            never_sent = error.code is Code.NODE_UNREACHABLE
            return Failed(reason=str(error)) if never_sent else Unknown(reason=str(error))

    async def lookup(self, payment_hash: bytes, *, label: str) -> Parts:
        """Read `listsendpays`, which has the payments of every wallet of the node."""
        params = {"payment_hash": payment_hash.hex()}
        answer = await self._rpc.call("listsendpays", params, seconds=_LOOKUP_SECONDS)
        rows = answer.get("payments")
        if not isinstance(rows, list):
            raise Unavailable(Code.NODE_PROTOCOL, detail="listsendpays: no list of payments")
        return _parts(rows, payment_hash, {label, None} if self._counts_unlabelled else {label}, label)

    async def has_htlc(self, payment_hash: bytes) -> bool:
        """Read `listhtlcs`, which has those of every channel, closed ones too."""
        answer = await self._rpc.call("listhtlcs", seconds=_LOOKUP_SECONDS)
        rows = answer.get("htlcs")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Unavailable(Code.NODE_PROTOCOL, detail="listhtlcs: no list of HTLCs")
        ours = [row for row in rows if row.get("payment_hash") == payment_hash.hex() and row.get("direction") != "in"]
        return any(row.get("state") != _HTLC_REMOVED for row in ours)

    async def sent_since(self, number: int) -> SentPage:
        """Read a page of `listsendpays` by the order of creation. One that is not full is the last."""
        params = {"index": "created", "start": number, "limit": _PAGE}
        answer = await self._rpc.call("listsendpays", params, seconds=_LOOKUP_SECONDS)
        rows = answer.get("payments")
        if not isinstance(rows, list):
            raise Unavailable(Code.NODE_PROTOCOL, detail="listsendpays: no list of payments")
        parts = [_sent_part(row) for row in rows if isinstance(row, dict)]
        wanted = sorted((part for part in parts if part.number >= number), key=lambda part: part.number)
        return SentPage(parts=wanted, is_last=len(rows) < _PAGE or not wanted)

    async def kept_number(self, name: str) -> int:
        """Read the datastore."""
        number, _ = await self._kept(name)
        return number

    async def _kept(self, name: str) -> tuple[int, int | None]:
        """Return the kept number, and how often it was replaced: None when there is none."""
        answer = await self._rpc.call("listdatastore", {"key": _key(name)}, seconds=_LOOKUP_SECONDS)
        rows = answer.get("datastore")
        if not isinstance(rows, list):
            raise Unavailable(Code.NODE_PROTOCOL, detail="listdatastore: no list of entries")
        for row in rows:
            if isinstance(row, dict) and row.get("key") == _key(name):
                kept = _number("listdatastore", _digits(row.get("string")))
                if kept > _MOST_KEPT:
                    raise Unavailable(Code.NODE_PROTOCOL, detail=_not_ours(_key(name), kept))
                return kept, _number("listdatastore", row.get("generation"))
        return 0, None

    async def keep_number(self, name: str, number: int) -> int:
        """Write the datastore, unless it holds a larger number: other workers of this home write it too.

        It commits before it answers. Returns what it holds.
        """
        while True:
            # What this process wrote last is replaced without a look: the node refuses when it is not that any more.
            kept, generation = self._written.pop(name) if name in self._written else await self._kept(name)
            if kept >= number:
                return kept
            how = {"mode": "must-create"} if generation is None else {"mode": "must-replace", "generation": generation}
            try:
                params = {"key": _key(name), "string": str(number), **how}
                answer = await self._rpc.call("datastore", params, seconds=_LOOKUP_SECONDS)
            except RpcFailure as failure:
                if failure.rpc_code not in _OVERTAKEN:
                    raise
            else:
                replaced = answer.get("generation")
                if isinstance(replaced, int):
                    self._written[name] = (number, replaced)
                return number

    async def path_peers(self) -> Sequence[PathPeer]:
        """Read `listpeerchannels`, and of each peer `listnodes` and `listchannels`."""
        answer = await self._rpc.call("listpeerchannels", seconds=_LOOKUP_SECONDS)
        peers = []
        for peer in read_peers(answer):
            name = peer.node_id.hex()
            announced = with_announcement(
                peer, await self._rpc.call("listnodes", {"id": name}, seconds=_LOOKUP_SECONDS)
            )
            channels = await self._rpc.call("listchannels", {"source": name}, seconds=_LOOKUP_SECONDS)
            peers.append(with_channels(announced, channels))
        return tuple(peers)

    async def inject(self, path_key: Point, onion: bytes) -> None:
        """Call `injectonionmessage`."""
        params = {"path_key": path_key.hex(), "message": onion.hex()}
        await self._rpc.call("injectonionmessage", params, seconds=_LOOKUP_SECONDS)


def _paid(answer: dict[str, Any], payment_hash: bytes) -> PayAnswer:
    preimage = _preimage(answer.get("payment_preimage"), payment_hash)
    if preimage is None:
        return Unknown(reason="xpay answered without the preimage of the payment hash")
    return Paid(preimage=preimage, amount_sent=_msat("xpay", answer.get("amount_sent_msat")))


def _parts(rows: Iterable[object], payment_hash: bytes, ours: Container[object], label: str) -> Parts:
    """Count the parts whose label is among `ours`; any that has not the very `label` shows that the hash is used."""
    status, sent, preimage, hash_is_used = PartsStatus.NOTHING, 0, None, False
    under_way, failed = set[int](), set[int]()
    for row in rows:
        if not isinstance(row, dict) or row.get("payment_hash") != payment_hash.hex():
            raise Unavailable(Code.NODE_PROTOCOL, detail="listsendpays: a row for something else")
        hash_is_used = hash_is_used or row.get("label") != label
        if row.get("label") not in ours:
            continue
        if row.get("status") == "failed":
            failed.add(_part_number(row))
            continue
        sent += _msat("listsendpays", row.get("amount_sent_msat"))
        if row.get("status") == "complete":
            status = PartsStatus.COMPLETE
            preimage = preimage or _preimage(row.get("payment_preimage"), payment_hash)
        else:  # pending, and every word not known here
            under_way.add(_part_number(row))
            status = PartsStatus.PENDING if status is PartsStatus.NOTHING else status
    return Parts(
        status=status,
        amount_sent=_msat("listsendpays", sent),
        preimage=preimage,
        hash_is_used=hash_is_used,
        under_way=frozenset(under_way),
        failed=frozenset(failed - {_NO_NUMBER}),
    )


def _part_number(row: dict[str, Any]) -> int:
    """Return the node's number of a part; one without is under way for ever, for nobody can say that it has failed."""
    number = row.get("created_index")
    return number if isinstance(number, int) else _NO_NUMBER


def _sent_part(row: dict[str, Any]) -> SentPart:
    label, invoice = row.get("label"), row.get("bolt12")
    return SentPart(
        number=_number("listsendpays", row.get("created_index")),
        payment_hash=_hash(row.get("payment_hash")),
        created_at=UnixTime(_number("listsendpays", row.get("created_at"))),
        amount_sent=_msat("listsendpays", row.get("amount_sent_msat")),
        label=label if isinstance(label, str) else None,
        invoice=invoice if isinstance(invoice, str) else None,
        has_failed=row.get("status") == "failed",
    )


def _hash(value: object) -> bytes | None:
    try:
        found = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        return None
    return found if len(found) == 32 else None


def _preimage(value: object, payment_hash: bytes) -> bytes | None:
    if not isinstance(value, str):
        return None
    try:
        preimage = bytes.fromhex(value)
    except ValueError:
        return None
    return preimage if sha256(preimage) == payment_hash else None


def _key(name: str) -> list[str]:
    return ["bled-home", name, "generation"]


def _not_ours(key: list[str], kept: int) -> str:
    return (
        f"the datastore's {'/'.join(key)} holds {kept}, which home never wrote; if nobody can say who did, revoke all "
        f"books once it is gone: lightning-cli deldatastore '{json.dumps(key)}'"
    )


def _number(method: str, value: object) -> int:
    if not isinstance(value, int) or not 0 <= value <= _LARGEST_NUMBER:
        raise Unavailable(Code.NODE_PROTOCOL, detail=f"{method}: no number or time where one belongs")
    return value


def _digits(value: object) -> object:
    """Return the number that a text spells; anything else as it is."""
    is_number = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS
    return int(str(value)) if is_number else value


def _msat(method: str, value: object) -> Msat:
    """Read an amount, a number or text such as `15000msat`."""
    digits = _digits(value.removesuffix("msat") if isinstance(value, str) else value)
    if not isinstance(digits, int) or isinstance(digits, bool) or not 0 <= digits <= MAX_MSAT:
        raise Unavailable(Code.NODE_PROTOCOL, detail=f"{method}: no amount where one belongs")
    return Msat(digits)


def _point(method: str, value: object) -> Point:
    try:
        return parse_point(bytes.fromhex(value if isinstance(value, str) else ""))
    except (ValueError, CodecError):
        raise Unavailable(Code.NODE_PROTOCOL, detail=f"{method}: no node id where one belongs") from None
