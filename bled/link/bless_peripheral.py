"""The buyer's radio by bless: macOS and Windows, and on BlueZ when it is asked for by name."""

from bled.gatt.profile import MAX_ATT_MTU
from bled.link.bless_server import GuardedBless
from bled.link.host_peripheral import HostPeripheral
from bled.link.system_radio import LINUX


class BlessPeripheral(HostPeripheral):
    """A `Peripheral` on bless."""

    def __init__(self, adapter: str | None, *, att_mtu: int = MAX_ATT_MTU) -> None:
        """Take an adapter's name, as "hci0" (None: the first), and the longest ATT_MTU by which frames are cut."""
        super().__init__(GuardedBless(adapter), att_mtu=att_mtu, knows_guests=LINUX)
