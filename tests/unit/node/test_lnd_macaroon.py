"""What a macaroon allows is read from its bytes; what is none is refused, wherever it breaks off."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis.strategies import binary

from bled.codes import Code
from bled.errors import ConfigurationError
from bled.node.doctor import bake_command
from bled.node.lnd_credentials import load_lnd_credentials
from bled.node.lnd_macaroon import NEEDED, read_powers
from bled.sandbox.certificates import ensure_server_certificate
from bled.sandbox.lnd_macaroons import ADMIN, PERMISSIONS, TILL, Macaroons


@pytest.fixture
def macaroons(tmp_path: Path) -> Macaroons:
    return Macaroons(tmp_path)


def test_the_tills_own_allows_what_is_needed_and_nothing_else(macaroons: Macaroons, tmp_path: Path) -> None:
    powers = read_powers((tmp_path / TILL).read_bytes())
    assert (powers.missing, powers.excess, powers.can_spend, powers.caveats) == ((), (), False, 0)


def test_the_owners_can_spend(macaroons: Macaroons, tmp_path: Path) -> None:
    powers = read_powers((tmp_path / ADMIN).read_bytes())
    assert powers.can_spend
    assert "onchain:write" in powers.excess
    assert powers.missing == ()


@pytest.mark.parametrize(
    ("baked", "can_spend"),
    [
        ({"invoices": ("read", "write"), "info": ("read",)}, False),
        ({"offchain": ("read",)}, False),
        ({"offchain": ("write",)}, True),  # what `SendOnionMessage` would need as a wide permission also pays
        ({"macaroon": ("generate",)}, True),
        ({"signer": ("generate",)}, True),
        ({"uri": ("/routerrpc.Router/SendPaymentV2",)}, True),
        ({"uri": ("/lnrpc.Lightning/OpenChannel",)}, True),  # `push_sat` gives money away
        ({"uri": ("/lnrpc.Lightning/BatchOpenChannel",)}, True),
        ({"uri": ("/lnrpc.Lightning/CloseChannel",)}, True),  # to any address
        ({"uri": ("/walletrpc.WalletKit/FundPsbt", "/walletrpc.WalletKit/FinalizePsbt")}, True),
        ({"uri": ("/walletrpc.WalletKit/SignPsbt",)}, True),
        ({"uri": ("/signrpc.Signer/SignOutputRaw",)}, True),
        ({"uri": ("/walletrpc.WalletKit/BumpFee",)}, True),
        ({"uri": ("/lnrpc.Lightning/RegisterRPCMiddleware",)}, True),  # may change what others ask for
        ({"uri": ("/lnrpc.Lightning/WalletBalance",)}, False),
        ({"uri": ("/lnrpc.Lightning/ListPayments", "/lnrpc.Lightning/DecodePayReq")}, False),
        ({"uri": ("/lnrpc.Lightning/PendingChannels", "/lnrpc.Lightning/ListChannels")}, False),
    ],
)
def test_what_moves_money_is_known(macaroons: Macaroons, baked: dict[str, tuple[str, ...]], can_spend: bool) -> None:
    assert read_powers(macaroons.bake(baked)).can_spend is can_spend


def test_what_is_missing_is_named(macaroons: Macaroons) -> None:
    uris = tuple(uri for uri in NEEDED if not uri.endswith("CancelInvoice"))
    assert read_powers(macaroons.bake({"uri": uris})).missing == ("/invoicesrpc.Invoices/CancelInvoice",)


def test_every_call_that_is_made_has_a_reason_and_a_permission() -> None:
    assert NEEDED.keys() == PERMISSIONS.keys()
    assert all(NEEDED.values())


def test_a_macaroon_that_breaks_off_anywhere_is_refused(macaroons: Macaroons) -> None:
    whole = macaroons.bake({"uri": tuple(NEEDED)})
    for length in range(len(whole)):
        with pytest.raises(ConfigurationError) as caught:
            read_powers(whole[:length])
        assert caught.value.code is Code.CONFIG_BAD
    with pytest.raises(ConfigurationError):
        read_powers(whole + b"\0")


@given(data=binary(max_size=300))
def test_noise_is_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises(ConfigurationError):
        read_powers(b"\x02" + data)


def test_a_caveat_is_counted(macaroons: Macaroons) -> None:
    whole = macaroons.bake({"info": ("read",)})
    caveat = b"\x02\x04time\0"
    assert read_powers(whole[:-35] + caveat + whole[-35:]).caveats == 1


def test_credentials_are_found_in_a_folder_or_named(macaroons: Macaroons, tmp_path: Path) -> None:
    ensure_server_certificate(tmp_path)
    found = load_lnd_credentials(tmp_path)
    assert (found.macaroon_path.name, found.tls_name) == (TILL, "localhost")
    (tmp_path / ADMIN).rename(tmp_path / "elsewhere")
    named = load_lnd_credentials(None, certificate=tmp_path / "tls.cert", macaroon=tmp_path / "elsewhere")
    assert named.powers.can_spend


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("tls.cert", None, "tls.cert cannot be read"),
        ("tls.cert", b"text", "tls.cert holds no certificate"),
        ("bled.macaroon", b"text", "bled.macaroon cannot be used"),
        ("bled.macaroon", b"", "bled.macaroon is not such a file"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(
    macaroons: Macaroons, tmp_path: Path, file: str, content: bytes | None, words: str
) -> None:
    ensure_server_certificate(tmp_path)
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(ConfigurationError, match=words):
        load_lnd_credentials(tmp_path)


def test_several_macaroons_are_not_guessed_from(macaroons: Macaroons, tmp_path: Path) -> None:
    (tmp_path / TILL).rename(tmp_path / "till.macaroon")
    with pytest.raises(ConfigurationError, match="has 2 macaroons"):
        load_lnd_credentials(tmp_path)
    with pytest.raises(ConfigurationError, match="both of its files"):
        load_lnd_credentials(None)


def test_the_page_has_the_command_and_a_reason_for_each_call() -> None:
    page = (Path(__file__).parents[3] / "docs" / "nodes.md").read_text(encoding="utf-8")
    assert bake_command() in page
    assert all(f"`{uri.rpartition('/')[2]}`" in page for uri in NEEDED)
