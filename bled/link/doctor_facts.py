"""Reads what the doctor judges: D-Bus, the kernel's lists of adapters and switches, and main.conf."""

import configparser
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bled.errors import Unavailable
from bled.link.bluez_bus import ADAPTER, PROPERTIES, BluezBus, BluezError, Objects
from bled.link.doctor import MAIN_CONF, Adapter, Facts

SYS: Final = Path("/sys/class")

_ROOT: Final = "/org/bluez/"
_SYSTEMD: Final = "org.freedesktop.systemd1"
_UNIT: Final = "/org/freedesktop/systemd1/unit/bluetooth_2eservice"
_BLUEZ_MODALIAS: Final = re.compile(r"usb:v1D6Bp0246d([0-9A-F]{2})([0-9A-F]{2})", re.IGNORECASE)
"""How bluetoothd calls itself to other devices: major and minor version in hexadecimal."""


async def read_facts(*, sys: Path = SYS, main_conf: Path | None = None) -> Facts:
    """Return what there is on this machine; raises nothing for what is missing."""
    objects: Objects = {}
    bus_error = ""
    restart: str | None = None
    try:
        bus = await BluezBus.connect()
    except Unavailable as error:
        bus_error = error.detail
    else:
        try:
            objects = await bus.objects()
            restart = await _restart(bus)
        except Unavailable as error:
            bus_error = error.detail
        finally:
            await bus.close()
    return Facts(
        bus_error=bus_error,
        daemon=bool(objects),
        version=_version(objects),
        adapters=_adapters(objects),
        kernel_adapters=_kernel_adapters(sys),
        blocked=_blocked(sys),
        settings=read_settings(main_conf or Path(MAIN_CONF)),
        restart=restart,
    )


async def _restart(bus: BluezBus) -> str | None:
    """Return Restart= of bluetooth.service with its drop-ins, as systemd has it; None where nobody can say."""
    try:
        (state,) = await bus.call(
            _UNIT, PROPERTIES, "Get", "ss", [f"{_SYSTEMD}.Unit", "LoadState"], destination=_SYSTEMD
        )
        if state != "loaded":
            return None
        (restart,) = await bus.call(
            _UNIT, PROPERTIES, "Get", "ss", [f"{_SYSTEMD}.Service", "Restart"], destination=_SYSTEMD
        )
    except (BluezError, Unavailable):
        return None
    return str(restart)


def _adapters(objects: Objects) -> dict[str, Adapter]:
    return {
        path.removeprefix(_ROOT): Adapter(
            powered=bool(interfaces[ADAPTER].get("Powered")), roles=tuple(interfaces[ADAPTER].get("Roles", ()))
        )
        for path, interfaces in sorted(objects.items())
        if ADAPTER in interfaces
    }


def _kernel_adapters(sys: Path) -> tuple[str, ...]:
    names = (path.name for path in sys.glob("bluetooth/hci*"))
    return tuple(sorted(name for name in names if ":" not in name))  # hci0:11 is a connection of hci0


def _version(objects: Objects) -> tuple[int, int] | None:
    for interfaces in objects.values():
        found = _BLUEZ_MODALIAS.fullmatch(str(interfaces.get(ADAPTER, {}).get("Modalias", "")))
        if found:
            return int(found.group(1), 16), int(found.group(2), 16)
    return None


def _blocked(sys: Path) -> dict[str, bool]:
    blocked = {}
    for switch in sorted(sys.glob("rfkill/rfkill*")):
        if _read(switch / "type") == "bluetooth":
            hard, soft = _read(switch / "hard") == "1", _read(switch / "soft") == "1"
            if hard or soft:
                blocked[_read(switch / "name")] = hard
    return blocked


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def read_settings(path: Path) -> Mapping[str, Mapping[str, str]] | None:
    """Return main.conf by section and key; None when it cannot be read."""
    parser = configparser.ConfigParser(interpolation=None, strict=False, comment_prefixes=("#",), delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys of main.conf have capitals that count
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return None
    return {section: dict(parser.items(section)) for section in parser.sections()}
