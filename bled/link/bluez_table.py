"""The profile's objects as bluetoothd reads them over D-Bus: one service, two characteristics, one advertisement."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from dbus_fast import Variant

from bled.gatt.profile import B2M_UUID, M2B_UUID
from bled.link.bluez_bus import variants

APPLICATION: Final = "/org/bled/buyer"
SERVICE: Final = f"{APPLICATION}/service0"
M2B: Final = f"{SERVICE}/char0"
B2M: Final = f"{SERVICE}/char1"
ADVERTISEMENT: Final = f"{APPLICATION}/beacon"

CHARACTERISTIC_INTERFACE: Final = "org.bluez.GattCharacteristic1"
ADVERTISEMENT_INTERFACE: Final = "org.bluez.LEAdvertisement1"

INTERVAL_MILLISECONDS: Final = 20
"""Between two advertisements, where bluetoothd heeds it: some versions only with --experimental."""

_Properties = dict[str, Variant]

# The order is the order of the handles: the characteristic that notifies is the last, and has its one descriptor.
_TABLE: Final[Mapping[str, tuple[str, _Properties]]] = {
    SERVICE: (
        "org.bluez.GattService1",
        variants({"Primary": ("b", True)}),  # and the UUID, which each meeting has its own of
    ),
    M2B: (
        CHARACTERISTIC_INTERFACE,
        variants(
            {
                "UUID": ("s", str(M2B_UUID)),
                "Service": ("o", SERVICE),
                "Flags": ("as", ["write", "write-without-response"]),
            }
        ),
    ),
    B2M: (
        CHARACTERISTIC_INTERFACE,
        variants(
            {
                "UUID": ("s", str(B2M_UUID)),
                "Service": ("o", SERVICE),
                "Flags": ("as", ["notify"]),
                "NotifyAcquired": ("b", False),  # that it is there makes bluetoothd ask for a socket
            }
        ),
    ),
}

# No name and no other data: everything beside the service UUID would tell one buyer from another.
_BEACON: Final = variants(
    {
        "Type": ("s", "peripheral"),
        "Discoverable": ("b", True),
        "MinInterval": ("u", INTERVAL_MILLISECONDS),
        "MaxInterval": ("u", INTERVAL_MILLISECONDS),
    }
)


def managed_objects(uuid: UUID) -> dict[str, dict[str, _Properties]]:
    """Return the body of an answer to GetManagedObjects, for a table in the service `uuid`."""
    return {path: {interface: properties_of(path, interface, uuid)} for path, (interface, _) in _TABLE.items()}


def properties_of(path: str, interface: str, uuid: UUID) -> _Properties:
    """Return an object's properties, for a table in the service `uuid`; none for what is not there."""
    if (path, interface) == (ADVERTISEMENT, ADVERTISEMENT_INTERFACE):
        return {**_BEACON, **variants({"ServiceUUIDs": ("as", [str(uuid)])})}
    known, values = _TABLE.get(path, ("", {}))
    if interface != known:
        return {}
    return {**values, **variants({"UUID": ("s", str(uuid))})} if path == SERVICE else dict(values)


def plain(options: Mapping[str, Any], name: str, default: Any) -> Any:
    """Return an option of a call by bluetoothd, without its D-Bus wrapping."""
    value = options.get(name)
    return value.value if isinstance(value, Variant) else default
