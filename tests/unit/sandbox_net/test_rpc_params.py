"""Parameters of RPC commands, by name and by place."""

from typing import Any

import pytest

from bled.sandbox.rpc_error import RpcError
from bled.sandbox.rpc_params import bind, read_hash, read_msat, read_number, read_point, read_text

NAMES = ("first", "second")
POINT = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"


@pytest.mark.parametrize(
    ("params", "bound"),
    [
        (None, {}),
        ({}, {}),
        ([], {}),
        (["a"], {"first": "a"}),
        ([None, "b"], {"second": "b"}),
        ({"second": 1, "first": None}, {"second": 1}),
    ],
)
def test_both_forms_mean_the_same(params: object, bound: dict[str, Any]) -> None:
    assert bind(params, NAMES) == bound


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"third": 1, "first": 1}, "unknown parameter: third"),
        ([1, 2, 3], "too many parameters"),
        ({"second": 1}, "missing required parameter: first"),
        ([None], "missing required parameter: first"),
        ("text", "Expected array or object"),
    ],
)
def test_what_does_not_fit_is_refused(params: object, text: str) -> None:
    with pytest.raises(RpcError, match=text) as caught:
        bind(params, NAMES, required=1)
    assert caught.value.code == -32602


@pytest.mark.parametrize(("value", "msat"), [(0, 0), (15, 15), ("15", 15), ("15msat", 15), ("15sat", 15_000)])
def test_amounts_come_in_several_forms(value: object, msat: int) -> None:
    assert read_msat({"a": value}, "a") == msat


@pytest.mark.parametrize("value", [-1, 1.5, "1.5", "", "15 msat", "1btc", True, [], 10**19, "9" * 19 + "sat"])
def test_other_amounts_are_refused(value: object) -> None:
    with pytest.raises(RpcError, match="a: should be a millisatoshi amount: invalid token"):
        read_msat({"a": value}, "a")


def test_what_is_absent_is_none_or_the_default() -> None:
    assert (read_msat({}, "a"), read_text({}, "a"), read_hash({}, "a"), read_point({}, "a")) == (None,) * 4
    assert read_number({}, "a", 60) == 60


def test_values_are_read() -> None:
    assert read_text({"a": "b"}, "a") == "b"
    assert read_number({"a": "20"}, "a", 60) == 20
    assert read_hash({"a": "0f" * 32}, "a") == b"\x0f" * 32
    assert read_point({"a": POINT}, "a") == bytes.fromhex(POINT)


@pytest.mark.parametrize("read", [read_text, read_hash, read_point])
@pytest.mark.parametrize("value", [1, [], {}, True])
def test_a_value_of_another_kind_is_refused(read: Any, value: object) -> None:
    with pytest.raises(RpcError, match="a: should be"):
        read({"a": value}, "a")


@pytest.mark.parametrize(
    ("read", "value"), [(read_hash, "0f"), (read_hash, "x" * 64), (read_point, "02" + "ff" * 32), (read_point, "zz")]
)
def test_broken_hexadecimal_text_is_refused(read: Any, value: str) -> None:
    with pytest.raises(RpcError, match=value):
        read({"a": value}, "a")


@pytest.mark.parametrize("value", ["x", -1, True, 10**11, 1.5])
def test_a_number_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(RpcError, match="should be an integer"):
        read_number({"a": value}, "a", 1)
