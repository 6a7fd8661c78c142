"""100 strings that people have published: what others agree on, and our decision where they do not."""

import json
from pathlib import Path
from typing import Any

import pytest

from bled_codec.errors import Rule
from bled_codec.inspection import Inspection, Verdict, inspect_string
from bled_codec.tlv import split_stream


@pytest.fixture(scope="module")
def items(shared_vectors: Path) -> list[dict[str, Any]]:
    return json.loads((shared_vectors / "wild.json").read_text())["items"]


def test_every_undisputed_string_is_judged_as_recorded(items: list[dict[str, Any]]) -> None:
    undisputed = [item for item in items if not item["disputed"]]
    assert (len(items), len(undisputed)) == (100, 94)
    wrong = [item["string"] for item in undisputed if inspect_string(item["string"]).valid != item["valid"]]
    assert wrong == []


def test_the_records_of_every_valid_string_are_as_recorded(items: list[dict[str, Any]]) -> None:
    compared = 0
    for item in items:
        message = inspect_string(item["string"]).message
        if message is not None and item["tlvs"]:
            assert [[record.type, record.value.hex()] for record in message.records] == item["tlvs"]
            assert split_stream(message.encode()) == message.records
            compared += 1
    assert compared >= 70


def disputed(items: list[dict[str, Any]], fragment: str) -> list[Inspection]:
    return [inspect_string(item["string"]) for item in items if item["disputed"] and fragment in item["string"][:40]]


def test_an_invoice_for_more_than_the_offer_asks_is_valid(items: list[dict[str, Any]]) -> None:
    (found,) = disputed(items, "lni1")  # one reader refuses tips; the specification allows them
    assert found.valid
    assert found.fields["invreq_amount"] > found.fields["offer_amount"]


def test_a_request_without_an_offer_may_be_signed_or_not(items: list[dict[str, Any]]) -> None:
    found = disputed(items, "lnr1")  # Core Lightning signs them, LDK does not, and each refuses the other's
    assert [inspection.valid for inspection in found] == [True] * 4
    assert sorted(inspection.signature for inspection in found) == [Verdict.ABSENT] + [Verdict.VALID] * 3


def test_an_unknown_compulsory_feature_makes_an_offer_invalid(items: list[dict[str, Any]]) -> None:
    (found,) = disputed(items, "lno1")  # LDK looks at features only when it answers
    assert found.error is not None
    assert (found.error.rule, found.error.tlv_type) == (Rule.UNKNOWN_FEATURE, 12)
