"""A home with workers: one scripted node, one PostgreSQL database, worker processes, and an auditor of the ledgers."""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bled.home.intake import Arrived
from bled.home.ledger import Ledger
from bled.home.policy import glimpse
from bled.home.rows import Claim, ClaimState
from bled.home.serve_inbox import Inbox

MASTER = bytes(range(32))
FINAL = {ClaimState.PAID, ClaimState.FAILED, ClaimState.DROPPED}

_REACHING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'inbox'::regclass"


class Serving:
    """Everything that `bled home serve` needs, but for the supervisor: its workers are started here, one by one."""

    def __init__(self, folder: Path, place, purchases, scripted, warm) -> None:
        self.folder, self.place, self.purchases, self.warm = folder, place, purchases, warm
        self.node = scripted.Lightningd(folder)
        self.node_name = scripted.HOME.public_key.hex()
        self.workers: list[asyncio.subprocess.Process] = []
        self.log = (folder / "workers.log").open("ab")
        self.ledger: Ledger | None = None

    async def open(self, *, ids: int = 5, **limits: object) -> "Serving":
        await self.node.listen()
        state = self.folder / "bled-home"
        state.mkdir()
        (state / "master.secret").write_bytes(MASTER)
        (state / "master.secret").chmod(0o600)
        self.now = int(time.time())
        book_limits = self.purchases.limits(now=self.now, ids=ids, **limits)
        self.home = self.purchases.Purchases(now=self.now, ids=ids, book_limits=book_limits)
        self.ledger = Ledger.connect(self.place.url, book_key=self.home.keys.book_key.public_key[1:])
        self.ledger.belong_to(self.node_name)
        row = self.home.row
        self.ledger.add_book(
            salt=row.salt,
            device=row.device,
            home_label=row.home_label,
            issued_at=row.issued_at,
            ids=row.ids,
            limits=row.limits,
        )
        self.inbox = Inbox(self.ledger.engine, node=self.node_name)
        return self

    async def close(self) -> None:
        for worker in self.workers:
            await self.kill(worker)
        await self.node.stop()
        if self.ledger is not None:
            self.ledger.close()
        self.log.close()

    # Workers

    async def start_worker(self, *, failpoint: str | None = None, clock: int = 0) -> asyncio.subprocess.Process:
        """Start a worker whose clock is `clock` seconds ahead."""
        worker = await self.warm.worker(self.log.fileno(), clock=clock, failpoint=failpoint)
        work = {"database": self.place.url, "rpc": str(self.node.rpc), "state": str(self.folder / "bled-home")}
        worker.stdin.write(json.dumps(work | {"any_clock": True}).encode() + b"\n")
        await worker.stdin.drain()
        self.workers.append(worker)
        return worker

    async def kill(self, worker: asyncio.subprocess.Process) -> None:
        if worker.returncode is None:
            worker.kill()
        await worker.wait()
        if worker.stdin is not None:
            worker.stdin.close()

    async def ordered(self, line: bytes) -> int:
        """Give a worker these orders and wait for its end."""
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bled.home.serve_worker", stdin=asyncio.subprocess.PIPE, stderr=self.log
        )
        self.workers.append(worker)
        worker.stdin.write(line)
        return await self.ended(worker)

    async def ended(self, worker: asyncio.subprocess.Process) -> int:
        return await asyncio.wait_for(worker.wait(), 30)

    def logged(self) -> str:
        return (self.folder / "workers.log").read_text()

    # Purchases

    def invoice(self, index: int = 0, *, preimage: bytes | None = None, request=None):
        preimage = preimage or index.to_bytes(2, "big") * 16
        request = request or self.request(index)
        made = self.purchases.invoice(request, now=int(time.time()), preimage=preimage)
        self.node.preimages[made.invoice_payment_hash.hex()] = preimage
        return made

    def request(self, index: int = 0):
        return self.purchases.request(self.home.grant(index), self.purchases.offer(now=int(time.time())))

    def deliver(self, invoice, index: int = 0, *, times: int = 1) -> None:
        """Put an invoice into the inbox, as the plugin does, but past its bounds."""
        data = invoice.encode()
        arrived = Arrived(invoice=data, secret=self.home.secret(index), seen=glimpse(data), is_ours=True)
        for _ in range(times):
            self.place.execute(
                "INSERT INTO inbox (node, book_id, payer_id, invoice, secret) VALUES (%s, 1, %s, %s, %s)",
                self.node_name,
                arrived.seen.payer_id,
                data,
                arrived.secret,
            )
        self.place.execute("SELECT pg_notify('bled_inbox', '')")

    @asynccontextmanager
    async def gate(self, *, workers: int) -> AsyncIterator[None]:
        """Hold back what is delivered inside until `workers` of them reach for it, and let go of all at one moment."""
        self.place.execute("BEGIN")
        try:
            self.place.execute("LOCK TABLE inbox IN EXCLUSIVE MODE")
            yield
            self.place.cluster.execute("SELECT pg_notify('bled_inbox', '')", database=self.place.name)
            await self.until(lambda: self.place.execute(_REACHING) == [(workers,)])
        finally:
            self.place.execute("COMMIT")

    async def quiet(self, *, seconds: float = 30) -> list[Claim]:
        """Wait until nothing waits and every claim has ended; return the claims."""
        deadline = time.monotonic() + seconds
        while True:
            claims = self.ledger.claims()
            waiting = self.waiting()
            if not waiting and claims and all(claim.state in FINAL for claim in claims):
                return claims
            assert time.monotonic() < deadline, (waiting, Counter(each.state for each in claims), self.logged()[-3000:])
            await asyncio.sleep(0.05)

    def waiting(self) -> int:
        return self.place.execute("SELECT count(*) FROM inbox")[0][0]

    async def until(self, is_so, *, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, self.logged()[-3000:]
            await asyncio.sleep(0.02)

    def codes(self) -> list[str]:
        return [each.code.value for each in self.ledger.decisions(since=0, limit=1000)]

    # The auditor

    def audit(self) -> dict[str, int]:
        """Judge by the ledgers alone: what the node sent, and what home claimed."""
        claims = {claim.payer_id.hex(): claim for claim in self.ledger.claims()}
        parts = [row for rows in self.node.rows.values() for row in rows]
        arrived = Counter(row["label"] for row in parts if row["status"] == "complete")
        sums, total = self.ledger.sums(1), self.home.row.limits.total_msat
        return {
            "paid": len(arrived),
            "double_paid": sum(count > 1 for count in arrived.values()),
            "lost": sum(not _knows(claims, row) for row in parts),
            "over_budget": int(sums.spent + sums.reserved > total),
            "unresolved": sum(claim.state not in FINAL for claim in claims.values()),
            "asked_twice": sum(count > 1 for count in Counter(call["label"] for call in self.node.xpay_calls).values()),
        }


def _knows(claims: dict[str, Claim], row: dict[str, Any]) -> bool:
    claim = claims.get(row["label"])
    return (
        claim is not None
        and claim.payment_hash.hex() == row["payment_hash"]
        and (row["status"] != "complete" or claim.state is ClaimState.PAID)
    )


def clean(audit: dict[str, int], *, paid: int | Iterable[int]) -> bool:
    """Say whether exactly as much was paid as should be, and nothing else is wrong."""
    wanted = {paid} if isinstance(paid, int) else set(paid)
    return audit["paid"] in wanted and not any(value for name, value in audit.items() if name != "paid")
