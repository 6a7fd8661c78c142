"""What the verification of an invoice costs at the very least: operations of the bare libraries, counted and measured.

Each of them is one that no rule lets a verifier leave out, and each is counted once, however often it could be done: a
point that an invoice names three times, the hashes that the trees of both signatures share. Whatever takes no library
(to read, to compare, to decide) counts as nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bled.bench import codec
from bled.bench import home_samples as samples
from bled.bench.codec_cases import shared_tree_hashes, tree_hashes
from bled.grants.sealing import KEY_BYTES, SIV_KEY_BYTES, SivKey, derive
from bled_codec.blinded_path import BlindedPath
from bled_codec.crypto import hmac_sha256, public_key_of
from bled_codec.invoice import Invoice
from bled_codec.units import Point

SIGNATURES: Final = 2
"""The invoice's own, and that of the request in field 239."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Seconds that the operations take, and how many of each an invoice needs, both by name.

    Attributes:
        costs: `verify` a signature under a point that was found; find a `point` on the curve; `hash` two nodes of a
            tree; derive a payer's `key` and its public key; a `mac`, for the secret of a path; open a seal (`siv`).
    """

    costs: Mapping[str, float]
    counts: Mapping[str, int]

    @property
    def schnorr(self) -> float:
        """Both signatures over digests that are given, under keys that come as bytes and must be points."""
        return SIGNATURES * (self.costs["verify"] + self.costs["point"])

    @property
    def signatures(self) -> float:
        """Both signatures as BOLT 12 has them: the hashes of their trees, too."""
        return self.schnorr + self.costs["hash"] * self.counts["hash"]

    @property
    def others(self) -> float:
        """What else has to be computed: the other points, and for the payer id its path's secret, seal and key."""
        return self.whole - self.signatures

    @property
    def whole(self) -> float:
        """Everything that has to be computed."""
        return sum(self.costs[name] * count for name, count in self.counts.items())


def floor_calls() -> Mapping[str, Callable[[], object]]:
    """Return one call of each operation."""
    digest, pair, point = bytes(range(32)), bytes(range(64)), samples.KEYS.book_key.public_key
    siv = SivKey(bytes(range(SIV_KEY_BYTES)))
    sealed, of_codec = siv.seal(bytes(8), associated=point), codec.floor_calls()
    return {
        **{name: of_codec[name] for name in ("verify", "point", "hash")},
        "key": lambda: public_key_of(derive(digest, pair, KEY_BYTES)),
        "mac": lambda: hmac_sha256(digest, point),
        "siv": lambda: siv.open(sealed, associated=point),
    }


def counts_of(data: bytes) -> Mapping[str, int]:
    """Return how many of each operation the verification of this invoice needs."""
    invoice = Invoice.decode(data)
    return {
        "verify": SIGNATURES,
        "point": len(_points_of(invoice)),
        "hash": tree_hashes(invoice.records) + shared_tree_hashes(invoice.records),
        "key": 1,
        "mac": 1,
        "siv": 1,
    }


def _points_of(invoice: Invoice) -> set[bytes]:
    """Return the different points of an invoice: BOLT 1 has its readers check that each lies on the curve."""
    paths = (*invoice.invoice_paths, *(invoice.invreq_paths or ()), *(invoice.offer_paths or ()))
    named = {invoice.invreq_payer_id, invoice.invoice_node_id, invoice.offer_issuer_id or invoice.invoice_node_id}
    return named.union(*map(_points_of_path, paths))


def _points_of_path(path: BlindedPath) -> set[Point]:
    introduction = set() if path.introduction is None else {path.introduction}
    return introduction | {path.first_path_key} | {hop.blinded_node_id for hop in path.hops}
