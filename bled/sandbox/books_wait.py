"""`waitinvoice`, with the traps of the real one."""

import asyncio
from collections.abc import Callable

from bled.sandbox.books_events import Waiters, Wake
from bled.sandbox.books_rows import InvoiceRow, InvoiceStatus
from bled.sandbox.rpc_error import EXPIRED_DURING_WAIT, LIGHTNINGD, RpcError
from bled_codec.units import UnixTime


async def wait_for_end(
    label: str, *, waiters: Waiters, read: Callable[[str], InvoiceRow | None], now: Callable[[], UnixTime]
) -> InvoiceRow:
    """Wait until the invoice that `read` returns for `label` is paid. Raises as `Books.wait_invoice` does."""
    row = read(label)
    if row is None:
        raise RpcError(LIGHTNINGD, "Label not found")
    if row.status is InvoiceStatus.UNPAID:
        row = await _end(row, waiters=waiters, read=read, now=now)
    if row.status is InvoiceStatus.EXPIRED:
        raise RpcError(EXPIRED_DURING_WAIT, "invoice expired during wait", row.as_data())
    return row


async def _end(
    row: InvoiceRow, *, waiters: Waiters, read: Callable[[str], InvoiceRow | None], now: Callable[[], UnixTime]
) -> InvoiceRow:
    """Wait for the node to say that the invoice came to its end; reading it when its time is over makes it say so."""
    label = row.label
    with waiters.waiting(label) as wake:
        last: InvoiceRow | None = row
        while not wake.done():
            # An invoice that expired because its offer was closed is never spoken of again: no end to the wait.
            unpaid = last is not None and last.status is InvoiceStatus.UNPAID
            seconds = max(0.05, row.expires_at - now()) if unpaid else None
            await asyncio.wait({wake}, timeout=seconds)
            last = read(label)
        if wake.result() is Wake.DELETED or last is None:
            raise RpcError(LIGHTNINGD, "Invoice deleted during wait")
        return last
