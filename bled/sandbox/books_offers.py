"""The offers of one sandbox node."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from bled.sandbox import offers
from bled.sandbox.books_parts import NodeParts
from bled.sandbox.books_paths import offer_path
from bled.sandbox.books_rows import OfferArgs, OfferRow
from bled.sandbox.rpc_error import LIGHTNINGD, OFFER_ALREADY_ACTIVE, OFFER_NOT_ACTIVE, OFFER_USED, RpcError
from bled_codec.bolt12_string import OFFER_PREFIX, format_string
from bled_codec.crypto import sha256
from bled_codec.tlv import join_records


class OfferBook:
    """Makes, lists, closes and opens offers."""

    def __init__(self, parts: NodeParts, *, expire_of: Callable[[bytes], None]) -> None:
        """Take the node, and what ends the unpaid invoices of an offer that is closed."""
        self._parts = parts
        self._expire_of = expire_of

    def offer(self, args: OfferArgs) -> OfferRow:
        """Make an offer, or return the one with the same terms. Raises `RpcError` (-32602, 1000)."""
        store = self._parts.store
        records = offers.offer_records(args, node_id=self._parts.node_id, chain=self._parts.chain)
        if self._parts.channel is not None:
            secret = self._parts.offer_path_secret(records)
            path = offer_path(self._parts.node_id, self._parts.channel, secret, chance=self._parts.chance)
            records = offers.with_path(records, path)
        offers.check_offer(records)
        data = join_records(records)
        known = store.offer(sha256(data))
        if known is not None:
            if not known.active:
                raise offers.already_exists()
            return known
        row = OfferRow(
            offer_id=sha256(data),
            bolt12=format_string(OFFER_PREFIX, data),
            label=args.label,
            description=args.description,
            single_use=bool(args.single_use),
        )
        store.put_offer(row)
        return replace(row, created=True)

    def disable_offer(self, offer_id: bytes) -> OfferRow:
        """Close an offer; its unpaid invoices expire at once, silently. Raises `RpcError` (-1, 1001)."""
        store = self._parts.store
        row = self._known_offer(offer_id)
        if not row.active:
            raise RpcError(OFFER_NOT_ACTIVE, "offer is not active")
        closed = replace(row, active=False)
        with store.change():
            store.put_offer(closed)
            self._expire_of(offer_id)
        return closed

    def enable_offer(self, offer_id: bytes) -> OfferRow:
        """Open a closed offer again; what expired stays expired. Raises `RpcError` (-1, 1006, 1007)."""
        store = self._parts.store
        row = self._known_offer(offer_id)
        if row.active:
            raise RpcError(OFFER_ALREADY_ACTIVE, "offer already active")
        if row.single_use and row.used:
            raise RpcError(OFFER_USED, "cannot activate an used single use offer")
        opened = replace(row, active=True)
        store.put_offer(opened)
        return opened

    def list_offers(self, offer_id: bytes | None = None, *, active_only: bool = False) -> Sequence[OfferRow]:
        """Return all offers by their id, or one."""
        rows = self._parts.store.offers()
        return [row for row in rows if offer_id in (None, row.offer_id) and (row.active or not active_only)]

    def _known_offer(self, offer_id: bytes) -> OfferRow:
        row = self._parts.store.offer(offer_id)
        if row is None:
            raise RpcError(LIGHTNINGD, "Unknown offer")
        return row
