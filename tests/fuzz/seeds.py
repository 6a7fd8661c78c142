"""Where the fuzzers begin: the frozen vectors of this repository, whole and in parts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bled_codec.bolt12_string import parse_string
from bled_codec.errors import CodecError
from bled_codec.tlv import split_stream

_VECTORS: Final = Path(__file__).resolve().parents[1] / "vectors"
_TEXT_TARGETS: Final = ("string", "inspection")
_PATH_TYPES: Final = (16, 90, 160)
_PAYINFO_TYPE: Final = 162
_KINDS: Final = {"lno": "offer", "lnr": "invoice_request", "lni": "invoice", "lnp": "payer_proof"}


def seeds_of(name: str) -> list[bytes]:
    """Return the seeds of a target, each once, shortest first."""
    return sorted({seed for target, seed in _seeds() if target == name}, key=lambda seed: (len(seed), seed))


def _seeds() -> Iterator[tuple[str, bytes]]:
    for case in json.loads((_VECTORS / "rules" / "rules.json").read_text())["cases"]:
        name, given = case["reader"].replace(" ", "_"), case["input"]
        if not isinstance(given, str):
            continue
        if "string" in name:
            yield from ((target, given.encode()) for target in _TEXT_TARGETS)
        else:
            data = bytes.fromhex(given)
            yield ("sealed_data" if name == "encrypted_data" else name), data
            yield from _parts(data)
    for vector in json.loads((_VECTORS / "field239" / "field239.json").read_text())["vectors"]:
        yield from _of_string(vector["invoice"])
        yield from _of_string(vector["invoice_request"])


def _of_string(text: str) -> Iterator[tuple[str, bytes]]:
    yield from ((target, text.encode()) for target in _TEXT_TARGETS)
    prefix, data = parse_string(text)
    yield _KINDS[prefix], data
    yield from _parts(data)


def _parts(data: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        records = split_stream(data)
    except CodecError:
        return
    yield from ((target, data) for target in ("stream", "unsigned_invoice", "contact", "invoice_error"))
    yield from ((target, data) for target in ("encrypted_data", "onion_payload", "onion_error"))
    for record in records:
        if record.type in _PATH_TYPES:
            yield "blinded_path", record.value
        if record.type == _PAYINFO_TYPE:
            yield "payinfo", record.value
