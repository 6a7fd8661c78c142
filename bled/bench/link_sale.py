"""The product's own two sides, which are measured: both sessions, handshake, vault and signatures over real GATT.

Beside these only what the air never sees is left out: the till's ledger and its node, which answers at once here. Offer
and request are real and signed; padding brings them to the size that is asked for, as far as that can be: a request
repeats its offer and adds a payer id, a way home and a signature, so that none for 150 bytes of offer has 400.
"""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bled.buyer.approval import Answer, Question
from bled.buyer.arrival import Arrival
from bled.buyer.meeting import Meeting, Purchase
from bled.clock import Clock, SystemClock
from bled.codes import Code
from bled.errors import BledError
from bled.gatt.engagement import OpenMeeting
from bled.gatt.messages import OfferMessage, StatusCode, StatusMessage, encode_message
from bled.gatt.primitives import KEY_BYTES, X25519Key
from bled.grants.book import GrantBook, encode_book
from bled.grants.issue import issue_book
from bled.grants.keys import HomeKeys
from bled.grants.limits import BookLimits, GrantClass, MaxFee
from bled.link.base import Central, Peripheral
from bled.link.handshaking import greet
from bled.progress import OnStep, ignore_steps
from bled.sales.conversation import Conversation
from bled.vault.signing import sign_request
from bled.vault.vault import Vault
from bled_codec.blinded_path import create_blinded_path
from bled_codec.blinded_payinfo import BlindedPayinfo
from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import create_invoice
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import Offer, create_offer
from bled_codec.units import Msat, UnixTime

