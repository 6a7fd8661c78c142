"""`bled demo` as a stranger runs it: a process of its own, judged by what it prints and how it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bled.demo.attacks import ATTACKS, Tamper
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.checks import check_invoice_for_request, check_request_for_offer
from bled_codec.crypto import sha256
from bled_codec.invoice import Invoice
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer
from bled_codec.request_signature import RequestSignature

pytestmark = pytest.mark.system

_BLED = Path(sys.executable).parent / "bled"


def _demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([_BLED, "demo", *arguments], capture_output=True, text=True, timeout=100, check=False)


def _object(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    lines = run.stdout.splitlines()
    assert len(lines) == 1, run.stderr
    return dict(json.loads(lines[0]))


@pytest.mark.parametrize("att_mtu", [23, 517])
def test_a_purchase_is_paid_and_its_strings_prove_it(att_mtu: int) -> None:
    run = _demo("--json", "--amount-msat", "1234567", "--description", "two teas", "--mtu", str(att_mtu))
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""
    told = _object(run)
    offer = Offer.from_string(told["offer"])
    request = InvoiceRequest.from_string(told["invoice_request"])
    invoice = Invoice.from_string(told["invoice"])
    now = invoice.invoice_created_at
    check_request_for_offer(request, offer=offer, chain=REGTEST_CHAIN, now=now)
    check_invoice_for_request(invoice, request=request, chain=REGTEST_CHAIN, now=now)
    assert invoice.request_signature is RequestSignature.VALID
    assert invoice.invoice_request_signature == request.signature
    assert (offer.offer_description, request.invreq_amount, invoice.invoice_amount) == ("two teas", 1234567, 1234567)
    assert sha256(bytes.fromhex(told["preimage"])).hex() == told["payment_hash"] == invoice.invoice_payment_hash.hex()
    assert request.invreq_payer_id.hex() == told["payer_id"]
    assert (told["outcome"], told["amount_msat"], told["request_signature"]) == ("paid", 1234567, "valid")
    assert told["budget_msat"]["before"] - told["budget_msat"]["after"] >= 1234567
    assert told["att_pdus"] > 0
    assert told["bytes_on_air"] > len(request.encode()) + len(offer.encode())
    times = [step["at_ms"] for step in told["steps"] if not step["name"].startswith(("demo:", "home: book"))]
    assert len(times) > 10


def test_a_smaller_mtu_takes_more_pdus() -> None:
    pdus = {mtu: _object(_demo("--json", "--mtu", mtu))["att_pdus"] for mtu in ("23", "517")}
    assert pdus["23"] > 2 * pdus["517"]


def test_in_a_terminal_the_steps_and_the_result_are_told_in_words() -> None:
    run = _demo()
    assert run.returncode == 0, run.stdout + run.stderr
    for word in ("till", "buyer", "home", "preimage", "field 239", "home's budget", "the money is not real", "Paid"):
        assert word in run.stdout


@pytest.mark.parametrize("tamper", list(Tamper))
def test_home_refuses_an_attacked_purchase_and_no_money_moves(tamper: Tamper) -> None:
    run = _demo("--json", "--tamper", tamper.value)
    assert run.returncode == 77, run.stdout + run.stderr
    told = _object(run)
    assert told["outcome"] == "refused"
    assert told["rule"] in {rule.value for rule in ATTACKS[tamper].rules}
    assert told["sentence"].endswith("paid.")
    assert all(balance["before"] == balance["after"] for balance in told["balances_msat"].values())
    assert told["budget_msat"]["before"] == told["budget_msat"]["after"]
    assert told["problems"] == []


def test_in_a_terminal_the_rule_that_stopped_an_attack_is_told_in_words() -> None:
    run = _demo("--tamper", "amount")
    assert run.returncode == 77
    assert "Refused by home (request-signature-invalid)" in run.stdout
    assert "is not what your device signed. Nothing was paid." in run.stdout


def test_an_unknown_attack_is_a_usage_error_that_names_the_known_ones() -> None:
    run = _demo("--tamper", "nonsense")
    assert run.returncode == 64
    assert "over-budget" in run.stderr


def test_a_merchant_with_lnd_is_paid_as_well() -> None:
    run = _demo("--json", "--merchant", "lnd", "--description", "two teas")
    assert run.returncode == 0, run.stdout + run.stderr
    told = _object(run)
    invoice = Invoice.from_string(told["invoice"])
    assert (told["outcome"], invoice.request_signature) == ("paid", RequestSignature.VALID)
    assert sha256(bytes.fromhex(told["preimage"])) == invoice.invoice_payment_hash
    assert len(invoice.invoice_paths[0].hops) == 2


@pytest.mark.parametrize("tamper", [Tamper.AMOUNT, Tamper.PAYEE, Tamper.REPLAY], ids=str)
def test_a_cheat_with_lnd_is_refused_at_home(tamper: Tamper) -> None:
    run = _demo("--json", "--merchant", "lnd", "--tamper", tamper.value)
    assert run.returncode == 77, run.stdout + run.stderr


def test_a_kind_of_node_that_there_is_none_of_is_a_usage_error() -> None:
    assert _demo("--merchant", "eclair").returncode == 64


@pytest.mark.parametrize("merchant", ["cln", "lnd"])
def test_a_tip_is_signed_paid_and_told_with_the_price(merchant: str) -> None:
    arguments = ("--amount-msat", "1000000", "--tip-msat", "150000", "--merchant", merchant)
    run = _demo("--json", *arguments)
    assert run.returncode == 0, run.stdout + run.stderr
    told = _object(run)
    assert (told["outcome"], told["amount_msat"], told["tip_msat"]) == ("paid", 1_150_000, 150_000)
    request = InvoiceRequest.from_string(told["invoice_request"])
    assert (request.offer_amount, request.invreq_amount) == (1_000_000, 1_150_000)
    assert Invoice.from_string(told["invoice"]).invoice_amount == 1_150_000
    merchant_node = told["balances_msat"]["merchant"]
    assert merchant_node["after"] - merchant_node["before"] == 1_150_000


def test_a_tip_above_the_price_is_a_usage_error() -> None:
    assert _demo("--amount-msat", "1000", "--tip-msat", "1001").returncode == 64


def test_a_long_tmpdir_is_no_trouble(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    run = subprocess.run(
        [_BLED, "demo", "--json"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=os.environ | {"TMPDIR": str(long)},
    )
    assert (run.returncode, _object(run)["outcome"]) == (0, "paid")
