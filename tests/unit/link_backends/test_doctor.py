"""What the doctor says of machines that are made up."""

from dataclasses import replace
from pathlib import Path

import pytest

from bled.link import doctor_facts
from bled.link.bluez_bus import BluezError
from bled.link.doctor import MAIN_CONF, SETTINGS, Adapter, Facts, Finding, Level, judge
from bled.link.doctor_facts import read_facts, read_settings

BOTH = ("central", "peripheral")
WELL = Facts(
    bus_error="",
    daemon=True,
    version=(5, 66),
    adapters={"hci0": Adapter(powered=True, roles=BOTH)},
    kernel_adapters=("hci0",),
    blocked={},
    settings={
        section: {wanted.key: wanted.value for wanted in SETTINGS if wanted.section == section}
        for section in {wanted.section for wanted in SETTINGS}
    },
)


def wrong(facts: Facts, *, adapter: str | None = None) -> list[Finding]:
    return [finding for finding in judge(facts, adapter=adapter) if finding.level is not Level.GOOD]


def problems(facts: Facts, *, adapter: str | None = None) -> list[Finding]:
    return [finding for finding in wrong(facts, adapter=adapter) if finding.level is Level.PROBLEM]


def test_a_machine_that_is_well_gets_no_advice() -> None:
    assert wrong(WELL) == []
    assert wrong(WELL, adapter="hci0") == []


@pytest.mark.parametrize("wanted", SETTINGS, ids=lambda wanted: wanted.key)
@pytest.mark.parametrize("value", [None, "something else"])
def test_each_setting_that_differs_is_one_advice_with_the_line_that_mends_it(wanted, value: str | None) -> None:
    section = dict(WELL.settings[wanted.section])
    section.pop(wanted.key)
    if value is not None:
        section[wanted.key] = value
    found = wrong(replace(WELL, settings=WELL.settings | {wanted.section: section}))
    assert [finding.about for finding in found] == [wanted.key]
    assert found[0].level is Level.ADVICE
    assert found[0].fix[0] == f"{MAIN_CONF}, section [{wanted.section}]: {wanted.key} = {wanted.value}"


def test_a_new_bluez_needs_no_line_for_channels() -> None:
    section = dict(WELL.settings["GATT"])
    section.pop("Channels")
    assert wrong(replace(WELL, version=(5, 82), settings=WELL.settings | {"GATT": section})) == []


@pytest.mark.parametrize("restart", ["on-failure", "always", None])
def test_a_bluetoothd_that_comes_back_or_has_no_systemd_needs_no_line(restart: str | None) -> None:
    assert wrong(replace(WELL, restart=restart)) == []


@pytest.mark.parametrize("restart", ["no", "on-success"])
def test_a_bluetoothd_that_stays_away_is_advice_with_the_drop_in(restart: str) -> None:
    (found,) = wrong(replace(WELL, restart=restart))
    assert (found.level, found.about) == (Level.ADVICE, "Restart")
    assert found.fix == (
        "mkdir -p /etc/systemd/system/bluetooth.service.d",
        "/etc/systemd/system/bluetooth.service.d/bled.conf, section [Service]: Restart=on-failure",
        "systemctl daemon-reload",
    )


class Systemd:
    """A system bus on which systemd knows bluetooth.service so."""

    def __init__(self, **has: str) -> None:
        self._has = has

    async def call(self, path, interface, member, signature, body, *, destination) -> list[str]:
        if body[1] not in self._has:
            raise BluezError("org.freedesktop.DBus.Error.ServiceUnknown", "no systemd")
        return [self._has[body[1]]]


@pytest.mark.parametrize(
    ("has", "restart"),
    [
        ({"LoadState": "loaded", "Restart": "no"}, "no"),
        ({"LoadState": "not-found", "Restart": "no"}, None),
        ({}, None),
    ],
)
async def test_restart_is_what_systemd_says_of_a_unit_that_there_is(has: dict[str, str], restart: str | None) -> None:
    assert await doctor_facts._restart(Systemd(**has)) == restart


