"""What a till asks a device's GATT server: as little as shows that the profile's table is there.

Each question is a round trip, and discovery costs more of those than everything that is said after it. So MTU first,
then the one service by its UUID, its characteristics until both are known, and no descriptor that must be where it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from bumble import att, core, gatt, gatt_client

from bled.codes import Code
from bled.errors import Unavailable
from bled.gatt.profile import B2M_UUID, M2B_UUID, MIN_ATT_MTU

Proxy = gatt_client.CharacteristicProxy[bytes]

_PROPERTIES: Final = gatt.Characteristic.Properties
_CCCD: Final = gatt.GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR
_DECLARATION_BYTES: Final = 3
"""Properties and handle in a characteristic declaration, before its UUID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The two characteristics; `b2m` knows its configuration descriptor, so that subscribing asks for nothing more."""

    m2b: Proxy
    b2m: Proxy


async def discover(client: gatt_client.Client, *, att_mtu: int, uuid: UUID) -> Table:
    """Agree on an ATT_MTU of at most `att_mtu` and find the profile's table in the service `uuid`.

    Three round trips for a table laid out as the profile says (four at ATT_MTU 23); more where a stack left room in it.
    Raises `Unavailable` (`LINK_LOST`) for a device that has another table, and what bumble raises.
    """
    if att_mtu > MIN_ATT_MTU:
        await client.request_mtu(att_mtu)
    first, last = await _service(client, uuid)
    found = await _characteristics(client, first, last)
    m2b, b2m = found.get(core.UUID(str(M2B_UUID))), found.get(core.UUID(str(B2M_UUID)))
    if m2b is None or b2m is None or not m2b.properties & _PROPERTIES.WRITE or not b2m.properties & _PROPERTIES.NOTIFY:
        raise _other_table("its characteristics are not those of the profile")
    b2m.descriptors = [gatt_client.DescriptorProxy(client, await _configuration(client, b2m.handle + 1, last), _CCCD)]
    b2m.descriptors_discovered = True
    return Table(m2b=m2b, b2m=b2m)


async def _service(client: gatt_client.Client, uuid: UUID) -> tuple[int, int]:
    """Return the handles of the service's first and last attribute."""
    answer = await client.send_request(
        att.ATT_Find_By_Type_Value_Request(
            starting_handle=0x0001,
            ending_handle=0xFFFF,
            attribute_type=gatt.GATT_PRIMARY_SERVICE_ATTRIBUTE_TYPE,
            attribute_value=core.UUID(str(uuid)).to_pdu_bytes(),
        )
    )
    if not isinstance(answer, att.ATT_Find_By_Type_Value_Response) or len(answer.handles_information) != 1:
        raise _other_table("it has no such service")
    return answer.handles_information[0]


async def _characteristics(client: gatt_client.Client, first: int, last: int) -> Mapping[core.UUID, Proxy]:
    """Return the service's characteristics by UUID, until the two of the profile are among them."""
    found: dict[core.UUID, Proxy] = {}
    while first <= last and not {core.UUID(str(M2B_UUID)), core.UUID(str(B2M_UUID))} <= found.keys():
        answer = await client.send_request(
            att.ATT_Read_By_Type_Request(
                starting_handle=first,
                ending_handle=last,
                attribute_type=gatt.GATT_CHARACTERISTIC_ATTRIBUTE_TYPE,
            )
        )
        if not isinstance(answer, att.ATT_Read_By_Type_Response) or not answer.attributes:
            break
        for _, declaration in answer.attributes:
            uuid = core.UUID.from_bytes(declaration[_DECLARATION_BYTES:])
            handle = int.from_bytes(declaration[1:_DECLARATION_BYTES], "little")
            found[uuid] = Proxy(client, handle, last, uuid, declaration[0])
        first = _after(answer.attributes[-1][0], first)
    return found


async def _configuration(client: gatt_client.Client, first: int, last: int) -> int:
    """Return the handle of the configuration descriptor among the attributes from `first` to `last`."""
    if first == last:  # the one descriptor that the profile has in the one place that is left
        return first
    while first <= last:
        answer = await client.send_request(att.ATT_Find_Information_Request(starting_handle=first, ending_handle=last))
        if not isinstance(answer, att.ATT_Find_Information_Response) or not answer.information:
            break
        for handle, uuid in answer.information:
            if core.UUID.from_bytes(uuid) == _CCCD:
                return handle
        first = _after(answer.information[-1][0], first)
    raise _other_table("it cannot be subscribed to")


def _after(handle: int, asked: int) -> int:
    """Return where to ask next. A device that answers with what was not asked for could keep a till for ever."""
    if handle < asked:
        raise _other_table("its answers lead backwards")
    return handle + 1


def _other_table(detail: str) -> Unavailable:
    return Unavailable(Code.LINK_LOST, detail=f"the device is no buyer's: {detail}")
