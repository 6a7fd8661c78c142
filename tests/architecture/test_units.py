"""The units of systemd/: true to the command line, hardened alike, and accepted by systemd's own tools."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from bled.cli.main import app
from bled.config import Settings

INSTALLED = "/opt/bled/bin/bled"
UNITS = (
    "bled-buyer.service",
    "bled-charge@.service",
    "bled-home.service",
    "bled-merchant.service",
    "bled-node-proxy.service",
)

# An instance of the template, and what stands for its specifiers when the command line is tried.
SPECIFIERS = {"%i": "2500sat", "${TILL_DESCRIPTION}": "flat white"}

# What each service must say, whatever else it does.
HARDENING = {
    "AmbientCapabilities": [""],
    "CapabilityBoundingSet": [""],
    "DevicePolicy": ["closed"],
    "IPAddressDeny": ["any"],
    "KeyringMode": ["private"],
    "LockPersonality": ["yes"],
    "MemoryDenyWriteExecute": ["yes"],
    "NoNewPrivileges": ["yes"],
    "PrivateDevices": ["yes"],
    "PrivateMounts": ["yes"],
    "PrivateTmp": ["yes"],
    "PrivateUsers": ["yes"],
    "ProcSubset": ["pid"],
    "ProtectClock": ["yes"],
    "ProtectControlGroups": ["yes"],
    "ProtectHome": ["yes"],
    "ProtectHostname": ["yes"],
    "ProtectKernelLogs": ["yes"],
    "ProtectKernelModules": ["yes"],
    "ProtectKernelTunables": ["yes"],
    "ProtectProc": ["invisible"],
    "ProtectSystem": ["strict"],
    "RemoveIPC": ["yes"],
    "RestrictNamespaces": ["yes"],
    "RestrictRealtime": ["yes"],
    "RestrictSUIDSGID": ["yes"],
    "StateDirectoryMode": ["0700"],
    "SystemCallArchitectures": ["native"],
    "SystemCallErrorNumber": ["EPERM"],
    "SystemCallFilter": ["@system-service", "~@privileged @resources"],
    "UMask": ["0077"],
}

Unit = dict[str, dict[str, list[str]]]


def _parse(text: str) -> Unit:
    """Return the values of each key of each section, in order. Refuses a line that is none of systemd's."""
    sections: Unit = {}
    section: dict[str, list[str]] | None = None
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            section = sections.setdefault(heading.group(1), {})
            continue
        key, equals, value = line.partition("=")
        assert equals, line
        assert section is not None, line
        section.setdefault(key, []).append(value)
    return sections


@pytest.fixture(params=UNITS)
def unit_file(request: pytest.FixtureRequest, root: Path) -> Path:
    """Each unit in turn."""
    return root / "systemd" / request.param


@pytest.fixture
def unit(unit_file: Path) -> Unit:
    """Its sections."""
    return _parse(unit_file.read_text(encoding="utf-8"))


def test_these_are_all_the_units(root: Path) -> None:
    assert tuple(sorted(path.name for path in (root / "systemd").glob("*.service"))) == UNITS


def test_a_unit_says_what_it_is_and_what_it_runs(unit: Unit) -> None:
    assert {"Unit", "Service"} <= set(unit) <= {"Unit", "Service", "Install"}
    assert unit["Unit"]["Description"]
    assert unit["Service"]["Type"] in (["oneshot"], ["exec"])


def test_a_unit_starts_a_command_that_bled_has(unit: Unit) -> None:
    (line,) = unit["Service"]["ExecStart"]
    program, *arguments = [_filled(word) for word in line.split()]
    assert program == INSTALLED
    _check_arguments(arguments)


def _filled(word: str) -> str:
    for specifier, value in SPECIFIERS.items():
        word = word.replace(specifier, value)
    return word