_AMOUNT: Final = Msat(2_500_000)
_SECONDS: Final = 60.0
_VALID_SECONDS: Final = 300
_SHOP: Final = SecretKey(b"\x41" * 32)
_HOME: Final = HomeKeys.from_master(b"\x05" * 32)
_WAY_HOME: Final = tuple(SecretKey(bytes([number]) * 32).public_key for number in (1, 2))
_HOP_KEY: Final = SecretKey(b"\x09" * 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold:
    """How long offer and request were, in bytes."""

    offer_bytes: int
    request_bytes: int


async def sell(
    central: Central, peripheral: Peripheral, *, size: tuple[int, int], on_step: OnStep, asked: Callable[[], None]
) -> Sold:
    """Let a till sell to a buyer until the buyer has acknowledged that it is paid; return what was said.

    `size` is the bytes of offer and request, `on_step` hears of the till's radio, and `asked` is called when the till
    has the signed request. Raises `BledError` (`INTERNAL`) when the sale did not end as it should.
    """
    clock = SystemClock()
    offer = _offer(size[0], clock.now())
    with tempfile.TemporaryDirectory(prefix="bled-bench-") as name, Vault.open(Path(name)) as vault:
        _fill(vault, _book_for(offer, request_bytes=size[1], now=clock.now()), clock.now())
        async with asyncio.TaskGroup() as group:
            buying = group.create_task(_buy(peripheral, vault, clock))
            request = await _serve(central, offer, clock, on_step, asked)
        if buying.result().code is not Code.PAID:
            raise BledError(Code.INTERNAL, detail=f"the buyer ended with {buying.result().code.value}")
    return Sold(offer_bytes=len(offer.encode()), request_bytes=len(request))


async def _buy(peripheral: Peripheral, vault: Vault, clock: Clock) -> Purchase:
    arrival = Arrival(peripheral=peripheral, vault=vault, engagement=None, clock=clock, on_step=ignore_steps)
    met = await arrival.run(seconds=_SECONDS)
    meeting = Meeting(met=met, vault=vault, chain=BITCOIN_CHAIN, clock=clock, approve=_yes, on_step=ignore_steps)
    return await meeting.run()


async def _yes(_question: Question) -> Answer:
    return Answer.YES


async def _serve(central: Central, offer: Offer, clock: Clock, on_step: OnStep, asked: Callable[[], None]) -> bytes:
    link = await central.connect(seconds=_SECONDS, on_step=on_step)
    opening = encode_message(OfferMessage(valid_for=_VALID_SECONDS, offer=offer.encode()))
    key = X25519Key(b"\x51" * KEY_BYTES)
    await greet(link, static=key, meeting=OpenMeeting(), message=opening, before_hs3=lambda _: None)
    buyer = Conversation(link, clock)
    request = await buyer.request()
    asked()
    preimage = sha256(request)
    async with buyer.accepted():
        await buyer.invoice_sent(sha256(preimage))
        await buyer.tell(_paid(InvoiceRequest.decode(request), preimage, clock.now()))
    await buyer.close()
    if not buyer.told:
        raise BledError(Code.INTERNAL, detail="the buyer did not acknowledge")
    return request


def _paid(request: InvoiceRequest, preimage: bytes, now: UnixTime) -> StatusMessage:
    """Return the last word of a till whose device takes invoices."""
    return StatusMessage(
        code=StatusCode.PAID,
        invoice=_invoice(request, preimage, now),
        preimage=preimage,
        payment_hash=sha256(preimage),
        text=f"{_AMOUNT} msat for flat white",
    )


def _invoice(request: InvoiceRequest, preimage: bytes, now: UnixTime) -> bytes:
    payinfo = BlindedPayinfo(
        fee_base_msat=0,
        fee_proportional_millionths=0,
        cltv_expiry_delta=10,
        htlc_minimum_msat=Msat(0),
        htlc_maximum_msat=_AMOUNT,
    )
    unsigned = create_invoice(
        request,
        payment_hash=sha256(preimage),
        created_at=now,
        node_id=_SHOP.public_key,
        amount=_AMOUNT,
        relative_expiry=_VALID_SECONDS,
        paths=[create_blinded_path([_SHOP.public_key], [b""], session_key=_HOP_KEY)],
        blindedpay=[payinfo],
    )
    return unsigned.sign(_SHOP, aux=bytes(32)).encode()


def _offer(size: int, now: UnixTime) -> Offer:
    """Return an offer of `size` bytes: as a till's, with a description of the length that is missing."""

    def described(length: int) -> Offer:
        return create_offer(
            description=f"flat white{'.' * length}",
            amount=_AMOUNT,
            issuer="Demo café",
            issuer_id=_SHOP.public_key,
            absolute_expiry=UnixTime(now + _VALID_SECONDS),
        )

    return described(_fitting(size, lambda length: len(described(length).encode())))


def _fill(vault: Vault, book: GrantBook, now: UnixTime) -> None:
    data = encode_book(book, book_key=_HOME.book_key, aux=bytes(32))
    vault.import_book(data, passphrase=None, chain=BITCOIN_CHAIN, now=now)


def _book_for(offer: Offer, *, request_bytes: int, now: UnixTime) -> GrantBook:
    """Return a book of one payment whose way home is as long as a request of `request_bytes` for `offer` needs."""

    def asked(padding: int) -> int:
        grant = _book(padding, now).grants[0]
        request = sign_request(grant, offer, amount=_AMOUNT, chain=BITCOIN_CHAIN, aux=bytes(32), now=now)
        return len(request.encode())

    return _book(_fitting(request_bytes, asked), now)


def _book(padding: int, now: UnixTime) -> GrantBook:
    end = UnixTime(now + 86_400)
    ids = GrantClass(first_index=0, count=1, per_payment_msat=_AMOUNT, not_before=now, not_after=end)
    limits = BookLimits(
        total_msat=Msat(2 * _AMOUNT),
        per_payment_msat=_AMOUNT,
        per_day_msat=Msat(2 * _AMOUNT),
        payments=1,
        not_before=now,
        not_after=end,
        max_fee=MaxFee(base_msat=Msat(1_000), ppm=0),
        classes=(ids,),
    )
    book = issue_book(
        _HOME,
        book_id=1,
        book_salt=bytes(16),
        device="bench",
        chain=BITCOIN_CHAIN,
        issued_at=now,
        limits=limits,
        home_label="bench",
        routes=[_WAY_HOME],
        entropy=lambda size: b"\x07" * size,
    )
    way = create_blinded_path(_WAY_HOME, [b"", bytes(padding)], session_key=_HOP_KEY)
    return replace(book, grants=tuple(replace(grant, paths=(way.encode(),)) for grant in book.grants))


def _fitting(size: int, measure: Callable[[int], int]) -> int:
    """Return the number of padding bytes with which something has `size` bytes, or the fewest more; never negative."""
    padding = max(0, size - measure(0))
    while padding and measure(padding) > size:
        padding -= 1
    return padding
