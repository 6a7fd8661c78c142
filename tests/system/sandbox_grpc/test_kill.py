"""A whole node process is killed between two calls; what it answered before stays true."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bled.node.stubs import cln_subset_pb2 as pb

from .net import OFFER, open_stub

pytestmark = pytest.mark.system

PROGRAM = Path(__file__).with_name("net.py")


@asynccontextmanager
async def run_node(folder: Path) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Start a node as a process of its own and give its target; it is killed at the end at the latest."""
    node = await asyncio.create_subprocess_exec(
        sys.executable, PROGRAM, str(folder), "0", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert node.stdout is not None
        async with asyncio.timeout(15):
            target = (await node.stdout.readline()).decode().strip()
        yield target, node
    finally:
        if node.returncode is None:
            node.kill()
        await node.communicate()


async def test_an_offer_that_was_answered_survives_a_kill(tmp_path: Path) -> None:
    async with run_node(tmp_path) as (target, node), open_stub(target, tmp_path) as stub:
        offer = await stub.Offer(OFFER, wait_for_ready=True)
        node.send_signal(signal.SIGKILL)
        assert await node.wait() == -signal.SIGKILL
    async with run_node(tmp_path) as (target, _), open_stub(target, tmp_path) as stub:
        answer = await stub.ListOffers(pb.ListoffersRequest(), wait_for_ready=True)
        assert [row.bolt12 for row in answer.offers] == [offer.bolt12]
        closed = await stub.DisableOffer(pb.DisableofferRequest(offer_id=offer.offer_id))
        assert not closed.active
