"""What is wrong with a machine's Bluetooth for bled, and the lines that mend it. Judges facts; reads nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bled.findings import Finding, Level

__all__ = ["NEVER_TRIED", "Adapter", "Facts", "Finding", "Level", "judge"]

MAIN_CONF: Final = "/etc/bluetooth/main.conf"
RESTART: Final = "systemctl restart bluetooth"
DROP_IN: Final = "/etc/systemd/system/bluetooth.service.d/bled.conf"
COMES_BACK: Final = frozenset({"on-failure", "on-abnormal", "on-abort", "on-watchdog", "always"})
"""Values of Restart= with which systemd starts a service again that has crashed."""
NEVER_TRIED: Final = (
    "a real adapter: BlueZ was tried in a virtual machine, over virtual controllers",
    "a dongle of bled's own (--radio hci:...): only its start, and the same code over sockets",
    "macOS and Windows: nothing of bled was run there",
)
"""What nobody has seen work. Whoever asks what is wrong with a radio should know; docs/radio.md has the whole list."""
OLDEST_VERSION: Final = (5, 55)
"""bleak works with no older BlueZ."""
MTU_VERSION: Final = (5, 62)
"""Before this BlueZ does not tell a till the ATT_MTU, and every message is cut into frames of 18 bytes."""
ONE_CHANNEL_VERSION: Final = (5, 82)
"""This BlueZ has one ATT channel by default; 5.66 has three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """An adapter as bluetoothd shows it.

    Attributes:
        powered: whether it is switched on.
        roles: what it can be: "central", "peripheral".
    """

    powered: bool
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What there is.

    Attributes:
        bus_error: why the system's D-Bus does not answer; "" when it does.
        daemon: whether bluetoothd runs.
        version: its version, as (5, 66); None when it does not say.
        adapters: bluetoothd's adapters by name.
        kernel_adapters: names of the adapters that the kernel knows.
        blocked: names of rfkill's switches for Bluetooth that are off, to whether a hand must turn them on.
        settings: main.conf by section and key; None when there is no such file.
        restart: Restart= of bluetooth.service; None where systemd does not know it, or there is no systemd.
    """

    bus_error: str
    daemon: bool
    version: tuple[int, int] | None
    adapters: Mapping[str, Adapter]
    kernel_adapters: tuple[str, ...]
    blocked: Mapping[str, bool]
    settings: Mapping[str, Mapping[str, str]] | None
    restart: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A line of main.conf that bled wants, and why."""

    section: str
    key: str
    value: str
    why: str


SETTINGS: Final = (
    Setting(
        section="General",
        key="ControllerMode",
        value="le",
        why="with BR/EDR on, BlueZ may page a phone that is on LE and drop its link after some seconds",
    ),
    Setting(
        section="General",
        key="Privacy",
        value="device",
        why="else a buyer's beacon always carries the adapter's own address, by which it can be followed",
    ),
    Setting(section="LE", key="MinConnectionInterval", value="6", why="7.5 ms: discovery is ten round trips or more"),
    Setting(section="LE", key="MaxConnectionInterval", value="12", why="15 ms: the default of 50 ms takes seconds"),
    Setting(section="LE", key="ConnectionLatency", value="0", why="an answer must not wait for a later event"),
    Setting(
        section="LE",
        key="ConnectionSupervisionTimeout",
        value="200",
        why="2 s: the default of 0.42 s drops links that have only just begun",
    ),
    Setting(
        section="GATT",
        key="Channels",
        value="1",
        why="several ATT channels bring notifications in another order than they were sent",
    ),
    Setting(section="Policy", key="AutoEnable", value="true", why="the adapter is then on after a start"),
)
"""What a kiosk's main.conf should say; a buyer's device too."""


def judge(facts: Facts, *, adapter: str | None = None) -> tuple[Finding, ...]:
    """Return what there is to say, in the order in which to mend it; `adapter` is the one that is meant, if one is."""
    return (
        *_judge_daemon(facts),
        *_judge_switches(facts),
        *_judge_adapters(facts, adapter),
        *_judge_version(facts),
        *_judge_service(facts),
        *_judge_settings(facts),
    )


def _judge_daemon(facts: Facts) -> Iterator[Finding]:
    if facts.bus_error:
        fix = ("apt-get install dbus bluez", "systemctl start dbus bluetooth")
        yield Finding(level=Level.PROBLEM, about="D-Bus", detail=facts.bus_error, fix=fix)
    elif not facts.daemon:
        fix = ("apt-get install bluez", "systemctl enable --now bluetooth")
        yield Finding(level=Level.PROBLEM, about="bluetoothd", detail="bluetoothd does not run", fix=fix)
    else:
        yield Finding(level=Level.GOOD, about="bluetoothd", detail="bluetoothd runs")


def _judge_switches(facts: Facts) -> Iterator[Finding]:
    for name, by_hand in sorted(facts.blocked.items()):
        if by_hand:
            detail = f"{name} is blocked by a switch or key of the machine"
            yield Finding(level=Level.PROBLEM, about="rfkill", detail=detail, fix=("turn the switch on by hand",))
        else:
            fix = ("rfkill unblock bluetooth",)
            yield Finding(level=Level.PROBLEM, about="rfkill", detail=f"{name} is blocked by software", fix=fix)


