"""A BOLT 12 string as a tree for people: fields by their specification names, amounts with units, times as dates."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from bled.cli.amount import format_amount
from bled.cli.plain import printable
from bled_codec.blinded_path import BlindedPath
from bled_codec.blinded_payinfo import BlindedPayinfo
from bled_codec.chains import chain_name
from bled_codec.errors import CodecError
from bled_codec.fields import FIELD_CODECS
from bled_codec.inspection import Inspection, Kind
from bled_codec.recognised import RECOGNISED
from bled_codec.remarks import remarks_on
from bled_codec.rules import SOURCES
from bled_codec.tlv import TlvRecord
from bled_codec.units import UnixTime
from bled_codec.values import Bip353Name, FallbackAddress

_LAST_YEAR: Final = 253_402_300_799
"""The last second that a date can name: 9999-12-31T23:59:59Z."""
_WIDTH: Final = 30
_SIGNATURES: Final = frozenset({"signature", "invoice_request_signature", "proof_signature"})


def tree_lines(inspection: Inspection, *, now: UnixTime) -> Iterator[str]:
    """Return the lines to print for one string."""
    yield _headline(inspection)
    if inspection.error is not None:
        yield from _error_lines(inspection.error)
    for name, value in inspection.fields.items():
        if name not in _SIGNATURES:
            yield from _field_lines(name, value, inspection)
    for record in inspection.unknown:
        yield _unknown_line(record)
    yield from _signature_lines(inspection)
    for remark in remarks_on(inspection, now=now):
        yield f"  ! {remark}"


def _headline(inspection: Inspection) -> str:
    kind = "BOLT 12 string" if inspection.kind is None else inspection.kind.value
    return f"{kind}: {'valid' if inspection.valid else 'NOT VALID'}"


def _error_lines(error: CodecError) -> Iterator[str]:
    source = SOURCES[error.rule]
    yield f"  ! {source.meaning}"
    yield f"    rule {error.rule.value} ({source.document}, {source.section})"
    places = []
    if error.tlv_type is not None:
        codec = FIELD_CODECS.get(error.tlv_type)
        places.append(f"TLV {int(error.tlv_type)}{f' {codec.name}' if codec else ''}")
    if error.offset is not None:
        unit = "character" if error.rule.value.startswith("string-") else "byte"
        places.append(f"{unit} {error.offset}")
    if places:
        yield f"    at {', '.join(places)}"


def _signature_lines(inspection: Inspection) -> Iterator[str]:
    if inspection.kind is not None and inspection.kind is not Kind.OFFER:
        yield _line("signature", inspection.signature.value)
    if inspection.kind is Kind.PAYER_PROOF and inspection.valid:
        yield _line("proof_signature", "valid (the payer's own)")
    if inspection.request_signature is not None:
        yield _line("field 239", f"{inspection.request_signature.value} (the payer's signature of the request)")


def _line(name: str, text: str, *, depth: int = 1) -> str:
    indent = "  " * depth
    return f"{indent}{name:<{_WIDTH - len(indent) - 1}} {text}".rstrip()


def _field_lines(name: str, value: Any, inspection: Inspection) -> Iterator[str]:
    if name == "offer_amount" and "offer_currency" in inspection.fields:
        yield _line(name, f"{value} minor units of {inspection.fields['offer_currency']}")
    elif name in _BY_NAME:
        yield _line(name, _BY_NAME[name](value))
    elif isinstance(value, tuple):
        yield _line(name, _count(value))
        for number, part in enumerate(value, start=1):
            yield from _part_lines(number, part)
    else:
        yield _line(name, _text(value))


def _count(values: tuple[Any, ...]) -> str:
    return f"{len(values)} entr{'y' if len(values) == 1 else 'ies'}"


def _part_lines(number: int, part: Any) -> Iterator[str]:
    match part:
        case BlindedPath():
            yield from _path_lines(number, part)
        case BlindedPayinfo():
            yield from _payinfo_lines(number, part)
        case FallbackAddress():
            usable = "" if part.is_usable else ", cannot be paid to"
            yield _line(f"{number}", f"witness version {part.version}, {part.address.hex()}{usable}", depth=2)
        case _:
            yield _line(f"{number}", _text(part), depth=2)


def _path_lines(number: int, path: BlindedPath) -> Iterator[str]:
    begins = path.first_node_id.hex() if path.introduction else _channel(path.first_node_id)
    yield _line(f"path {number}", f"begins at {begins}", depth=2)
    yield _line("first_path_key", path.first_path_key.hex(), depth=3)
    for place, hop in enumerate(path.hops, start=1):
        size = len(hop.encrypted_recipient_data)
        yield _line(f"hop {place}", f"{hop.blinded_node_id.hex()}, {size} bytes encrypted", depth=3)


def _channel(sciddir: bytes) -> str:
    block, index, output = (int.from_bytes(sciddir[start:end], "big") for start, end in ((1, 4), (4, 7), (7, 9)))
    return f"side {sciddir[0]} of channel {block}x{index}x{output}"


def _payinfo_lines(number: int, payinfo: BlindedPayinfo) -> Iterator[str]:
    fee = f"{payinfo.fee_base_msat} msat and {payinfo.fee_proportional_millionths} millionths"
    yield _line(f"path {number}", f"costs {fee}, {payinfo.cltv_expiry_delta} blocks", depth=2)
    yield _line("htlc", f"{payinfo.htlc_minimum_msat} to {payinfo.htlc_maximum_msat} msat", depth=3)
    if payinfo.features:
        yield _line("features", _features(payinfo.features), depth=3)


def _unknown_line(record: TlvRecord) -> str:
    known = RECOGNISED.get(record.type)
    name = f"{record.type} {known.name}" if known else f"{record.type} unknown"
    return _line(name, f"{record.value.hex()} ({len(record.value)} bytes)")


def _text(value: Any) -> str:
    match value:
        case str():
            return printable(value)
        case bytes():
            return value.hex() or "(empty)"
        case Bip353Name():
            return f"₿{printable(value.name)}@{printable(value.domain)}"
        case _:
            return str(value)


def _msat(value: int) -> str:
    return f"{value} msat ({format_amount(value)})"


def _time(value: int) -> str:
    if value > _LAST_YEAR:
        return f"{value} (beyond the year 9999)"
    return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC ({value})"


def _seconds(value: int) -> str:
    return f"{value} seconds"


def _chain(value: bytes) -> str:
    return chain_name(value)


def _chains(value: tuple[bytes, ...]) -> str:
    return ", ".join(map(chain_name, value))


def _features(value: bytes) -> str:
    bits = [8 * place + bit for place, byte in enumerate(reversed(value)) for bit in range(8) if byte >> bit & 1]
    return f"bits {', '.join(map(str, bits))}" if bits else "no bits"


def _quantity_max(value: int) -> str:
    return str(value) if value else "no limit"


def _hashes(value: tuple[Any, ...]) -> str:
    return f"{len(value)}"


def _markers(value: tuple[int, ...]) -> str:
    return ", ".join(map(str, value)) or "none"


_BY_NAME: Final[Mapping[str, Callable[[Any], str]]] = {
    "offer_chains": _chains,
    "offer_amount": _msat,
    "offer_features": _features,
    "offer_absolute_expiry": _time,
    "offer_quantity_max": _quantity_max,
    "invreq_chain": _chain,
    "invreq_amount": _msat,
    "invreq_features": _features,
    "invoice_created_at": _time,
    "invoice_relative_expiry": _seconds,
    "invoice_amount": _msat,
    "invoice_features": _features,
    "proof_omitted_tlvs": _markers,
    "proof_missing_hashes": _hashes,
    "proof_leaf_hashes": _hashes,
}
"""How single fields are shown; all others by the type of their value."""
