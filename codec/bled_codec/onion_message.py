"""Onion messages of BOLT 4: payloads that travel along blinded paths, carrying BOLT 12 messages and their replies."""

from dataclasses import dataclass, field, replace
from typing import Final

from bled_codec.blinded_path import BlindedPath, EncryptedData, Unblinded, blinded_key_of, unblind
from bled_codec.crypto import SecretKey
from bled_codec.errors import OnionError, Rule
from bled_codec.onion import create_onion, peel_onion
from bled_codec.primitives import Reader
from bled_codec.tlv import TlvRecord, join_records, make_record, require_known_even, split_stream
from bled_codec.units import Point

REPLY_PATH: Final = 2
ENCRYPTED_RECIPIENT_DATA: Final = 4
INVOICE_REQUEST: Final = 64
INVOICE: Final = 66
INVOICE_ERROR: Final = 68

_NAMES: Final = {
    ENCRYPTED_RECIPIENT_DATA: "encrypted_recipient_data",
    INVOICE_REQUEST: "invoice_request",
    INVOICE: "invoice",
    INVOICE_ERROR: "invoice_error",
}
_KNOWN: Final = frozenset({REPLY_PATH, *_NAMES})


@dataclass(frozen=True, slots=True, kw_only=True)
class OnionPayload:
    """What one hop of an onion message gets; every field may be absent (`None`).

    Attributes:
        reply_path: the way back, for the recipient to use.
        encrypted_recipient_data: what the path's maker wrote for this hop, encrypted.
        invoice_request: a whole BOLT 12 invoice_request, undecoded.
        invoice: a whole BOLT 12 invoice, undecoded.
        invoice_error: a whole BOLT 12 invoice_error, undecoded.
        unknown: records of unknown odd types.
    """

    reply_path: BlindedPath | None = None
    encrypted_recipient_data: bytes | None = None
    invoice_request: bytes | None = None
    invoice: bytes | None = None
    invoice_error: bytes | None = None
    unknown: tuple[TlvRecord, ...] = ()

    def encode(self) -> bytes:
        """Return the TLV stream, without the length that an onion puts before it."""
        values = [(type_, getattr(self, name)) for type_, name in _NAMES.items()]
        if self.reply_path is not None:
            values.append((REPLY_PATH, self.reply_path.encode()))
        known = [make_record(type_, value) for type_, value in values if value is not None]
        return join_records(sorted((*known, *self.unknown)))

    @classmethod
    def decode(cls, data: bytes) -> "OnionPayload":
        """Read a payload.

        Raises `TlvError` (also for an unknown even type), and what `BlindedPath.read` raises for the reply path.
        """
        records = split_stream(data)
        require_known_even(records, _KNOWN)
        values = {record.type: record.value for record in records}
        return cls(
            reply_path=_decode_path(values[REPLY_PATH]) if REPLY_PATH in values else None,
            encrypted_recipient_data=values.get(ENCRYPTED_RECIPIENT_DATA),
            invoice_request=values.get(INVOICE_REQUEST),
            invoice=values.get(INVOICE),
            invoice_error=values.get(INVOICE_ERROR),
            unknown=tuple(record for record in records if record.type not in _KNOWN),
        )


def _decode_path(value: bytes) -> BlindedPath:
    reader = Reader(value, tlv_type=REPLY_PATH)
    path = BlindedPath.read(reader)
    reader.finish()
    return path


def create_onion_message(path: BlindedPath, final: OnionPayload, *, session_key: SecretKey, size: int = 1300) -> bytes:
    """Return the onion packet that takes `final` along `path`; it travels with `path.first_path_key`.

    The last hop gets its own encrypted data besides `final`; a hop without any gets none. `session_key` must be
    fresh for every message. Raises `OnionError` (`ONION_SIZE`) when `final` does not fit into `size` bytes.
    """
    payloads = [OnionPayload(encrypted_recipient_data=hop.encrypted_recipient_data) for hop in path.hops]
    payloads[-1] = replace(final, encrypted_recipient_data=path.hops[-1].encrypted_recipient_data or None)
    hops = [(hop.blinded_node_id, payload.encode()) for hop, payload in zip(path.hops, payloads, strict=True)]
    return create_onion(hops, session_key=session_key, size=size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """This node is not the last: pass `onion` on with `next_path_key`, to the node or over the channel named."""

    next_node_id: Point | None
    short_channel_id: bytes | None
    next_path_key: Point
    onion: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """This node is the last. `path_id` is what it once wrote into its own path, if the message came along one."""

    payload: OnionPayload
    path_id: bytes | None = field(repr=False)


def open_onion_message(onion: bytes, path_key: Point, key: SecretKey) -> Forward | Received:
    """Peel one layer off an onion message with the node's own `key`.

    Raises `OnionError`, `TlvError`, `EncodingError` or `SemanticError`: a node ignores such a message.
    """
    peeled = peel_onion(onion, blinded_key_of(key, path_key))
    payload = OnionPayload.decode(peeled.payload)
    encrypted = payload.encrypted_recipient_data
    unblinded = None if encrypted is None else unblind(key, path_key, encrypted)
    if peeled.next_onion is None:
        return _received(payload, unblinded)
    return _forward(payload, unblinded, peeled.next_onion)


def _received(payload: OnionPayload, unblinded: Unblinded | None) -> Received:
    # BOLT 4, onion messages, reader, final node: more than one payload field means the message is ignored.
    contents = (payload.invoice_request, payload.invoice, payload.invoice_error)
    if sum(content is not None for content in contents) > 1:
        raise OnionError(Rule.ONION_PAYLOAD)
    path_id = None if unblinded is None else EncryptedData.decode(unblinded.data).path_id
    return Received(payload=payload, path_id=path_id)


def _forward(payload: OnionPayload, unblinded: Unblinded | None, onion: bytes) -> Forward:
    # BOLT 4, onion messages, reader, not the final node: nothing but the encrypted data, and in it no path_id.
    if unblinded is None or payload != OnionPayload(encrypted_recipient_data=payload.encrypted_recipient_data):
        raise OnionError(Rule.ONION_PAYLOAD)
    data = EncryptedData.decode(unblinded.data)
    if data.path_id is not None or (data.next_node_id is None and data.short_channel_id is None):
        raise OnionError(Rule.ENCRYPTED_DATA)
    return Forward(
        next_node_id=data.next_node_id,
        short_channel_id=data.short_channel_id,
        next_path_key=unblinded.next_path_key,
        onion=onion,
    )