def _judge_adapters(facts: Facts, wanted: str | None) -> Iterator[Finding]:
    if not facts.adapters and facts.daemon:
        yield _no_adapter(facts)
    if wanted is not None and facts.adapters and wanted not in facts.adapters:
        detail = f"there is no {wanted}, but {', '.join(facts.adapters)}"
        fix = (f"--radio bluetooth:{next(iter(facts.adapters))}",)
        yield Finding(level=Level.PROBLEM, about="adapter", detail=detail, fix=fix)
    usable = False
    for name, adapter in facts.adapters.items():
        finding = _judge_adapter(name, adapter)
        concerns = wanted in {None, name}
        usable = usable or (concerns and finding.level is Level.GOOD)
        yield finding if concerns and wanted is not None else _softened(finding, facts)
    if facts.adapters and wanted is None and not usable:
        detail = "no adapter can be used"
        yield Finding(level=Level.PROBLEM, about="adapter", detail=detail)


def _softened(finding: Finding, facts: Facts) -> Finding:
    """Another adapter that does not work is no more than a remark."""
    if finding.level is not Level.PROBLEM or len(facts.adapters) == 1:
        return finding
    return Finding(level=Level.ADVICE, about=finding.about, detail=finding.detail, fix=finding.fix)


def _no_adapter(facts: Facts) -> Finding:
    if facts.kernel_adapters:
        detail = f"the kernel has {', '.join(facts.kernel_adapters)}, bluetoothd has no adapter"
        return Finding(level=Level.PROBLEM, about="adapter", detail=detail, fix=(RESTART, "dmesg | grep -i bluetooth"))
    detail = "there is no Bluetooth adapter, or the kernel has no driver for it"
    return Finding(level=Level.PROBLEM, about="adapter", detail=detail, fix=("lsusb", "dmesg | grep -i bluetooth"))


def _judge_adapter(name: str, adapter: Adapter) -> Finding:
    if not adapter.powered:
        fix = ("rfkill unblock bluetooth", f"btmgmt --index {name} power on")
        return Finding(level=Level.PROBLEM, about=f"adapter {name}", detail=f"{name} is switched off", fix=fix)
    lacking = [role for role in ("central", "peripheral") if role not in adapter.roles]
    if len(lacking) == 2:
        detail = f"{name} cannot do Bluetooth LE"
        return Finding(level=Level.PROBLEM, about=f"adapter {name}", detail=detail, fix=("use another adapter",))
    if lacking:
        who = "till" if lacking == ["central"] else "buyer's device"
        detail = f"{name} cannot be a {who}: it has no role {lacking[0]}"
        return Finding(level=Level.ADVICE, about=f"adapter {name}", detail=detail)
    return Finding(
        level=Level.GOOD, about=f"adapter {name}", detail=f"{name} is on, and can be till and buyer's device"
    )


def _judge_version(facts: Facts) -> Iterator[Finding]:
    if facts.version is None:
        return
    text = ".".join(map(str, facts.version))
    fix = ("upgrade the distribution",)
    if facts.version < OLDEST_VERSION:
        detail = f"BlueZ {text} is too old; 5.55 or newer is needed"
        yield Finding(level=Level.PROBLEM, about="BlueZ", detail=detail, fix=fix)
    elif facts.version < MTU_VERSION:
        detail = f"BlueZ {text} does not tell the ATT_MTU before 5.62: a till works, slowly"
        yield Finding(level=Level.ADVICE, about="BlueZ", detail=detail, fix=fix)
    else:
        yield Finding(level=Level.GOOD, about="BlueZ", detail=f"BlueZ {text}")


def _judge_service(facts: Facts) -> Iterator[Finding]:
    """A bluetoothd that dies takes the till along: Debian's unit does not start it again."""
    if facts.restart is None:
        return
    if facts.restart in COMES_BACK:
        yield Finding(level=Level.GOOD, about="Restart", detail=f"bluetooth.service has Restart={facts.restart}")
        return
    detail = f"bluetooth.service has Restart={facts.restart}: a bluetoothd that crashes stays away"
    fix = (
        f"mkdir -p {DROP_IN.rpartition('/')[0]}",
        f"{DROP_IN}, section [Service]: Restart=on-failure",
        "systemctl daemon-reload",
    )
    yield Finding(level=Level.ADVICE, about="Restart", detail=detail, fix=fix)


def _judge_settings(facts: Facts) -> Iterator[Finding]:
    settings = {} if facts.settings is None else facts.settings
    for wanted in SETTINGS:
        has = settings.get(wanted.section, {}).get(wanted.key)
        if has is not None and has.lower() == wanted.value:
            yield Finding(level=Level.GOOD, about=wanted.key, detail=f"{wanted.key} = {has}")
        elif not _is_default(wanted, has, facts.version):
            detail = f"{wanted.key} is {'not set' if has is None else has}: {wanted.why}"
            fix = (f"{MAIN_CONF}, section [{wanted.section}]: {wanted.key} = {wanted.value}", RESTART)
            yield Finding(level=Level.ADVICE, about=wanted.key, detail=detail, fix=fix)


def _is_default(wanted: Setting, has: str | None, version: tuple[int, int] | None) -> bool:
    new_enough = version is not None and version >= ONE_CHANNEL_VERSION
    return has is None and wanted.key == "Channels" and new_enough
