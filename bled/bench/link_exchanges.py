"""What the two sides say to each other while it is measured."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bled.gatt.messages import InvreqMessage, OfferMessage, StatusAck, StatusCode, StatusMessage, encode_message

MTUS: Final = (23, 185, 247, 517)
"""ATT_MTU: the least there is, an older iPhone's, the one that fills a link-layer packet, and the most of use."""
SIZES: Final = ((150, 400), (300, 800), (600, 1500), (1200, 2500))
"""Bytes of the offer and of the invoice_request that answers it."""

_HASH_BYTES: Final = 32
_TAG_BYTES: Final = 16
_HELLO_BYTES: Final = (88, 73)
"""First and second message of the handshake: keys, versions, features, limits, commitment, tags."""
_READER_BYTES: Final = 80
"""What the third message has beside the offer: the reader's key and its nonce, each part with its tag."""
_INVOICE_MORE_BYTES: Final = 300
"""An invoice repeats its request, and adds a hash, a path and two signatures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One whole message as it goes into the fragment layer, and who says it."""

    by_till: bool
    message: bytes


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
    """Return offer and request over the plain channel."""
    return Exchange(
        name="plain",
        offer_bytes=offer_bytes,
        request_bytes=request_bytes,
        said=(_till(_offer(offer_bytes)), _buyer(_request(request_bytes))),
    )


def sealed(offer_bytes: int, request_bytes: int) -> Exchange:
    """Return the handshake, offer and request in messages as long as the secure channel's, but of zeros."""
    hello, answer = _HELLO_BYTES
    return Exchange(
        name="sealed",
        offer_bytes=offer_bytes,
        request_bytes=request_bytes,
        said=(
            _till(bytes(hello)),
            _buyer(bytes(answer)),
            _till(bytes(_READER_BYTES + len(_offer(offer_bytes)))),
            _buyer(bytes(len(_request(request_bytes)) + _TAG_BYTES)),
        ),
    )


def purchase(offer_bytes: int, request_bytes: int) -> Exchange:
    """Return everything that is said from the offer to the acknowledgement of "paid", over the plain channel."""
    payment_hash = bytes(_HASH_BYTES)
    paid = StatusMessage(
        code=StatusCode.PAID,
        invoice=bytes(request_bytes + _INVOICE_MORE_BYTES),
        preimage=bytes(_HASH_BYTES),
        payment_hash=payment_hash,
    )
    return Exchange(
        name="purchase",
        offer_bytes=offer_bytes,
        request_bytes=request_bytes,
        said=(
            _till(_offer(offer_bytes)),
            _buyer(_request(request_bytes)),
            _till(encode_message(StatusMessage(code=StatusCode.RECEIVED))),
            _till(encode_message(StatusMessage(code=StatusCode.INVOICE_SENT, payment_hash=payment_hash))),
            _till(encode_message(paid)),
            _buyer(encode_message(StatusAck(code=StatusCode.PAID))),
        ),
    )


def _offer(size: int) -> bytes:
    return encode_message(OfferMessage(valid_for=120, offer=bytes(size)))


def _request(size: int) -> bytes:
    return encode_message(InvreqMessage(request=bytes(size)))


def _till(message: bytes) -> Said:
    return Said(by_till=True, message=message)


def _buyer(message: bytes) -> Said:
    return Said(by_till=False, message=message)
