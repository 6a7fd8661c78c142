"""What a gRPC status means for money, with the texts of real nodes."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis.strategies import integers, sampled_from, text

from bled.codes import Code
from bled.node.cln_errors import RpcFailure, classify
from bled.node.grpc_errors import NoAnswerInTime
from bled.sandbox.rpc_error import RpcError

REFUSED_CONNECTION = (
    "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:23024: "
    "Failed to connect to remote host: Connection refused"
)

SHUT_DOWN = "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:9736: handshaker shutdown"
CLOSING = "failed to connect to all addresses; last error: Handshake read failed (Endpoint closing)"


def rpc(method: str, code: str, message: str) -> str:
    return f'Error calling method {method}: RpcError {{ code: {code}, message: "{message}", data: None }}'


@pytest.mark.parametrize(
    ("status", "details", "code"),
    [
        ("UNAVAILABLE", REFUSED_CONNECTION, Code.NODE_UNREACHABLE),
        ("UNAVAILABLE", "DNS resolution failed for x:1", Code.NODE_UNREACHABLE),
        ("UNAVAILABLE", "Ssl handshake failed: SSL_ERROR_SSL: CERTIFICATE_VERIFY_FAILED", Code.NODE_TLS),
        (
            "UNAVAILABLE",
            SHUT_DOWN,
            Code.NODE_UNREACHABLE,
        ),
        (
            "UNAVAILABLE",
            CLOSING,
            Code.NODE_UNREACHABLE,
        ),
        ("UNAVAILABLE", "Socket closed", Code.NODE_DIED),
        ("UNAVAILABLE", "recvmsg:Connection reset by peer", Code.NODE_DIED),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", Code.NODE_DIED),
        ("CANCELLED", "Stream removed (RST_STREAM (Received RST_STREAM with error code 8))", Code.NODE_PROTOCOL),
        ("UNIMPLEMENTED", "", Code.NODE_PROTOCOL),
        ("UNAUTHENTICATED", "no", Code.NODE_REFUSED),
        ("UNKNOWN", rpc("CreateInvoice", "None", "no response from lightningd"), Code.NODE_DIED),
        ("UNKNOWN", rpc("Getinfo", "None", "reading response from socket"), Code.NODE_DIED),
        ("UNKNOWN", rpc("Xpay", "None", "Error passing request to lightningd: Broken pipe"), Code.NODE_DIED),
        ("UNKNOWN", rpc("Xpay", "Some(1)", "no response from lightningd"), Code.NODE_REFUSED),
        ("INTERNAL", "Connection refused (os error 111)", Code.NODE_UNREACHABLE),
        ("INTERNAL", "No such file or directory (os error 2)", Code.NODE_UNREACHABLE),
        ("INTERNAL", "Unexpected result Getinfo to method call Offer", Code.NODE_PROTOCOL),
        ("UNKNOWN", rpc("Offer", "Some(1000)", "Already exists, but isn't active"), Code.NODE_REFUSED),
        ("UNKNOWN", "something else", Code.NODE_PROTOCOL),
    ],
)
def test_a_status_is_told_apart_by_what_may_have_happened(status: str, details: str, code: Code) -> None:
    assert classify(status, details).code is code


def test_a_deadline_has_a_type_of_its_own() -> None:
    assert isinstance(classify("DEADLINE_EXCEEDED", ""), NoAnswerInTime)
    assert isinstance(classify("CANCELLED", "Timeout expired"), NoAnswerInTime)


def test_a_refusal_keeps_method_code_and_words() -> None:
    error = classify("UNKNOWN", rpc("DisableOffer", "Some(-1)", 'a \\"quoted\\" word\\n\\u{e9}'))
    assert isinstance(error, RpcFailure)
    assert (error.method, error.rpc_code, error.message) == ("DisableOffer", -1, 'a "quoted" word\né')
    assert not error.answer_was_unreadable


def test_an_answer_that_does_not_fit_the_types_is_recognised() -> None:
    details = rpc("CreateInvoice", "None", "Failed to deserialize response : missing field `description`")
    error = classify("UNKNOWN", details)
    assert isinstance(error, RpcFailure)
    assert error.answer_was_unreadable


def test_details_are_bounded() -> None:
    assert len(classify("UNKNOWN", "x" * 10_000).detail) <= 300
    assert len(classify("UNKNOWN", rpc("Offer", "Some(1)", "x" * 10_000)).detail) <= 300


@given(status=sampled_from(["UNKNOWN", "UNAVAILABLE", "CANCELLED", "?"]), details=text())
def test_no_text_breaks_it(status: str, details: str) -> None:
    assert classify(status, details).code.value.startswith("node-")


@given(message=text(max_size=50), code=integers(-99_999, 99_999))
def test_every_message_is_read_back(message: str, code: int) -> None:
    error = classify("UNKNOWN", RpcError(code, message).details("Offer"))
    assert isinstance(error, RpcFailure)
    assert (error.message, error.rpc_code) == (message, code)


def test_every_recorded_error_is_understood(shared_vectors: Path) -> None:
    codes: dict[Code, int] = {}
    for file in sorted((shared_vectors / "cln").glob("*.json")):
        for step in json.loads(file.read_text())["steps"]:
            if step["actor"] != "merchant-grpc" or "error" not in step:
                continue
            error = classify(step["error"]["grpc_code"], step["error"]["details"])
            codes[error.code] = codes.get(error.code, 0) + 1
            if isinstance(error, RpcFailure):
                assert error.method.startswith(step["method"].replace("ConnectPeer", "Connect"))
    assert set(codes) == {Code.NODE_REFUSED, Code.NODE_DIED, Code.NODE_PROTOCOL, Code.NODE_UNREACHABLE}
