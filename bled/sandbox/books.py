"""Offers, invoices and the offers plugin's answers of one sandbox node, as stock Core Lightning has them.

It knows nothing of field 239: that is one more record of an odd type, which it keeps and signs.
"""

from collections.abc import Callable, Sequence

from bled.clock import Clock
from bled.sandbox.books_events import Feed
from bled.sandbox.books_invoices import InvoiceBook
from bled.sandbox.books_offers import OfferBook
from bled.sandbox.books_parts import NodeParts, secrets_of
from bled.sandbox.books_paths import Chance, PrivateChannel
from bled.sandbox.books_plugin import RequestDesk
from bled.sandbox.books_rows import Answer, InvoiceRow, InvoiceStatus, OfferArgs, OfferRow
from bled.sandbox.books_store import BookStore
from bled.sandbox.offers import unusable_secret_request
from bled.sandbox.rpc_error import NodeDied
from bled_codec.crypto import SecretKey
from bled_codec.units import Msat


class Books:
    """One node's offers and invoices. Every change is on the disk before the call that makes it returns.

    After `die` every call raises `NodeDied` until `revive`; what was written stays. Calls belong to one event loop.
    """

    def __init__(
        self,
        *,
        key: SecretKey,
        chain: bytes,
        store: BookStore,
        clock: Clock,
        chance: Chance | None = None,
        channel: PrivateChannel | None = None,
        developer: bool = False,
        derive_secret: Callable[[bytes], bytes] | None = None,
    ) -> None:
        """Take the node's key and file.

        `channel` makes it a private node. `developer` gives the longer error texts of a node in developer mode.
        `derive_secret` replaces what `make_secret` answers (32 bytes): a recorded node's are no function of its key.
        """
        self._parts = NodeParts(
            key=key,
            chain=chain,
            store=store,
            clock=clock,
            chance=Chance() if chance is None else chance,
            channel=channel,
            derive=secrets_of(key) if derive_secret is None else derive_secret,
        )
        self._invoices = InvoiceBook(self._parts)
        self._offers = OfferBook(self._parts, expire_of=self._invoices.expire_of)
        self._desk = RequestDesk(self._parts, self._invoices, developer=developer)
        self._dead = False

    @property
    def chain(self) -> bytes:
        """Hash of the node's chain, 32 bytes."""
        return self._parts.chain

    @property
    def created(self) -> Feed:
        """Tells of every invoice that is made, whoever made it."""
        return self._invoices.created

    @property
    def paid(self) -> Feed:
        """Tells of every payment."""
        return self._invoices.paid

    @property
    def is_dead(self) -> bool:
        """Whether the node died and was not started again."""
        return self._dead

    def die(self) -> None:
        """End the node as if its process were killed: waiting calls get `NodeDied`, streams end."""
        self._dead = True
        self._invoices.end_calls()

    def revive(self) -> None:
        """Start the node again with what its file holds."""
        self._dead = False

    def _check_alive(self) -> None:
        if self._dead:
            raise NodeDied
        self._invoices.expire_due()

    def offer(self, args: OfferArgs) -> OfferRow:
        """Make an offer, or return the one with the same terms. Raises `RpcError` (-32602, 1000)."""
        self._check_alive()
        return self._offers.offer(args)

    def disable_offer(self, offer_id: bytes) -> OfferRow:
        """Close an offer; its unpaid invoices expire at once, silently. Raises `RpcError` (-1, 1001)."""
        self._check_alive()
        return self._offers.disable_offer(offer_id)

    def enable_offer(self, offer_id: bytes) -> OfferRow:
        """Open a closed offer again; what expired stays expired. Raises `RpcError` (-1, 1006, 1007)."""
        self._check_alive()
        return self._offers.enable_offer(offer_id)

    def list_offers(self, offer_id: bytes | None = None, *, active_only: bool = False) -> Sequence[OfferRow]:
        """Return all offers by their id, or one."""
        self._check_alive()
        return self._offers.list_offers(offer_id, active_only=active_only)

    def create_invoice(self, invstring: str, label: str, preimage: bytes) -> InvoiceRow:
        """Sign and keep an invoice. Raises `RpcError` (-32602, 900, 907).

        Raises `NodeDied`, and the node is dead, where lightningd does not survive: without payment hash and paths,
        and for the preimage of another label.
        """
        self._check_alive()
        try:
            return self._invoices.create_invoice(invstring, label, preimage)
        except NodeDied:
            self.die()
            raise

    def list_invoices(
        self, *, label: str | None = None, payment_hash: bytes | None = None, offer_id: bytes | None = None
    ) -> Sequence[InvoiceRow]:
        """Return invoices, oldest first; each condition that is not None must hold."""
        self._check_alive()
        return self._invoices.list_invoices(label=label, payment_hash=payment_hash, offer_id=offer_id)

    def del_invoice(self, label: str, status: InvoiceStatus) -> InvoiceRow:
        """Forget an invoice that has `status`; calls that wait for it end. Raises `RpcError` (905, 906)."""
        self._check_alive()
        return self._invoices.del_invoice(label, status)

    async def wait_invoice(self, label: str) -> InvoiceRow:
        """Wait until an invoice is paid.

        Raises `RpcError`: -1 for an unknown label and when it is deleted meanwhile, 903 when it has expired or does
        so by itself. An invoice that expires because its offer is closed ends no call that waits already.
        """
        self._check_alive()
        return await self._invoices.wait_invoice(label)

    def make_secret(self, data: bytes | None = None, *, string: str | None = None) -> bytes:
        """Return the secret, 32 bytes, that the node derives for a text or for bytes. Raises `RpcError` (-32602)."""
        self._check_alive()
        if string is not None and data is not None:
            raise unusable_secret_request(both=True)
        label = data if string is None else string.encode()
        if label is None:
            raise unusable_secret_request(both=False)
        return self._parts.derive(label)

    def answer(self, invoice_request: bytes, path_id: bytes | None) -> Answer:
        """Return what the offers plugin sends to the reply path: an invoice, which it makes and keeps, or a refusal.

        `path_id` is what the onion brought along, if it came over a path of this node's making.
        """
        self._check_alive()
        return self._desk.answer(invoice_request, path_id)

    def accept(self, payment_hash: bytes, amount: Msat, path_id: bytes) -> bool:
        """Say whether a payment would be taken now: unpaid, over a path of the invoice, up to twice the amount."""
        self._check_alive()
        return self._invoices.accept(payment_hash, amount, path_id)

    def settle(self, payment_hash: bytes, amount: Msat) -> bytes:
        """Mark an unpaid invoice as paid and return its preimage. Raises `RpcError` (203) when it cannot be paid.

        A single-use offer is used up by it: its other unpaid invoices expire at once.
        """
        self._check_alive()
        return self._invoices.settle(payment_hash, amount)
