"""What a grant book holds: the values, without their file format."""

from dataclasses import dataclass, field

from bled.grants.limits import BookLimits
from bled_codec.blinded_path import BlindedPath, decode_paths
from bled_codec.crypto import SecretKey
from bled_codec.units import Point, UnixTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One payer id, good for one payment.

    Attributes:
        index: its number in the book, u32; its class depends on it.
        payer_id: `invreq_payer_id`.
        metadata: `invreq_metadata`, 24 or 32 bytes that only home can read.
        paths: 1 to 3 encoded `blinded_path`s to home, for `invreq_paths`.
        secret: the key of `payer_id`; None when the device made it itself and home never knew it.
        refund_offer: TLV stream of an offer of home's, to send back money; None when there is none.
    """

    index: int
    payer_id: Point
    metadata: bytes
    paths: tuple[bytes, ...] = field(repr=False)
    secret: SecretKey | None = None
    refund_offer: bytes | None = field(default=None, repr=False)

    @property
    def invreq_paths(self) -> tuple[BlindedPath, ...]:
        """The paths, decoded."""
        return decode_paths(b"".join(self.paths))


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantBook:
    """Everything a device needs to pay from one home for a time.

    Attributes:
        book_key: home's book key, 32 bytes x-only; the device pins it.
        book_id: home's number of this book, u32.
        device: whom it was issued for, 1 to 64 printable characters.
        chain: chain hash, 32 bytes.
        issued_at: by home's clock; no earlier time can be right for the device.
        limits: what may be spent; home enforces them, the device mirrors them.
        home_label: what the device shows for this home, 1 to 64 printable characters.
        grants: by ascending index.
    """

    book_key: bytes
    book_id: int
    device: str
    chain: bytes
    issued_at: UnixTime
    limits: BookLimits
    home_label: str
    grants: tuple[Grant, ...] = field(repr=False)