def _check_arguments(arguments: list[str]) -> None:
    """Parse the arguments as `bled` would, without running the command. Raises for what it does not know."""
    command = typer.main.get_command(app)
    while isinstance(getattr(command, "commands", None), dict):
        name, *arguments = arguments
        assert name in command.commands, name
        command = command.commands[name]
    command.make_context(command.name, arguments)


def test_arguments_that_bled_does_not_know_would_be_seen() -> None:
    with pytest.raises(Exception, match="--no-such-option"):
        _check_arguments(["buyer", "run", "--no-such-option"])


@pytest.mark.parametrize("key", HARDENING)
def test_a_unit_is_hardened(unit: Unit, key: str) -> None:
    assert unit["Service"].get(key) == HARDENING[key]


def test_a_unit_does_not_run_as_root(unit: Unit, root: Path) -> None:
    (user,) = unit["Service"]["User"]
    users = (root / "systemd" / "sysusers.d" / "bled.conf").read_text(encoding="utf-8")
    assert re.search(rf"^u {user} ", users, re.MULTILINE)


def test_a_unit_writes_to_the_folder_of_its_user_alone(unit: Unit) -> None:
    service = unit["Service"]
    (user,) = service["User"]
    assert service["StateDirectory"] == [user]
    assert f"BLED_DATA_DIR=%S/{user}" in service["Environment"]
    assert not {"ReadWritePaths", "BindPaths"} & set(service)


def test_a_unit_can_talk_to_this_machine_only_until_it_is_told_more(unit: Unit) -> None:
    assert unit["Service"]["IPAddressAllow"] == ["localhost"]
    (families,) = unit["Service"]["RestrictAddressFamilies"]
    assert set(families.split()) <= {"AF_UNIX", "AF_INET", "AF_INET6", "AF_BLUETOOTH"}


def test_credentials_reach_the_till_by_systemd_and_the_buyer_not_at_all(unit_file: Path, unit: Unit) -> None:
    loaded = [entry.partition(":")[0] for entry in unit["Service"].get("LoadCredential", [])]
    expected = (
        [] if unit_file.name.startswith(("bled-buyer", "bled-home")) else ["ca.pem", "client.pem", "client-key.pem"]
    )
    assert loaded == expected


def test_no_unit_holds_a_secret_in_its_environment(unit: Unit) -> None:
    names = [entry.partition("=")[0] for entry in unit["Service"]["Environment"]]
    assert set(names) <= {"BLED_DATA_DIR", "TILL_DESCRIPTION"}


@pytest.mark.parametrize("name", ["buyer.env.example", "home.env.example", "merchant.env.example", "proxy.env.example"])
def test_the_examples_set_only_what_can_be_set(root: Path, name: str) -> None:
    text = (root / "systemd" / name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    known = {f"BLED_{key.upper()}" for key in Settings.model_fields} | {"TILL_DESCRIPTION"}
    assert {line.partition("=")[0] for line in lines} <= known


@pytest.fixture
def systemd_analyze() -> str:
    """systemd's own checker."""
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("needs systemd-analyze (Debian package systemd), which is not on this machine")
    return found


@pytest.fixture
def installed_units(root: Path, tmp_path: Path) -> list[Path]:
    """The units with the command of this environment in place of the installed one, which systemd looks for."""
    command = Path(sys.executable).with_name("bled")
    for name in UNITS:
        text = (root / "systemd" / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace(INSTALLED, str(command)), encoding="utf-8")
    return [tmp_path / name for name in UNITS]


def test_systemd_accepts_the_units(systemd_analyze: str, installed_units: list[Path]) -> None:
    command = [systemd_analyze, "verify", "--man=no", *map(str, installed_units)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    complaints = [line for line in ended.stderr.splitlines() if "bled" in line]  # of other units there may be some
    assert (ended.returncode, complaints) == (0, [])


def test_systemd_finds_little_that_the_units_could_do_harm_with(
    systemd_analyze: str, installed_units: list[Path]
) -> None:
    for path in installed_units:
        command = [systemd_analyze, "security", "--offline=true", "--threshold=15", "--no-pager", str(path)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
