"""The setting that names a radio, without any radio."""

import subprocess
import sys

import pytest

from bled.codes import Code
from bled.errors import ConfigurationError
from bled.link.hci_socket import split_address


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("127.0.0.1:9000", ("127.0.0.1", 9000)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:65535", ("::1", 65535)),
        ("/run/bled/air", "/run/bled/air"),
        ("./air:1", "./air:1"),
    ],
)
def test_an_address_is_host_and_port_or_a_path_with_a_slash(address: str, place: object) -> None:
    assert split_address(address) == place


@pytest.mark.parametrize("address", ["", "air", ":1", "host:", "host:x", "host:65536", "host:+1"])
def test_anything_else_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        split_address(address)
    assert caught.value.code is Code.CONFIG_BAD


@pytest.mark.parametrize("module", ["bled.link.base", "bled.link.radio", "bled.link.framed"])
def test_the_protocol_and_the_choice_of_a_radio_load_no_radio(module: str) -> None:
    script = f"import sys, {module}; sys.exit('bumble' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
