"""`bled decode`: every string is taken apart, in order, whatever is wrong with it."""

import io
import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bled.cli.decode import decode, read_lines
from bled_codec.invoice import Invoice

from .strings import FORGED, OFFER, PROOF, REQUEST, ZERO, invoice

APP = typer.Typer()
APP.command()(decode)
RUNNER = CliRunner()


def tree(*strings: str, exit_code: int = 0) -> list[str]:
    ended = RUNNER.invoke(APP, list(strings))
    assert ended.exit_code == exit_code, ended.output
    return [" ".join(line.split()) for line in ended.output.splitlines()]


def objects(*arguments: str, stdin: bytes | None = None) -> tuple[list[dict[str, Any]], int]:
    ended = RUNNER.invoke(APP, ["--json", *arguments], input=stdin)
    return [json.loads(line) for line in ended.stdout.splitlines()], ended.exit_code


def test_an_offer_is_shown_with_units_dates_and_warnings() -> None:
    lines = tree(OFFER.string)
    text = "\n".join(lines)
    assert lines[0] == "offer: valid"
    assert "offer_amount 5000 msat (5 sat)" in text
    assert "2023-11-14 22:13:20 UTC" in text
    assert "offer_chains regtest" in text
    assert "! the offer has expired" in text
    assert "! it is not for bitcoin but for regtest" in text
    assert "25 offer_recurrence_optional" in text
    assert "33 unknown" in text
    assert "signature" not in text


def test_a_strangers_text_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in "\n".join(tree(OFFER.string))


def test_paths_and_their_costs_are_shown_hop_by_hop() -> None:
    text = "\n".join(tree(invoice().string))
    assert "path 1 begins at 02" in text
    assert "hop 1" in text
    assert "costs 1000 msat and 100 millionths, 80 blocks" in text
    assert "bits 17" in text


def test_field_239_has_its_own_line_and_its_own_verdict() -> None:
    assert "field 239 valid (the payer's signature of the request)" in tree(invoice().string)
    lines = tree(invoice(with_request_signature=False).string)
    assert lines[0] == "invoice: valid"
    assert "field 239 absent (the payer's signature of the request)" in lines


def test_a_bad_string_gets_rule_field_and_place() -> None:
    lines = tree(ZERO, exit_code=65)
    assert lines[:4] == [
        "offer: NOT VALID",
        "! the amount is zero",
        "rule amount-zero (BOLT 12, Requirements For Offers)",
        "at TLV 8 offer_amount, byte 0",
    ]
    lines = tree("lno1qqbq", exit_code=65)
    assert lines[0] == "BOLT 12 string: NOT VALID"
    assert lines[-1] == "at character 6"


def test_json_has_the_members_that_are_promised() -> None:
    (found,), exit_code = objects(invoice().string)
    assert exit_code == 0
    assert {"valid", "kind", "error", "fields", "signature", "request_signature"} <= set(found)
    assert (found["valid"], found["kind"], found["error"]) == (True, "invoice", None)
    assert (found["signature"], found["request_signature"]) == ("valid", "valid")
    assert found["fields"]["invoice_amount"] == 5000
    assert found["fields"]["invoice_blindedpay"][0]["cltv_expiry_delta"] == 80
    assert found["unknown"] == [
        {"type": 25, "name": "offer_recurrence_optional", "value": "0001"},
        {"type": 33, "name": None, "value": b"odd".hex()},
    ]


@pytest.mark.parametrize(
    ("string", "kind", "signature", "request_signature"),
    [
        (OFFER.string, "offer", "absent", None),
        (REQUEST.string, "invoice_request", "valid", None),
        (PROOF.string, "payer_proof", "valid", None),
        (FORGED, "invoice", "invalid", "valid"),
        (ZERO, "offer", "absent", None),
    ],
)
def test_each_kind_has_its_verdicts(string: str, kind: str, signature: str, request_signature: str | None) -> None:
    (found,), _ = objects(string)
    assert (found["kind"], found["signature"], found["request_signature"]) == (kind, signature, request_signature)


def test_an_error_names_rule_type_and_offset() -> None:
    (found,), exit_code = objects(ZERO)
    assert exit_code == 65
    assert found["error"] == {"rule": "amount-zero", "tlv_type": 8, "offset": 0, "message": "the amount is zero"}
    assert found["fields"]["offer_description"] == "x"


def test_one_object_for_each_line_in_order_never_stopping() -> None:
    lines = [OFFER.string, "", "rubbish", FORGED, "lno1\xff", "  " + REQUEST.string.upper() + "\r", PROOF.string]
    found, exit_code = objects("-", stdin="\n".join(lines).encode("latin-1"))
    assert exit_code == 65
    assert [row["valid"] for row in found] == [True, False, False, False, False, True, True]
    assert [row["kind"] for row in found] == ["offer", None, None, "invoice", None, "invoice_request", "payer_proof"]


def test_all_valid_ends_with_zero_and_nothing_gives_nothing() -> None:
    assert objects("-", stdin=f"{OFFER.string}\n{REQUEST.string}\n".encode())[1] == 0
    assert objects("-", stdin=b"") == ([], 0)


def test_a_line_without_end_is_cut_not_kept() -> None:
    lines = list(read_lines(io.BytesIO(b"x" * 5_000_000 + b"\nlno1q\n" + b"y" * 3)))
    assert [len(line) for line in lines] == [1_000_002, 5, 3]
    (found, *_), _ = objects("-", stdin=b"q" * 1_000_100)
    assert found["error"]["rule"] == "string-too-long"


def test_an_unsigned_invoice_is_shown_and_not_valid() -> None:
    bare = Invoice.decode(invoice().encode())
    assert bare.string.startswith("lni1")
    (found,), exit_code = objects(bare.string[:-110])
    assert exit_code == 65
    assert found["valid"] is False
