"""Settings: where they come from, which is stronger, and what is said when one is wrong."""

import os
from pathlib import Path

import pytest

from bled import config
from bled.codes import Code
from bled.config import ChainName, load_settings
from bled.errors import ConfigurationError
from bled_codec.chains import REGTEST_CHAIN


class Machine:
    """A machine with a system's file and a user's file."""

    def __init__(self, folder: Path) -> None:
        self.system_file = folder / "etc" / "bled.toml"
        self.user_file = folder / "xdg" / "bled" / "bled.toml"
        for file in (self.system_file, self.user_file):
            file.parent.mkdir(parents=True)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Settings files that do not exist yet, and an environment without any of ours."""
    made = Machine(tmp_path)
    monkeypatch.setattr(config, "SYSTEM_FILE", made.system_file)
    for name in [name for name in os.environ if name.startswith("BLED_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    return made


def test_without_any_setting_the_chain_is_bitcoin_and_every_purchase_is_asked_for(
    machine: Machine, tmp_path: Path
) -> None:
    settings = load_settings()
    assert settings.chain is ChainName.BITCOIN
    assert settings.auto_approve_below_msat == 0
    assert settings.data_dir == tmp_path / "share" / "bled"
    assert (settings.radio, settings.node, settings.credentials, settings.lightning_rpc) == (None, None, None, None)


def test_the_users_file_is_stronger_than_the_systems_and_they_add_up(machine: Machine) -> None:
    machine.system_file.write_text('chain = "signet"\nnode = "127.0.0.1:9736"\n')
    machine.user_file.write_text('chain = "regtest"\n')
    settings = load_settings()
    assert (settings.chain, settings.node) == (ChainName.REGTEST, "127.0.0.1:9736")


def test_the_environment_is_stronger_than_the_files(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.user_file.write_text('radio = "virtual:127.0.0.1:1"\n')
    monkeypatch.setenv("BLED_RADIO", "virtual:127.0.0.1:2")
    assert load_settings().radio == "virtual:127.0.0.1:2"


def test_an_empty_variable_sets_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.user_file.write_text('radio = "virtual:127.0.0.1:1"\n')
    monkeypatch.setenv("BLED_RADIO", "")
    assert load_settings().radio == "virtual:127.0.0.1:1"


def test_a_flag_is_stronger_than_the_environment(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLED_CHAIN", "signet")
    assert load_settings({"chain": "regtest"}).chain is ChainName.REGTEST


def test_a_flag_that_was_not_given_changes_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLED_CHAIN", "signet")
    assert load_settings({"chain": None}).chain is ChainName.SIGNET


def test_systemd_says_where_the_credentials_are(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    assert load_settings().credentials == tmp_path / "credentials"


def test_an_explicit_credentials_folder_is_stronger_than_systemds(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    assert load_settings({"credentials": tmp_path / "mine"}).credentials == tmp_path / "mine"


def test_a_tilde_is_the_users_home(machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    machine.user_file.write_text('lightning_rpc = "~/.lightning/regtest/lightning-rpc"\n')
    assert load_settings().lightning_rpc == tmp_path / ".lightning" / "regtest" / "lightning-rpc"


def test_the_chain_hash_is_the_codecs(machine: Machine) -> None:
    assert load_settings({"chain": "regtest"}).chain_hash == REGTEST_CHAIN


def test_the_amount_may_come_from_the_environment_as_text(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLED_AUTO_APPROVE_BELOW_MSAT", "21000")
    assert load_settings().auto_approve_below_msat == 21_000


@pytest.mark.parametrize("amount", ["true", "1000.0", "-1", '"a lot"'])
def test_an_amount_that_is_not_a_whole_number_of_millisatoshi_is_refused(machine: Machine, amount: str) -> None:
    machine.user_file.write_text(f"auto_approve_below_msat = {amount}\n")
    assert f"{machine.user_file}: auto_approve_below_msat: " in _complaint()


def _complaint(flags: dict[str, object] | None = None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(flags)
    assert caught.value.code is Code.CONFIG_BAD
    return caught.value.detail


def test_a_wrong_value_is_reported_with_its_file_and_key(machine: Machine) -> None:
    machine.system_file.write_text('chain = "bitcon"\n')
    complaint = _complaint()
    assert complaint.startswith(f"{machine.system_file}: chain: ")
    assert "regtest" in complaint


def test_a_wrong_value_is_reported_with_its_variable(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.system_file.write_text('chain = "regtest"\n')
    monkeypatch.setenv("BLED_CHAIN", "bitcon")
    assert _complaint().startswith("BLED_CHAIN: chain: ")


def test_a_wrong_value_of_a_flag_is_reported_as_such(machine: Machine) -> None:
    machine.user_file.write_text("auto_approve_below_msat = 1\n")
    complaint = _complaint({"auto_approve_below_msat": -1})
    assert complaint.startswith("command line: auto_approve_below_msat: ")


def test_an_unknown_key_of_a_file_is_refused_with_the_nearest_name(machine: Machine) -> None:
    machine.system_file.write_text("auto_aprove_below_msat = 5\n")
    assert _complaint() == (
        f"{machine.system_file}: auto_aprove_below_msat is not a setting; the nearest is auto_approve_below_msat"
    )


def test_an_unknown_variable_of_ours_is_refused_with_the_nearest_name(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLED_CHAINS", "regtest")
    assert _complaint() == "BLED_CHAINS: chains is not a setting; the nearest is chain"


def test_the_variable_that_arms_a_failpoint_is_no_setting(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLED_FAILPOINT", "home.claimed=kill")
    load_settings()
    machine.user_file.write_text('failpoint = "home.claimed=kill"\n')
    assert "failpoint is not a setting" in _complaint()


def test_everything_that_is_wrong_is_said_at_once(machine: Machine) -> None:
    machine.system_file.write_text('chain = "bitcon"\nnode = ""\n')
    complaint = _complaint()
    assert "chain: " in complaint
    assert "node: " in complaint


def test_a_file_that_is_not_toml_is_reported_by_name_and_line(machine: Machine) -> None:
    machine.user_file.write_text("chain = \n")
    complaint = _complaint()
    assert complaint.startswith(f"{machine.user_file}: is not TOML: ")
    assert "line 1" in complaint


def test_a_file_that_is_not_utf8_is_reported_by_name(machine: Machine) -> None:
    machine.user_file.write_bytes(b'radio = "\xff"\n')
    assert _complaint().startswith(f"{machine.user_file}: is not TOML: ")


def test_a_file_that_cannot_be_read_is_reported_by_name(machine: Machine) -> None:
    machine.user_file.mkdir()
    assert _complaint() == f"{machine.user_file}: cannot be read: Is a directory"


def test_settings_do_not_change_once_read(machine: Machine) -> None:
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.radio = "virtual:127.0.0.1:1"
