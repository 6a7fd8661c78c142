"""What the two sides say to each other while it is measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bled.gatt.engagement import Entropy, OpenMeeting
from bled.gatt.handshake import Beacon, Reader
from bled.gatt.messages import InvreqMessage, OfferMessage, StatusAck, StatusCode, StatusMessage, encode_message
from bled.gatt.primitives import KEY_BYTES, X25519Key

MTUS: Final = (23, 185, 247, 517)
"""ATT_MTU: the least there is, an older iPhone's, the one that fills a link-layer packet, and the most of use."""
SIZES: Final = ((150, 400), (300, 800), (600, 1500), (1200, 2500))
"""Bytes of the offer and of the invoice_request that answers it."""

_HASH_BYTES: Final = 32
_INVOICE_MORE_BYTES: Final = 300
"""An invoice repeats its request, and adds a hash, a path and two signatures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One whole message as it goes into the fragment layer.

    Attributes:
        by_till: who says it.
        message: 1 to 4096 bytes.
        answered: whether the other side's program answers at once, so that nobody waits for its host as well.
    """

    by_till: bool
    message: bytes
    answered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Messages in their order. `offer_bytes` and `request_bytes` are what they are all for."""

    name: str
    offer_bytes: int
    request_bytes: int
    said: tuple[Said, ...]


Make = Callable[[int, int], Exchange]
"""Makes the exchange for an offer and a request of so many bytes."""


def plain(offer_bytes: int, request_bytes: int) -> Exchange:
    """Return offer and request in frames and nothing else: what the secure channel is compared with."""
    return Exchange(
        name="plain",
        offer_bytes=offer_bytes,
        request_bytes=request_bytes,
        said=(_till(_offer(offer_bytes)), _buyer(_request(request_bytes))),
    )


def secure(offer_bytes: int, request_bytes: int) -> Exchange:
    """Return handshake, offer and request as they go over the secure channel."""
    return Exchange(
        name="secure",
        offer_bytes=offer_bytes,
        request_bytes=request_bytes,
        said=secured(plain(offer_bytes, request_bytes).said),
    )


def purchase(offer_bytes: int, request_bytes: int) -> Exchange:
    """Return all that is said from the handshake to the acknowledgement of "paid", over the secure channel."""
    return Exchange(
        name="purchase",
        offer_bytes=offer_bytes,
        request_bytes=request_bytes,
        said=secured(conversation(offer_bytes, request_bytes)),
    )


def conversation(offer_bytes: int, request_bytes: int) -> tuple[Said, ...]:
    """Return what the two sides of a purchase tell each other, before any channel seals it."""
    payment_hash = bytes(_HASH_BYTES)
    paid = StatusMessage(
        code=StatusCode.PAID,
        invoice=bytes(request_bytes + _INVOICE_MORE_BYTES),
        preimage=bytes(_HASH_BYTES),
        payment_hash=payment_hash,
    )
    return (
        _till(_offer(offer_bytes)),
        _buyer(_request(request_bytes)),
        _till(encode_message(StatusMessage(code=StatusCode.RECEIVED))),
        _till(encode_message(StatusMessage(code=StatusCode.INVOICE_SENT, payment_hash=payment_hash))),
        _till(encode_message(paid)),
        _buyer(encode_message(StatusAck(code=StatusCode.PAID))),
    )


def secured(said: Sequence[Said]) -> tuple[Said, ...]:
    """Return what goes over the air for a conversation that begins with an offer: handshake, then sealed messages."""
    opening, *rest = said
    reader, beacon = new_reader(opening.message), new_beacon()
    hs1 = reader.start(entropy=TILL_ENTROPY)
    hs2 = beacon.answer(hs1, entropy=BUYER_ENTROPY)
    hs3, till = reader.finish(hs2)
    _, buyer = beacon.finish(hs3)
    return (
        _till(hs1, answered=True),
        _buyer(hs2),
        _till(hs3),
        *(
            _till(till.channel.seal(each.message)) if each.by_till else _buyer(buyer.channel.seal(each.message))
            for each in rest
        ),
    )


def new_reader(opening: bytes) -> Reader:
    """Return the till's side of a handshake with toy keys, always the same ones."""
    return Reader(static=X25519Key(b"\x51" * KEY_BYTES), meeting=OpenMeeting(), message=opening)


def new_beacon() -> Beacon:
    """Return the buyer's side of it."""
    return Beacon(meeting=OpenMeeting())


def _filled(octet: int) -> Entropy:
    return lambda size: bytes([octet]) * size


TILL_ENTROPY: Final = _filled(0x61)
BUYER_ENTROPY: Final = _filled(0x62)
"""No entropy at all: each run is the same, octet by octet."""


def _offer(size: int) -> bytes:
    return encode_message(OfferMessage(valid_for=120, offer=bytes(size)))


def _request(size: int) -> bytes:
    return encode_message(InvreqMessage(request=bytes(size)))


def _till(message: bytes, *, answered: bool = False) -> Said:
    return Said(by_till=True, message=message, answered=answered)


def _buyer(message: bytes) -> Said:
    return Said(by_till=False, message=message)
