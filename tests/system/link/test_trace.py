"""Both sides of a connection see the same ATT PDUs."""

import asyncio

import pytest

from bled.link.bumble_central import BumbleCentral
from bled.link.bumble_peripheral import BumblePeripheral
from bled.link.trace import AttTrace
from bled.link.virtual import VirtualAir
from bled.progress import ignore_steps

pytestmark = pytest.mark.system


async def test_what_one_side_sent_the_other_heard_and_the_meter_goes_on_counting() -> None:
    async with VirtualAir() as air:
        radios = [await air.radio(), await air.radio()]
        tills, buyers = (AttTrace(radio) for radio in radios)
        central, peripheral = BumbleCentral(radios[0], att_mtu=185), BumblePeripheral(radios[1])
        accepting = asyncio.ensure_future(peripheral.accept(seconds=5, on_step=ignore_steps))
        till = await central.connect(seconds=5, on_step=ignore_steps)
        await till.send(bytes(1000))
        buyer = await accepting
        await buyer.receive(seconds=1)
        await buyer.send(bytes(2000))
        await till.receive(seconds=1)
        for sent, heard in ((tills, buyers), (buyers, tills)):
            left = [(pdu.opcode, pdu.size) for pdu in sent.pdus if pdu.sent]
            assert left == [(pdu.opcode, pdu.size) for pdu in heard.pdus if not pdu.sent]
        assert till.stats.att_pdus == buyer.stats.att_pdus == len(tills.pdus) == len(buyers.pdus)
