"""What is fuzzed: each target takes any bytes and returns, or lets out what must never be let out."""

from collections.abc import Callable
from typing import Final

from bled_codec.blinded_path import EncryptedData, decode_paths, decode_payinfos, unblind
from bled_codec.bolt12_string import format_string, parse_string
from bled_codec.contacts import decode_contact
from bled_codec.crypto import SecretKey
from bled_codec.errors import CodecError
from bled_codec.inspection import inspect_string
from bled_codec.invoice import Invoice, UnsignedInvoice
from bled_codec.invoice_error import InvoiceError
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer
from bled_codec.onion import peel_onion
from bled_codec.onion_error import open_onion_error
from bled_codec.onion_message import OnionPayload, open_onion_message
from bled_codec.payer_proof import PayerProof
from bled_codec.plain import plain_inspection
from bled_codec.remarks import remarks_on
from bled_codec.request_signature import judge_request_signature
from bled_codec.tlv import join_records, split_stream
from bled_codec.units import UnixTime

KEY: Final = SecretKey(b"\x41" * 32)
PATH_KEY: Final = SecretKey(b"\x42" * 32).public_key


class Broken(Exception):
    """A promise of the codec does not hold."""


def _same(found: object, expected: object) -> None:
    if found != expected:
        raise Broken


def string(data: bytes) -> None:
    """A string that is read is written as it was, but for case and continuations."""
    text = data.decode("utf-8", "surrogateescape")
    prefix, content = parse_string(text)
    _same(format_string(prefix, content), "".join(text.split()).replace("+", "").lower())


def inspection(data: bytes) -> None:
    """Whatever is typed can be taken apart and shown; nothing is raised, not even a CodecError."""
    try:
        found = inspect_string(data.decode("utf-8", "surrogateescape"))
        plain_inspection(found)
        remarks_on(found, now=UnixTime(1_800_000_000))
    except CodecError as error:
        raise Broken from error


def stream(data: bytes) -> None:
    """A stream that is split is joined to itself, and field 239 of anything can be judged."""
    records = split_stream(data)
    _same(join_records(records), data)
    judge_request_signature(records)


def offer(data: bytes) -> None:
    """An offer that is read is written as it was."""
    read = Offer.decode(data)
    _same(read.encode(), data)
    _same(Offer.from_string(read.string), read)


def invoice_request(data: bytes) -> None:
    """A request that is read is written as it was."""
    _same(InvoiceRequest.decode(data).encode(), data)


def invoice(data: bytes) -> None:
    """An invoice that is read is written as it was, and its two trees agree with each other."""
    read = Invoice.decode(data)
    _same(read.encode(), data)
    _same(read.request_signature, judge_request_signature(read.records))


def unsigned_invoice(data: bytes) -> None:
    """An unsigned invoice that is read is written as it was."""
    _same(UnsignedInvoice.decode(data).encode(), data)


def payer_proof(data: bytes) -> None:
    """A proof that is read is written as it was."""
    _same(PayerProof.decode(data).encode(), data)


def invoice_error(data: bytes) -> None:
    """A refusal that is read says the same when it is written and read again."""
    read = InvoiceError.decode(data)
    again = InvoiceError.decode(read.encode())
    _same(again.error, read.error)


def contact(data: bytes) -> None:
    """The contact in any records is read or refused."""
    decode_contact(split_stream(data))


def blinded_path(data: bytes) -> None:
    """Paths that are read are written as they were."""
    _same(b"".join(path.encode() for path in decode_paths(data)), data)


def payinfo(data: bytes) -> None:
    """Payinfos that are read are written as they were."""
    _same(b"".join(part.encode() for part in decode_payinfos(data)), data)


def encrypted_data(data: bytes) -> None:
    """What a hop decrypts is written as it was read."""
    _same(EncryptedData.decode(data).encode(), data)


def sealed_data(data: bytes) -> None:
    """What nobody sealed is not opened."""
    unblind(KEY, PATH_KEY, data)


def onion(data: bytes) -> None:
    """A packet that nobody made for this key is not peeled."""
    peel_onion(data, KEY)


def onion_message(data: bytes) -> None:
    """A message that nobody made for this node is not opened."""
    open_onion_message(data, PATH_KEY, KEY)


def onion_error(data: bytes) -> None:
    """An error that no hop wrote is not opened."""
    open_onion_error(data, [bytes(32), bytes(range(32))])


def onion_payload(data: bytes) -> None:
    """A payload that is read is written as it was."""
    _same(OnionPayload.decode(data).encode(), data)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    target.__name__: target
    for target in (
        string,
        inspection,
        stream,
        offer,
        invoice_request,
        invoice,
        unsigned_invoice,
        payer_proof,
        invoice_error,
        contact,
        blinded_path,
        payinfo,
        encrypted_data,
        sealed_data,
        onion,
        onion_error,
        onion_message,
        onion_payload,
    )
}


def run_target(name: str, data: bytes) -> None:
    """Run one target: a CodecError is an answer, everything else comes out."""
    try:
        TARGETS[name](data)
    except CodecError as error:
        if name == "inspection" or not str(error):
            raise Broken from error
