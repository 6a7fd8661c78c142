"""A till asks a device no more than it must, and takes the profile's table however a stack laid it out."""

import asyncio

import pytest
from bumble import att, core, gatt

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.profile import ADVERTISEMENT, B2M_UUID, M2B_UUID, SERVICE_UUID
from bled.link.bumble_central import BumbleCentral
from bled.link.trace import AttTrace
from bled.link.virtual import VirtualAir
from bled.progress import ignore_steps

pytestmark = pytest.mark.system

PROPERTIES = gatt.Characteristic.Properties
PERMISSIONS = gatt.Characteristic.Permissions


def m2b(*descriptors: gatt.Descriptor) -> gatt.Characteristic:
    writes = PROPERTIES.WRITE | PROPERTIES.WRITE_WITHOUT_RESPONSE
    return gatt.Characteristic(core.UUID(str(M2B_UUID)), writes, PERMISSIONS.WRITEABLE, b"", descriptors)


def b2m(*descriptors: gatt.Descriptor) -> gatt.Characteristic:
    return gatt.Characteristic(core.UUID(str(B2M_UUID)), PROPERTIES.NOTIFY, PERMISSIONS(0), b"", descriptors)


def text() -> gatt.Descriptor:
    return gatt.Descriptor(gatt.GATT_CHARACTERISTIC_USER_DESCRIPTION_DESCRIPTOR, PERMISSIONS.READABLE, b"bled")


def other() -> gatt.Characteristic:
    return gatt.Characteristic("2A19", PROPERTIES.READ, PERMISSIONS.READABLE, b"\x64")


def service(*characteristics: gatt.Characteristic) -> gatt.Service:
    return gatt.Service(core.UUID(str(SERVICE_UUID)), list(characteristics))


async def show(air: VirtualAir, *services: gatt.Service):
    """Advertise a device with these services; return its host stack."""
    stack = (await air.radio()).device
    for each in services:
        stack.add_service(each)
    await stack.start_advertising(advertising_data=ADVERTISEMENT, auto_restart=True, advertising_interval_min=20)
    return stack


async def questions(air: VirtualAir, *, att_mtu: int) -> list[int]:
    """Connect and return the opcodes of what the till asked."""
    radio = await air.radio()
    trace = AttTrace(radio)
    await BumbleCentral(radio, att_mtu=att_mtu).connect(seconds=5, on_step=ignore_steps)
    return [pdu.opcode for pdu in trace.pdus if pdu.sent]


@pytest.mark.parametrize(("att_mtu", "asked"), [(23, [6, 8, 8, 18]), (43, [2, 6, 8, 8, 18]), (517, [2, 6, 8, 18])])
def test_a_table_as_the_profile_says_takes_three_questions_and_the_subscription(fast, att_mtu: int, asked) -> None:
    async def look() -> None:
        async with VirtualAir() as air:
            await show(air, service(m2b(), b2m()))
            assert await questions(air, att_mtu=att_mtu) == asked

    fast(look())


TABLES = {
    "a descriptor more": [service(m2b(), b2m(text()))],
    "the other way round": [service(b2m(), m2b())],
    "a stranger between": [service(m2b(text()), other(), b2m())],
    "strangers around": [gatt.Service("180F", [other()]), service(m2b(), b2m()), gatt.Service("180F", [other()])],
}


@pytest.mark.parametrize("att_mtu", [23, 517])
@pytest.mark.parametrize("table", TABLES)
def test_other_layouts_of_the_same_table_cost_more_and_work(fast, table: str, att_mtu: int) -> None:
    async def look() -> None:
        async with VirtualAir() as air:
            stack = await show(air, *TABLES[table])
            central = await air.central(att_mtu)
            link = await central.connect(seconds=5, on_step=ignore_steps)
            (peer,) = stack.connections.values()
            notifies = next(entry for entry in stack.gatt_server.attributes if entry.type == core.UUID(str(B2M_UUID)))
            await stack.gatt_server.notify_subscriber(peer, notifies, b"\xc0\x00\x05hello")
            assert await link.receive(seconds=1) == b"hello"

    fast(look())


def test_two_of_the_service_are_no_buyer(fast) -> None:
    async def look() -> None:
        async with VirtualAir() as air:
            await show(air, service(m2b(), b2m()), service(m2b(), b2m()))
            await refused(air)

    fast(look())


async def refused(air: VirtualAir) -> None:
    central = await air.central()
    with pytest.raises(Unavailable) as caught:
        await central.connect(seconds=20, on_step=ignore_steps)
    assert caught.value.code is Code.NO_BUYER


ANSWERS = {
    "a handle from before": att.ATT_Read_By_Type_Response(
        length=7, attribute_data_list=b"\x01\x00\x02\x02\x00\x19\x2a"
    ),
    "the same for ever": (7, b"\x06\x00\x02\x07\x00\x19\x2a"),
    "no characteristic": (2, b"\x06\x00"),
    "a stump": (4, b"\x06\x00\x02\x07"),
    "nothing": (0, b""),
    "a UUID of three bytes": (8, b"\x06\x00\x02\x07\x00abc"),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_device_that_answers_nonsense_is_no_buyer_and_keeps_nobody(fast, answer: str) -> None:
    async def look() -> None:
        async with VirtualAir() as air:
            stack = await show(air, service(m2b(), b2m()))

            def nonsense(bearer, _request) -> None:
                length, data = ANSWERS[answer]
                response = att.ATT_Read_By_Type_Response(length=length, attribute_data_list=data)
                stack.gatt_server.send_response(bearer, response)

            stack.gatt_server.on_att_read_by_type_request = nonsense
            loop = asyncio.get_running_loop()
            began = loop.time()
            await refused(air)
            assert loop.time() - began < 21

    fast(look())


async def test_a_device_that_asks_for_an_att_mtu_itself_gets_no_more_than_the_till_wants(meet) -> None:
    async with VirtualAir() as air:
        central, peripheral = await air.central(100), await air.peripheral()
        till, buyer = await meet(central, peripheral)
        (connection,) = peripheral._radio.device.connections.values()
        assert await connection.gatt_client.request_mtu(517) == 100
        assert (till.att_mtu, buyer.att_mtu) == (100, 100)
