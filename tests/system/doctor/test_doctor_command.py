"""`bled doctor radio` as a person runs it, on a machine without D-Bus."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.system, pytest.mark.skipif(sys.platform != "linux", reason="the doctor knows BlueZ alone")]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus"}
    command = [sys.executable, "-c", "from bled.cli.main import main; main()", "doctor", "radio", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_it_says_what_is_wrong_with_the_lines_that_mend_it_and_exits_with_69() -> None:
    result = run()
    assert result.returncode == 69, result.stderr
    assert result.stdout.startswith("problem  D-Bus")
    assert "apt-get install dbus bluez" in result.stdout
    for never in ("a real adapter", "--radio hci:", "macOS and Windows"):
        assert any("never tried" in line and never in line for line in result.stdout.splitlines())
    assert result.stderr == ""


def test_json_is_one_object_with_the_same() -> None:
    result = run("--json", "--adapter", "hci7")
    assert result.returncode == 69
    found = json.loads(result.stdout)
    assert found["usable"] is False
    assert found["findings"][0]["level"] == "problem"
    assert len(found["never_tried"]) == 3
    assert found["findings"][0]["fix"] == ["apt-get install dbus bluez", "systemctl start dbus bluetooth"]
