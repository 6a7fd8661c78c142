"""`bled verify`: each thing a string proves is checked by itself, and one failure is enough."""

import json
from typing import Any

import typer
from typer.testing import CliRunner

from bled.cli.verify import verify

from .strings import FORGED, OFFER, OTHER_OFFER, PREIMAGE, PROOF, REQUEST, ZERO, invoice

APP = typer.Typer()
APP.command()(verify)
RUNNER = CliRunner()


def checks(*arguments: str, exit_code: int = 0) -> dict[str, Any]:
    ended = RUNNER.invoke(APP, [*arguments, "--json"])
    assert ended.exit_code == exit_code, ended.output
    found = json.loads(ended.stdout)
    assert found["verified"] is (exit_code == 0)
    return {row["name"]: row["holds"] for row in found["checks"]}


def test_a_proof_needs_nothing_beside_it() -> None:
    assert checks(PROOF.string) == {"form": True, "signature": True, "payer": True, "preimage": True}
    assert "payer_proof: verified" in RUNNER.invoke(APP, [PROOF.string]).output


def test_a_proof_is_put_into_words_that_say_what_it_does_not_prove() -> None:
    told = RUNNER.invoke(APP, [PROOF.string]).output
    for words in (PROOF.invreq_payer_id.hex(), PROOF.invoice_node_id.hex(), "names nobody", "handed over"):
        assert words in told
    means = json.loads(RUNNER.invoke(APP, [PROOF.string, "--json"]).stdout)["means"]
    assert means.startswith("Whoever has the secret of the payer id")
    assert json.loads(RUNNER.invoke(APP, [REQUEST.string, "--json"]).stdout)["means"] is None


def test_an_invoice_with_its_preimage_is_a_receipt() -> None:
    found = checks(invoice().string, "--preimage", PREIMAGE.hex(), "--offer", OFFER.string, "--request", REQUEST.string)
    assert found == {
        "form": True, "signature": True, "field 239": True, "offer": True, "request": True, "preimage": True,
    }  # fmt: skip


def test_one_failure_is_enough() -> None:
    assert checks(invoice().string, "--preimage", "00" * 32, exit_code=65)["preimage"] is False
    assert checks(invoice().string, "--offer", OTHER_OFFER.string, exit_code=65)["offer"] is False
    assert checks(REQUEST.string, "--offer", OTHER_OFFER.string, exit_code=65)["offer"] is False
    assert checks(PROOF.string, "--offer", OTHER_OFFER.string, exit_code=65)["offer"] is False
    assert checks(ZERO, exit_code=65) == {"form": False}
    assert checks(FORGED, exit_code=65) == {"form": False}
    assert checks(OFFER.string, "--preimage", "00" * 32, exit_code=65)["preimage"] is False
    assert checks(OFFER.string, "--request", REQUEST.string, exit_code=65)["request"] is False


def test_a_proof_shows_a_part_of_its_offer_and_request() -> None:
    found = checks(PROOF.string, "--offer", OFFER.string, "--request", REQUEST.string, "--preimage", PREIMAGE.hex())
    assert found["offer"] is found["request"] is found["preimage"] is True


def test_an_absent_field_239_is_told_and_is_no_failure() -> None:
    assert checks(invoice(with_request_signature=False).string)["field 239"] is None


def test_what_is_compared_with_must_itself_be_valid() -> None:
    for option, value in (("--offer", ZERO), ("--request", OFFER.string), ("--preimage", "07"), ("--preimage", "x")):
        ended = RUNNER.invoke(APP, [PROOF.string, option, value])
        assert ended.exit_code == 64
