"""The buyer's radio on Linux: BlueZ over D-Bus, without a library for peripherals in between."""

from bled.gatt.profile import MAX_ATT_MTU
from bled.link.bluez_server import BluezServer
from bled.link.host_peripheral import HostPeripheral


class DbusPeripheral(HostPeripheral):
    """A `Peripheral` on bluetoothd."""

    def __init__(self, adapter: str | None, *, att_mtu: int = MAX_ATT_MTU) -> None:
        """Take an adapter's name, as "hci0" (None: the first), and the longest ATT_MTU by which frames are cut."""
        super().__init__(BluezServer(adapter), att_mtu=att_mtu)
