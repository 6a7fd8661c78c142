"""One frozen input for every rule: read, it breaks exactly that rule. `recipe.py` made the file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bled_codec.blinded_path import unblind
from bled_codec.bolt12_string import parse_string
from bled_codec.chains import CHAIN_NAMES
from bled_codec.checks import check_invoice_for_request, check_offer_usable, check_request_for_offer
from bled_codec.crypto import SecretKey
from bled_codec.errors import CodecError, Rule
from bled_codec.inspection import inspect_string
from bled_codec.invoice import Invoice
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer
from bled_codec.onion import peel_onion
from bled_codec.onion_message import open_onion_message
from bled_codec.payer_proof import PayerProof
from bled_codec.rules import SOURCES, explain
from bled_codec.units import Point

from .recipe import cases

ISSUER, PAYER = SecretKey(b"\x41" * 32), SecretKey(b"\x42" * 32)
CASES = json.loads((Path(__file__).parent / "rules.json").read_text())["cases"]
BUILDERS_ONLY = {Rule.DESCRIPTION_MISSING, Rule.FALLBACK_ADDRESS}
"""Rules of writers that no reader applies: the builders' own tests break them."""


def _text(given: Any) -> str:
    if isinstance(given, str):
        return given
    before, repeated, count = given["repeat"]
    return before + repeated * count


def _terms(given: dict[str, Any]) -> dict[str, Any]:
    return {"chain": CHAIN_NAMES[given["chain"]], "now": given["now"]}


def _offer_in_time(given: dict[str, Any]) -> None:
    check_offer_usable(Offer.decode(bytes.fromhex(given["offer"])), **_terms(given))


def _request_for_offer(given: dict[str, Any]) -> None:
    request = InvoiceRequest.decode(bytes.fromhex(given["request"]))
    check_request_for_offer(request, Offer.decode(bytes.fromhex(given["offer"])), **_terms(given))


def _invoice_for_request(given: dict[str, Any]) -> None:
    invoice = Invoice.decode(bytes.fromhex(given["invoice"]))
    request = InvoiceRequest.decode(bytes.fromhex(given["request"])) if "request" in given else None
    check_invoice_for_request(invoice, request=request, **_terms(given))


READERS: dict[str, Callable[[Any], object]] = {
    "string": lambda given: parse_string(_text(given)),
    "offer string": Offer.from_string,
    "offer": lambda given: Offer.decode(bytes.fromhex(given)),
    "invoice_request": lambda given: InvoiceRequest.decode(bytes.fromhex(given)),
    "invoice": lambda given: Invoice.decode(bytes.fromhex(given)),
    "payer_proof": lambda given: PayerProof.decode(bytes.fromhex(given)),
    "onion": lambda given: peel_onion(bytes.fromhex(given), ISSUER),
    "onion message": lambda given: open_onion_message(bytes.fromhex(given), Point(PAYER.public_key), ISSUER),
    "encrypted data": lambda given: unblind(ISSUER, Point(PAYER.public_key), bytes.fromhex(given)),
    "offer in time": _offer_in_time,
    "request for offer": _request_for_offer,
    "invoice for request": _invoice_for_request,
    "invoice alone": _invoice_for_request,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['rule']}, {case['reader']}")
def test_each_input_breaks_its_rule(case: dict[str, Any]) -> None:
    with pytest.raises(CodecError) as caught:
        READERS[case["reader"]](case["input"])
    assert caught.value.rule.value == case["rule"]


def test_every_rule_has_a_source_a_meaning_and_an_input() -> None:
    assert set(SOURCES) == set(Rule)
    for source in SOURCES.values():
        assert source.document in {"BOLT 1", "BOLT 4", "BOLT 12", "bled"}
        assert source.section
        assert source.side in {"reader", "writer", "both"}
    assert len({explain(rule) for rule in Rule}) == len(Rule)
    assert {rule.value for rule in Rule} - {case["rule"] for case in CASES} == {rule.value for rule in BUILDERS_ONLY}


def test_the_file_is_what_the_recipe_makes() -> None:
    assert list(cases()) == CASES


def test_any_string_that_breaks_a_rule_is_explained() -> None:
    for case in CASES:
        if case["reader"] == "string":
            found = inspect_string(_text(case["input"]))
            assert found.error is not None
            assert explain(found.error.rule)
