"""Certificates for mutual TLS: made once, for the names a real node's have, with keys that only the owner may read."""

from pathlib import Path
from stat import S_IMODE

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

from bled.node.cln_credentials import load_credentials
from bled.sandbox.certificates import ensure_certificates

FILES = {"ca.pem", "ca-key.pem", "server.pem", "server-key.pem", "client.pem", "client-key.pem"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("node") / "regtest"
    ensure_certificates(folder)
    return folder


def certificate(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / name).read_bytes())


def test_the_files_are_a_real_nodes(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == FILES


def test_only_the_owner_may_read_the_keys(folder: Path) -> None:
    modes = {path.name: S_IMODE(path.stat().st_mode) for path in folder.iterdir() if path.name.endswith("-key.pem")}
    assert set(modes.values()) == {0o600}
    assert len(modes) == 3


def test_a_second_start_changes_nothing(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    credentials = ensure_certificates(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert credentials.key not in repr(credentials).encode()


def test_a_first_start_that_was_cut_short_is_made_good(tmp_path: Path) -> None:
    (tmp_path / "server-key.pem").write_text("half")
    (tmp_path / "server-key.pem").chmod(0o644)
    ensure_certificates(tmp_path)
    assert S_IMODE((tmp_path / "server-key.pem").stat().st_mode) == 0o600
    load_credentials(tmp_path)


@pytest.mark.parametrize("name", ["server.pem", "client.pem"])
def test_each_is_issued_by_the_authority_on_p256_for_the_names_of_a_node(folder: Path, name: str) -> None:
    leaf = certificate(folder, name)
    leaf.verify_directly_issued_by(certificate(folder, "ca.pem"))
    key = leaf.public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    assert isinstance(key.curve, SECP256R1)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["cln", "localhost"]
    assert names.get_values_for_type(x509.IPAddress) == []


def test_only_the_authority_may_issue(folder: Path) -> None:
    constraints = certificate(folder, "ca.pem").extensions.get_extension_for_class(x509.BasicConstraints).value
    assert constraints.ca
    with pytest.raises(x509.ExtensionNotFound):
        certificate(folder, "client.pem").extensions.get_extension_for_class(x509.BasicConstraints)
