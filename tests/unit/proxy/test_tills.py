"""Which tills are let in: those with a certificate in the register, and no others."""

import os
from pathlib import Path

import pytest

from bled.codes import Code
from bled.errors import BledError
from bled.node.cln_credentials import load_credentials
from bled.proxy.tills import Tills


def certificate(folder: Path) -> bytes:
    return (folder / "client.pem").read_bytes()


def test_a_till_gets_files_that_a_till_can_load(tmp_path: Path) -> None:
    tills = Tills(tmp_path / "proxy")
    tills.add("kiosk-1", tmp_path / "out")
    load_credentials(tmp_path / "out")
    assert (tmp_path / "out" / "client-key.pem").stat().st_mode & 0o777 == 0o600
    assert tills.name_of(certificate(tmp_path / "out")) == "kiosk-1"


def test_a_revoked_till_is_shut_out_at_once_also_by_another_process(tmp_path: Path) -> None:
    tills, elsewhere = Tills(tmp_path / "proxy"), Tills(tmp_path / "proxy")
    tills.add("kiosk-1", tmp_path / "one")
    tills.add("kiosk-2", tmp_path / "two")
    assert elsewhere.names() == ("kiosk-1", "kiosk-2")
    tills.revoke("kiosk-1")
    assert elsewhere.name_of(certificate(tmp_path / "one")) is None
    assert elsewhere.name_of(certificate(tmp_path / "two")) == "kiosk-2"


def test_two_that_are_revoked_in_one_tick_of_the_file_systems_clock_are_both_shut_out(tmp_path: Path) -> None:
    """The folder says the same time of both changes, and was looked at in between."""
    tills, elsewhere = Tills(tmp_path / "proxy"), Tills(tmp_path / "proxy")
    for name in ("one", "two"):
        tills.add(name, tmp_path / name)
    tills.revoke("one")
    folder = tmp_path / "proxy" / "tills"
    at = folder.stat().st_mtime_ns
    assert elsewhere.names() == ("two",)
    tills.revoke("two")
    os.utime(folder, ns=(at, at))
    assert elsewhere.name_of(certificate(tmp_path / "two")) is None


def test_a_name_can_be_given_again_but_not_to_the_old_certificate(tmp_path: Path) -> None:
    tills = Tills(tmp_path / "proxy")
    tills.add("kiosk", tmp_path / "old")
    tills.revoke("kiosk")
    tills.add("kiosk", tmp_path / "new")
    assert tills.name_of(certificate(tmp_path / "old")) is None
    assert tills.name_of(certificate(tmp_path / "new")) == "kiosk"


def test_a_certificate_of_the_same_authority_that_is_not_registered_is_not_let_in(tmp_path: Path) -> None:
    tills = Tills(tmp_path / "proxy")
    assert tills.name_of(tills.server.certificate) is None


@pytest.mark.parametrize("name", ["", "A", "../x", "a/b", "a" * 41, "-a", "a.b", "a\n"])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    tills = Tills(tmp_path / "proxy")
    for act in (lambda: tills.add(name, tmp_path / "out"), lambda: tills.revoke(name)):
        with pytest.raises(BledError) as caught:
            act()
        assert caught.value.code is Code.CONFIG_BAD


def test_nothing_is_written_over(tmp_path: Path) -> None:
    tills = Tills(tmp_path / "proxy")
    tills.add("kiosk", tmp_path / "out")
    before = certificate(tmp_path / "out")
    for name in ("kiosk", "other"):
        with pytest.raises(BledError):
            tills.add(name, tmp_path / "out")
    assert certificate(tmp_path / "out") == before
    assert tills.names() == ("kiosk",)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    Tills(tmp_path / "proxy")
    (tmp_path / "proxy" / "ca-key.pem").chmod(0o644)
    with pytest.raises(BledError, match="chmod 600"):
        Tills(tmp_path / "proxy")


def test_an_unknown_till_cannot_be_revoked(tmp_path: Path) -> None:
    with pytest.raises(BledError, match="no till"):
        Tills(tmp_path / "proxy").revoke("nobody")
