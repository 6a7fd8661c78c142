"""What is installed: two packages, typed, with their commands, and nothing else."""

import subprocess
import sys
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """The built wheel, opened."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(root)]
    built = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return zipfile.Path(path)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.Path) -> Message:
    """The wheel's METADATA."""
    return message_from_bytes((_dist_info(wheel) / "METADATA").read_bytes())


def _dist_info(wheel: zipfile.Path) -> zipfile.Path:
    return next(entry for entry in wheel.iterdir() if entry.name.endswith(".dist-info"))


def test_the_wheels_top_level_is_exactly_bled_and_bled_codec(wheel: zipfile.Path) -> None:
    names = {entry.name for entry in wheel.iterdir()}
    assert names == {"bled", "bled_codec", _dist_info(wheel).name}


def test_both_packages_say_that_they_are_typed(wheel: zipfile.Path) -> None:
    assert all((wheel / package / "py.typed").is_file() for package in ("bled", "bled_codec"))


def test_every_module_of_the_tree_is_in_the_wheel(wheel: zipfile.Path, sources) -> None:
    expected = {source.name.removeprefix("codec/") for source in sources}
    assert expected <= set(wheel.root.namelist())


def test_the_wheel_has_the_generated_stubs(wheel: zipfile.Path) -> None:
    assert (wheel / "bled" / "node" / "stubs" / "cln_subset_pb2_grpc.py").is_file()


def test_the_wheel_has_the_commands(wheel: zipfile.Path) -> None:
    lines = (_dist_info(wheel) / "entry_points.txt").read_text(encoding="utf-8").splitlines()
    assert {"bled = bled.cli.main:main", "bled-home = bled.home.main:main"} <= set(lines)


def test_the_wheel_carries_its_licence(wheel: zipfile.Path, metadata: Message) -> None:
    assert metadata["License-Expression"] == "MIT"
    assert (_dist_info(wheel) / "licenses" / "LICENSE").is_file()


def test_the_wheel_offers_an_extra_for_each_role(metadata: Message) -> None:
    assert {"merchant", "buyer", "home", "all", "dev"} <= set(metadata.get_all("Provides-Extra", []))


def test_the_extra_for_all_asks_for_what_the_roles_ask_for(metadata: Message) -> None:
    required = metadata.get_all("Requires-Dist", [])
    roles = {line.partition(";")[0].strip() for line in required if _extra(line) in {"merchant", "buyer", "home"}}
    every = {line.partition(";")[0].strip() for line in required if _extra(line) == "all"}
    assert every == {"bled[buyer,home,merchant]"} or roles <= every


def _extra(requirement: str) -> str | None:
    _, _, marker = requirement.partition("extra == ")
    return marker.strip("'\" ") or None
