"""What LND tells of itself and of invoices, read into the types of `bled.node.base`. Pure."""

import re
from collections.abc import Sequence
from typing import Final

from bled.codes import Code
from bled.errors import ConfigurationError, Unavailable
from bled.node.base import InvoiceState, InvoiceStatus, NodeInfo
from bled.node.cln_invoice import PaymentPaths
from bled.node.stubs import lnd_subset_pb2 as pb
from bled_codec.blinded_path import BlindedHop, BlindedPath, BlindedPayinfo
from bled_codec.chains import CHAIN_NAMES
from bled_codec.crypto import parse_point, sha256
from bled_codec.errors import CodecError
from bled_codec.units import MAX_MSAT, Msat, Point, UnixTime

OLDEST: Final = (0, 21)
"""The release that brought onion messages to the interface."""
_NETWORKS: Final = {"mainnet": "bitcoin", "testnet": "testnet", "signet": "signet", "regtest": "regtest"}
"""Core Lightning's names of the networks by LND's."""
_STATUS: Final = {
    pb.Invoice.OPEN: InvoiceStatus.UNPAID,
    pb.Invoice.ACCEPTED: InvoiceStatus.UNPAID,  # money that is on its way and may still go back
    pb.Invoice.SETTLED: InvoiceStatus.PAID,
    pb.Invoice.CANCELED: InvoiceStatus.EXPIRED,
}
_LATEST_TIME: Final = 1 << 40
_VERSION: Final = re.compile(r"v?(\d{1,4})\.(\d{1,4})")


def read_info(answer: pb.GetInfoResponse, *, issuer_id: Point) -> NodeInfo:
    """Return who the node is.

    Raises `ConfigurationError` (`CONFIG_BAD`) for a version before 0.21, `Unavailable` (`NODE_PROTOCOL`) for a network
    or an id that cannot be.
    """
    check_version(answer.version)
    network = _NETWORKS.get(answer.chains[0].network if answer.chains else "")
    if network is None:
        names = ", ".join(chain.network for chain in answer.chains) or "none"
        raise Unavailable(Code.NODE_PROTOCOL, detail=f"the node is on an unknown network: {names[:40]}")
    return NodeInfo(
        node_id=_point(answer.identity_pubkey),
        issuer_id=issuer_id,
        network=network,
        chain=CHAIN_NAMES[network],
        version=answer.version,
        height=answer.block_height,
    )


def check_version(version: str) -> None:
    """Raise `ConfigurationError` (`CONFIG_BAD`) for a version that is too old, or that nobody can read."""
    found = _VERSION.match(version)
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        detail = f"the node is LND {version[:40]}; bled needs 0.21 or newer, which can send onion messages for it"
        raise ConfigurationError(Code.CONFIG_BAD, detail=detail)


def _point(text: str) -> Point:
    try:
        return parse_point(bytes.fromhex(text))
    except (CodecError, ValueError) as error:
        raise Unavailable(Code.NODE_PROTOCOL, detail="the node's id is no point") from error


def what_is_wrong(answer: pb.GetInfoResponse) -> list[str]:
    """Return what would keep this node from serving a sale, as sentences."""
    checks = {
        "The node has no peer, so no invoice can be sent.": answer.num_peers == 0,
        "The node has no active channel, so nothing can be received.": answer.num_active_channels == 0,
        "The node is catching up with the chain.": not answer.synced_to_chain,
    }
    return [sentence for sentence, wrong in checks.items() if wrong]


def read_paths(answer: pb.PayReq, *, payment_hash: bytes, amount: Msat) -> PaymentPaths:
    """Return the ways for the money that LND put into its payment request.

    Raises `Unavailable`: `NODE_PROTOCOL` when the request is not the one that was asked for or its paths are none,
    `NODE_REFUSED` when it has no path.
    """
    if answer.payment_hash != payment_hash.hex() or answer.num_msat != amount:
        raise Unavailable(Code.NODE_PROTOCOL, detail="the node's payment request is not the one that was asked for")
    if not answer.blinded_paths:
        raise Unavailable(Code.NODE_REFUSED, detail="the node gave no blinded path for the money")
    try:
        return [(_path(row.blinded_path), _payinfo(row)) for row in answer.blinded_paths]
    except (CodecError, ValueError) as error:
        raise Unavailable(Code.NODE_PROTOCOL, detail="a blinded path of the node cannot be read") from error


def _path(row: pb.BlindedPath) -> BlindedPath:
    if not row.blinded_hops:
        raise ValueError("a path without hops")
    hops = (
        BlindedHop(blinded_node_id=parse_point(hop.blinded_node), encrypted_recipient_data=hop.encrypted_data)
        for hop in row.blinded_hops
    )
    return BlindedPath(
        first_node_id=parse_point(row.introduction_node),
        first_path_key=parse_point(row.blinding_point),
        hops=tuple(hops),
    )


def _payinfo(row: pb.BlindedPaymentPath) -> BlindedPayinfo:
    if not (row.base_fee_msat < 1 << 32 and row.total_cltv_delta < 1 << 16):
        raise ValueError("a fee or a delay that BOLT 12 has no room for")
    return BlindedPayinfo(
        fee_base_msat=row.base_fee_msat,
        fee_proportional_millionths=row.proportional_fee_rate,
        cltv_expiry_delta=row.total_cltv_delta,
        htlc_minimum_msat=Msat(row.htlc_min_msat),
        htlc_maximum_msat=Msat(row.htlc_max_msat),
        features=_features(row.features),
    )


def _features(bits: Sequence[int]) -> bytes:
    if not all(0 <= bit < 256 for bit in bits):
        raise ValueError("a feature bit that cannot be")
    value = sum(1 << bit for bit in set(bits))
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def read_invoice(row: pb.Invoice, *, label: str, text: str | None, payment_hash: bytes) -> InvoiceState:
    """Return LND's record of an invoice that we know as `label`.

    Raises `Unavailable` (`NODE_PROTOCOL`) for the record of another invoice, an unknown state, or a paid one whose
    preimage proves nothing. An amount or a time that cannot be is left out: the row still says that it was paid.
    """
    status = _STATUS.get(row.state)
    if status is None:
        raise Unavailable(Code.NODE_PROTOCOL, detail=f"an invoice has the unknown state {row.state}")
    if row.r_hash != payment_hash:
        raise Unavailable(Code.NODE_PROTOCOL, detail="the node told of another invoice than was asked for")
    if status is not InvoiceStatus.PAID:
        return InvoiceState(label=label, status=status, payment_hash=payment_hash, text=text)
    if sha256(row.r_preimage) != payment_hash:
        raise Unavailable(Code.NODE_PROTOCOL, detail="a paid invoice has no preimage")
    return InvoiceState(
        label=label,
        status=status,
        payment_hash=payment_hash,
        text=text,
        preimage=row.r_preimage,
        amount_received=Msat(row.amt_paid_msat) if 0 <= row.amt_paid_msat <= MAX_MSAT else None,
        paid_at=UnixTime(row.settle_date) if 0 <= row.settle_date <= _LATEST_TIME else None,
    )


def is_final(row: pb.Invoice) -> bool:
    """Whether an invoice will never change any more."""
    return row.state in (pb.Invoice.SETTLED, pb.Invoice.CANCELED)
