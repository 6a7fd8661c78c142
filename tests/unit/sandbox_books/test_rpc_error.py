"""Errors as the gRPC plugin writes them: Rust's debug form, to the letter."""

import pytest

from bled.node.cln_errors import RpcFailure, classify
from bled.sandbox.rpc_error import RpcError


def test_an_error_without_data() -> None:
    details = RpcError(1001, "offer is not active").details("DisableOffer")
    assert details == (
        'Error calling method DisableOffer: RpcError { code: Some(1001), message: "offer is not active", data: None }'
    )


def test_an_error_of_the_plugin_itself_has_no_code() -> None:
    assert "code: None, message: " in RpcError(None, "no response from lightningd").details("Getinfo")


def test_data_stands_by_name_with_the_type_of_each_value() -> None:
    data = {"status": "unpaid", "amount_msat": 15_000, "done": True}
    details = RpcError(900, "Duplicate label", data).details("CreateInvoice")
    members = '{"amount_msat": Number(15000), "done": Bool(true), "status": String("unpaid")}'
    assert details.endswith(f"data: Some(Object {members}) }}")


@pytest.mark.parametrize("text", ['say "a\\b"', "two\nlines\r\tand\0more", "\x01\x7f\u200b", "ä€😀", "'{x}'"])
def test_our_own_reader_gets_back_every_text(text: str) -> None:
    failure = classify("UNKNOWN", RpcError(-1, text).details("Offer"))
    assert isinstance(failure, RpcFailure)
    assert (failure.method, failure.rpc_code, failure.message) == ("Offer", -1, text)