def test_without_main_conf_every_setting_is_named() -> None:
    assert [finding.about for finding in wrong(replace(WELL, settings=None))] == [wanted.key for wanted in SETTINGS]


@pytest.mark.parametrize(
    ("change", "about", "fix"),
    [
        ({"bus_error": "no bus", "daemon": False, "adapters": {}}, "D-Bus", "apt-get install dbus bluez"),
        ({"daemon": False, "adapters": {}}, "bluetoothd", "apt-get install bluez"),
        ({"blocked": {"hci0": False}}, "rfkill", "rfkill unblock bluetooth"),
        ({"blocked": {"hci0": True}}, "rfkill", "turn the switch on by hand"),
        ({"adapters": {}}, "adapter", "systemctl restart bluetooth"),
        ({"adapters": {}, "kernel_adapters": ()}, "adapter", "lsusb"),
        ({"adapters": {"hci0": Adapter(powered=False, roles=BOTH)}}, "adapter hci0", "rfkill unblock bluetooth"),
        ({"adapters": {"hci0": Adapter(powered=True, roles=())}}, "adapter hci0", "use another adapter"),
        ({"version": (5, 54)}, "BlueZ", "upgrade the distribution"),
    ],
)
def test_each_thing_without_which_nothing_works_is_a_problem_with_its_fix(change, about: str, fix: str) -> None:
    found = problems(replace(WELL, **change))
    assert found[0].about == about
    assert found[0].fix[0] == fix


def test_an_adapter_that_is_not_there_is_a_problem_that_names_those_that_are() -> None:
    assert [finding.detail for finding in problems(WELL, adapter="hci1")] == ["there is no hci1, but hci0"]


def test_another_adapter_that_is_off_is_no_problem() -> None:
    adapters = dict(WELL.adapters) | {"hci1": Adapter(powered=False, roles=BOTH)}
    facts = replace(WELL, adapters=adapters)
    assert problems(facts) == []
    assert problems(facts, adapter="hci0") == []
    assert problems(facts, adapter="hci1") != []


def test_an_adapter_with_one_role_and_a_version_without_the_mtu_are_advice() -> None:
    adapters = {"hci0": Adapter(powered=True, roles=("central",))}
    found = wrong(replace(WELL, adapters=adapters, version=(5, 61)))
    assert [finding.level for finding in found if finding.about != "adapter"] == [Level.ADVICE, Level.ADVICE]


def test_main_conf_is_read_as_bluetoothd_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "main.conf"
    path.write_text(
        "# comment\n[General]\n#Name = x\nControllerMode = le\n\n[LE]\n[GATT]\nChannels = 1\nChannels = 2\n"
    )
    assert read_settings(path) == {"General": {"ControllerMode": "le"}, "LE": {}, "GATT": {"Channels": "2"}}
    assert read_settings(tmp_path / "none") is None
    path.write_bytes(b"\xff\xfe")
    assert read_settings(path) is None
    path.write_text("no section = 1\n")
    assert read_settings(path) is None


async def test_switches_and_adapters_are_read_from_the_kernels_lists(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/no-bus")
    for name, kind, soft, hard in (("rfkill0", "bluetooth", "1", "0"), ("rfkill1", "wlan", "1", "1")):
        switch = tmp_path / "rfkill" / name
        switch.mkdir(parents=True)
        for file, text in (("type", kind), ("soft", soft), ("hard", hard), ("name", f"hci-{name}")):
            (switch / file).write_text(f"{text}\n")
    for name in ("hci0", "hci0:11", "hci1"):
        (tmp_path / "bluetooth" / name).mkdir(parents=True)
    facts = await read_facts(sys=tmp_path, main_conf=tmp_path / "none")
    assert facts.blocked == {"hci-rfkill0": False}
    assert facts.kernel_adapters == ("hci0", "hci1")
    assert "D-Bus does not answer" in facts.bus_error
    assert not facts.daemon
