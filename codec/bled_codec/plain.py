"""Inspections as plain values for JSON: text, numbers, lists and objects; bytes in hexadecimal."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from bled_codec.blinded_path import BlindedHop, BlindedPath
from bled_codec.blinded_payinfo import BlindedPayinfo
from bled_codec.errors import CodecError
from bled_codec.inspection import Inspection
from bled_codec.recognised import RECOGNISED
from bled_codec.rules import explain
from bled_codec.tlv import TlvRecord
from bled_codec.values import Bip353Name, FallbackAddress


def plain_inspection(inspection: Inspection) -> dict[str, Any]:
    """Return the object that `bled decode --json` prints."""
    return {
        "valid": inspection.valid,
        "kind": None if inspection.kind is None else inspection.kind.value,
        "error": None if inspection.error is None else plain_error(inspection.error),
        "fields": {name: plain_value(value) for name, value in inspection.fields.items()},
        "unknown": [_plain_unknown(record) for record in inspection.unknown],
        "signature": inspection.signature.value,
        "request_signature": None if inspection.request_signature is None else inspection.request_signature.value,
    }


def plain_error(error: CodecError) -> dict[str, Any]:
    """Return rule, place and meaning of an error. `offset` counts bytes, or characters for the rules of strings."""
    return {
        "rule": error.rule.value,
        "tlv_type": None if error.tlv_type is None else int(error.tlv_type),
        "offset": error.offset,
        "message": explain(error.rule),
    }


def _plain_unknown(record: TlvRecord) -> dict[str, Any]:
    known = RECOGNISED.get(record.type)
    return {"type": record.type, "name": None if known is None else known.name, "value": record.value.hex()}


def plain_value(value: Any) -> Any:
    """Return any value of a field as plain values."""
    return _PLAIN[type(value)](value)


def _same(value: Any) -> Any:
    return value


def _plain_list(values: tuple[Any, ...]) -> list[Any]:
    return [plain_value(value) for value in values]


def _plain_path(path: BlindedPath) -> dict[str, Any]:
    return {
        "first_node_id": path.first_node_id.hex(),
        "first_path_key": path.first_path_key.hex(),
        "hops": [_plain_hop(hop) for hop in path.hops],
    }


def _plain_hop(hop: BlindedHop) -> dict[str, str]:
    return {
        "blinded_node_id": hop.blinded_node_id.hex(),
        "encrypted_recipient_data": hop.encrypted_recipient_data.hex(),
    }


def _plain_payinfo(payinfo: BlindedPayinfo) -> dict[str, Any]:
    return {
        "fee_base_msat": payinfo.fee_base_msat,
        "fee_proportional_millionths": payinfo.fee_proportional_millionths,
        "cltv_expiry_delta": payinfo.cltv_expiry_delta,
        "htlc_minimum_msat": payinfo.htlc_minimum_msat,
        "htlc_maximum_msat": payinfo.htlc_maximum_msat,
        "features": payinfo.features.hex(),
    }


def _plain_name(name: Bip353Name) -> dict[str, str]:
    return {"name": name.name, "domain": name.domain}


def _plain_fallback(fallback: FallbackAddress) -> dict[str, Any]:
    return {"version": fallback.version, "address": fallback.address.hex(), "usable": fallback.is_usable}


_PLAIN: Final[Mapping[type, Callable[[Any], Any]]] = {
    int: _same,
    str: _same,
    bytes: bytes.hex,
    tuple: _plain_list,
    BlindedPath: _plain_path,
    BlindedPayinfo: _plain_payinfo,
    Bip353Name: _plain_name,
    FallbackAddress: _plain_fallback,
}
