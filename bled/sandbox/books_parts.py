"""What the books of one sandbox node share: its key and file, and the secrets that it derives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from bled.clock import Clock
from bled.sandbox.books_paths import Chance, PrivateChannel
from bled.sandbox.books_store import BookStore
from bled_codec.crypto import SecretKey, hmac_sha256, sha256
from bled_codec.fields import Field
from bled_codec.tlv import TlvRecord, join_records
from bled_codec.units import Point

_OFFER_PATH: Final = b"offer-blinded-path"
_INVOICE_PATH: Final = b"bolt12-invoice-base"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeParts:
    """One node, as far as its offers and invoices need it.

    Attributes:
        key: signs its invoices.
        chain: hash of its chain, 32 bytes.
        store: its file.
        channel: the only channel of a private node.
        derive: the secret for a label, 32 bytes.
    """

    key: SecretKey
    chain: bytes
    store: BookStore
    clock: Clock
    chance: Chance
    channel: PrivateChannel | None
    derive: Callable[[bytes], bytes] = field(repr=False)

    @property
    def node_id(self) -> Point:
        """The node's public key."""
        return self.key.public_key

    def offer_path_secret(self, records: Sequence[TlvRecord]) -> bytes:
        """Return what the path of the offer with `records` brings along, 32 bytes; the path itself plays no part."""
        bare = join_records(record for record in records if record.type != Field.OFFER_PATHS)
        return sha256(self.derive(_OFFER_PATH) + sha256(bare))

    def payment_path_id(self, payment_hash: bytes) -> bytes:
        """Return what a payment over a path of the invoice with `payment_hash` brings along, 32 bytes."""
        return sha256(self.derive(_INVOICE_PATH) + payment_hash)


def secrets_of(key: SecretKey) -> Callable[[bytes], bytes]:
    """Return a derivation of secrets from the node's key. A real node's come from a seed instead."""
    base = sha256(b"sandbox secrets" + key.reveal())
    return lambda label: hmac_sha256(base, label)
