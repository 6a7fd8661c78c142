"""The plugin's part in a home with workers: it receives and answers its owner, they verify and pay.

The hook has to be answered at once, also while PostgreSQL cannot be reached. So what came waits in memory, and a thread
puts it into the inbox. What came over no path of ours is never put there, and the rates of paths and books hold before
any write.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

from bled.clock import Clock
from bled.errors import Unavailable
from bled.grants.keys import HomeKeys
from bled.home.intake import Arrived, Intake, RareLog, book_of
from bled.home.ledger import Ledger
from bled.home.pay import Log, growing_pauses
from bled.home.plugin import DATABASE
from bled.home.restore import OLD_COPY
from bled.home.serve_inbox import Inbox
from bled.home.witness import Witness
from bled.node.home_base import HomeNode
from bled.node.json_stream import JsonObject

_VARIABLE: Final = "BLED_DATABASE"
"""Instead of the option, which everybody who may read lightningd's configuration can see."""
_TRIES: Final = 3
_PAUSE: Final = 0.5

_Answer = TypeVar("_Answer")


def open_ledger(folder: Path, keys: HomeKeys, options: JsonObject) -> Ledger:
    """Open the ledger where the plugin's option or the environment says, else in `folder`.

    Raises as `Ledger.open` and `Ledger.connect` do.
    """
    book_key = keys.book_key.public_key[1:]
    url = options.get(DATABASE) or os.environ.get(_VARIABLE)
    return Ledger.connect(str(url), book_key=book_key) if url else Ledger.open(folder, book_key=book_key)


class SharedHome:
    """What takes the place of `HomeService` in such a plugin."""

    def __init__(
        self, *, keys: HomeKeys, ledger: Ledger, node: HomeNode, witness: Witness, clock: Clock, log: Log
    ) -> None:
        """Take a shared ledger, and what tells its node and whether it is an old copy."""
        self._keys = keys
        self._ledger = ledger
        self._node = node
        self._witness = witness
        self._clock = clock
        self._log = log
        self._log_rarely = RareLog(log, clock)
        self._intake = Intake(keys=keys, clock=clock, log=log, takes_strangers=False)

    def receive(self, invoice: bytes, secret: bytes) -> bool:
        """Take an invoice from the hook and say at once whether it is home's business."""
        return self._intake.receive(invoice, secret)

    async def run(self) -> None:
        """Put what comes into the node's inbox, for ever. What cannot be put is dropped: a till sends again."""
        node = (await self._answered(self._node.node_id)).hex()
        self._ledger.belong_to(node)
        if await self._answered(lambda: self._witness.compare(now=self._clock.now())):
            self._log("unusual", str(OLD_COPY))
        await self._answered(lambda: self._witness.testify(now=self._clock.now()))
        inbox = Inbox(self._ledger.engine, node=node)
        while True:
            async with self._intake.next() as arrived:
                book_id = None if arrived is None else book_of(arrived, self._keys)
                if arrived is not None and book_id is not None:
                    await self._put(inbox, arrived, book_id)

    async def _put(self, inbox: Inbox, arrived: Arrived, book_id: int) -> None:
        for _ in range(_TRIES):
            try:
                if await asyncio.to_thread(inbox.put, [(arrived, book_id)]):
                    self._log_rarely("too many invoices wait for the workers, one was dropped; do any run?")
            except Unavailable as error:
                self._log_rarely(f"an invoice cannot be handed to the workers, {error}")
                await asyncio.sleep(_PAUSE)
            else:
                return

    async def _answered(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        pauses = growing_pauses()
        while True:
            try:
                return await ask()
            except Unavailable as error:
                self._log("unusual", f"waiting for node and database, {error}")
            await asyncio.sleep(next(pauses))
