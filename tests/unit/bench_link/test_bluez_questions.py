"""BlueZ's client asks all this of every device, and nothing can stop it: our table must not make it ask more.

The questions are those of bluetoothd 5.66 (Debian 12) at ATT_MTU 517 in its traffic with bled's buyer, in their order,
as are the answers. What BlueZ asks next depends on the answer before: while these are the same, so are the round trips.
"""

import asyncio

import pytest
from bumble import att, device

from bled.bench.link_report import MAX_DISCOVERY
from bled.gatt.profile import B2M_UUID, M2B_UUID, SERVICE_UUID
from bled.link.virtual import VirtualAir
from bled.progress import ignore_steps

pytestmark = pytest.mark.system  # a virtual radio

M2B = b"\x07\x00\x0c\x08\x00" + M2B_UUID.bytes[::-1]
B2M = b"\x09\x00\x10\x0a\x00" + B2M_UUID.bytes[::-1]

ASKED = (
    ("020502", "030502"),  # ATT_MTU
    ("080100ffff3a2b", "010801000a"),  # a database hash: there is none, since every device has a new address each time
    ("100100ffff0028", "1106010005000018"),  # primary services: GAP
    ("100600ffff0028", "111406000b00" + SERVICE_UUID.bytes[::-1].hex()),  # ours
    ("100c00ffff0028", "01100c000a"),  # no more
    ("100100ffff0128", "011001000a"),  # secondary services: none
    ("0801000b000228", "010801000a"),  # included services: none
    ("0801000b000328", "09070200020300002a0400020500012a"),  # characteristics: GAP's two
    ("0805000b000328", "0915" + M2B.hex() + B2M.hex()),  # ours
    ("080a000b000328", "01080a000a"),  # no more; no descriptors are asked for, since only one has room
)


async def connect(air: VirtualAir) -> device.Connection:
    stack = (await air.radio()).device
    heard: asyncio.Future[device.Advertisement] = asyncio.get_running_loop().create_future()
    stack.on("advertisement", lambda advertisement: heard.done() or heard.set_result(advertisement))
    await stack.start_scanning(active=False)
    return await stack.connect_le((await heard).address, timeout=4)


async def test_what_bluez_asks_is_answered_as_ever_and_takes_ten_round_trips() -> None:
    async with VirtualAir() as air:
        peripheral = await air.peripheral()
        accepting = asyncio.ensure_future(peripheral.accept(seconds=10, on_step=ignore_steps))
        client = (await connect(air)).gatt_client
        answers = []
        for question, _ in ASKED:
            answer = await client.send_request(att.ATT_PDU.from_bytes(bytes.fromhex(question)))
            if isinstance(answer, att.ATT_Exchange_MTU_Response):
                client.mtu = answer.server_rx_mtu
            answers.append(bytes(answer).hex())
        assert answers == [answer for _, answer in ASKED]
        accepting.cancel()
        await asyncio.gather(accepting, return_exceptions=True)
    assert len(ASKED) <= MAX_DISCOVERY
