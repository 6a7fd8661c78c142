"""Parameters of lightningd's commands: by name or by place, checked in lightningd's words."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bled.sandbox.rpc_error import INVALID_PARAMS, RpcError, bad_parameter
from bled_codec.crypto import parse_point
from bled_codec.errors import EncodingError
from bled_codec.units import MAX_MSAT, Msat, Point

_AMOUNT: Final = re.compile(r"(\d{1,19})(msat|sat)?")
_HASH_DIGITS: Final = re.compile(r"[0-9a-fA-F]{64}")


def bind(params: object, names: Sequence[str], *, required: int = 0) -> dict[str, Any]:
    """Return parameters by name; those that are absent or null are left out.

    The first `required` names must be there. Raises `RpcError` (-32602).
    """
    given = _by_name(params, names)
    unknown = next((name for name in given if name not in names), None)
    if unknown is not None:
        hint = "this may be caused by a failure to autodetect key=value-style parameters. "
        hint += "Please try using the -k flag and explicit key=value pairs of parameters."
        raise RpcError(INVALID_PARAMS, f"unknown parameter: {unknown}, {hint}")
    bound = {name: value for name, value in given.items() if value is not None}
    missing = next((name for name in names[:required] if name not in bound), None)
    if missing is not None:
        raise RpcError(INVALID_PARAMS, f"missing required parameter: {missing}")
    return bound


def _by_name(params: object, names: Sequence[str]) -> Mapping[str, Any]:
    match params:
        case None:
            return {}
        case dict():
            return params
        case list() if len(params) > len(names):
            raise RpcError(INVALID_PARAMS, f"too many parameters: got {len(params)}, expected {len(names)}")
        case list():
            return dict(zip(names, params, strict=False))
        case _:
            raise RpcError(INVALID_PARAMS, "Expected array or object for params")


def read_text(bound: Mapping[str, Any], name: str) -> str | None:
    """Return a string parameter. Raises `RpcError` (-32602)."""
    value = bound.get(name)
    if value is not None and not isinstance(value, str):
        raise bad_parameter(name, "should be a string", token(value))
    return value


def read_number(bound: Mapping[str, Any], name: str, default: int) -> int:
    """Return a whole number of 32 bits, given as such or as its digits. Raises `RpcError` (-32602)."""
    value = bound.get(name, default)
    digits = str(value)
    if isinstance(value, bool) or not digits.isdecimal() or len(digits) > 10:
        raise bad_parameter(name, "should be an integer", token(value))
    return int(digits)


def read_msat(bound: Mapping[str, Any], name: str) -> Msat | None:
    """Return an amount: a number of millisatoshi, or text such as `100msat` or `1sat`. Raises `RpcError` (-32602)."""
    value = bound.get(name)
    if value is None:
        return None
    match = None if isinstance(value, bool) else _AMOUNT.fullmatch(str(value))
    amount = int(match[1]) * (1000 if match[2] == "sat" else 1) if match else MAX_MSAT + 1
    if amount > MAX_MSAT:
        raise bad_parameter(name, "should be a millisatoshi amount", token(value))
    return Msat(amount)


def read_hash(bound: Mapping[str, Any], name: str) -> bytes | None:
    """Return 32 bytes given as hexadecimal text. Raises `RpcError` (-32602)."""
    value = bound.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not _HASH_DIGITS.fullmatch(value):
        raise bad_parameter(name, "should be a 32 byte hex value", token(value))
    return bytes.fromhex(value)


def read_point(bound: Mapping[str, Any], name: str) -> Point | None:
    """Return a node's key given as hexadecimal text. Raises `RpcError` (-32602)."""
    value = bound.get(name)
    if value is None:
        return None
    try:
        return parse_point(bytes.fromhex(value))
    except (TypeError, ValueError, EncodingError) as error:
        raise bad_parameter(name, "should be a node id", token(value)) from error


def token(value: object) -> str:
    """Return a value as lightningd quotes it: text without its quotation marks."""
    return value if isinstance(value, str) else json.dumps(value)
