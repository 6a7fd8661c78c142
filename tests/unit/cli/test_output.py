"""What commands print of their steps."""

import pytest

from bled.cli.output import step_printer


def test_a_step_shows_its_facts_amounts_in_satoshi_and_no_cursor_tricks(capsys: pytest.CaptureFixture[str]) -> None:
    step_printer(as_json=False)("offer shown", {"amount_msat": 2_500_000, "description": "\x1b[2Jtea", "key": b"\x01"})
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "offer shown  amount_msat 2,500 sat, description \ufffd[2Jtea, key 01" in shown.err


def test_long_facts_and_proofs_are_for_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    facts = {"invoice": "lni1" + "q" * 200, "preimage": "07" * 32}
    step_printer(as_json=False)("paid", facts)
    assert "lni1" not in (brief := capsys.readouterr().err)
    assert "0707" not in brief
    step_printer(as_json=False, verbose=True)("paid", facts)
    whole = capsys.readouterr().err
    assert "lni1qq" in whole
    assert "0707" in whole


def test_with_json_steps_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    step_printer(as_json=True)("paid", {})
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")
