"""Recipe of answers.json: what either side answers in each state to what a peer may send. See `make.py`.

Every case goes on from one link with fixed keys, that of resume.json, after some messages of one purchase.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bled.gatt.vocabulary import (
    Abort,
    AbortReason,
    ErrorMessage,
    InvreqMessage,
    Message,
    OfferMessage,
    StatusAck,
    StatusCode,
    StatusMessage,
    Wait,
    WaitReason,
)
from bled_codec.chains import BITCOIN_CHAIN
from bled_codec.offer import Offer
from bled_codec.units import UnixTime

from . import forged, machines, make_frame_answers, make_resume, make_wire, scene
from .make_gatt import STATIC, plain, text
from .scene import (
    INVREQ,
    NOW,
    OFFER,
    OPENING,
    PURCHASE,
    REQUEST,
    bytes_of,
    content,
    name_of,
    offer,
    request,
)
from .standing import AWAY, STATES, answered, device_in, till_in

__all__ = ["FOLDER", "make", "text"]

FOLDER = Path(__file__).parent
OTHER_OFFER = offer(text="Flat white, large")
OTHER_REQUEST = request(OTHER_OFFER)


def heard() -> dict[str, Message]:
    """Return one of each message, by the name of the case."""
    every: list[Message] = [OPENING, OfferMessage(valid_for=200, offer=OTHER_OFFER.encode())]
    every += [INVREQ, InvreqMessage(request=OTHER_REQUEST.encode())]
    every += [StatusMessage(code=code) for code in StatusCode] + [StatusAck(code=code) for code in StatusCode]
    every += [Wait(reason=reason) for reason in WaitReason] + [Abort(reason=reason) for reason in AbortReason]
    every += [ErrorMessage(code=5, text="bad state"), ErrorMessage(code=0x7FFF)]
    names = [name_of(message) for message in every]
    names[:4] = ["OFFER, the same", "OFFER, another", "INVREQ, the same", "INVREQ, another"]
    names[-2:] = ["ERROR, a known code", "ERROR, an unknown code"]
    return dict(zip(names, every, strict=True))


def message_case(
    side: str, state: str, name: str, data: bytes, *, clock: UnixTime = NOW, sold: Offer = OFFER, tip_max: int = 0
) -> dict[str, Any]:
    """Return the answer to one message that opens."""
    hearer = device_in(state) if side == "device" else till_in(state, clock=clock, sold=sold, tip_max=tip_max)
    hearer.hear(data, 3.0)
    more: dict[str, Any] = {} if clock == NOW else {"clock": int(clock)}
    more |= {} if sold is OFFER else {"offer": sold.encode().hex()}
    more |= {"tip_max": tip_max} if tip_max else {}
    return {"side": side, "state": state, "name": name, **more, "hears": data.hex()} | answered(hearer)


def every_message() -> Iterator[dict[str, Any]]:
    """Yield each message in each state, and each that is refused or ignored in one state of each side."""
    for side, states in STATES.items():
        for state in states + (tuple(AWAY) if side == "device" else ()):
            for name, message in heard().items():
                opens = isinstance(message, (OfferMessage, StatusMessage))  # HS3 brings nothing else
                if state not in AWAY or opens:
                    yield message_case(side, state, name, bytes_of(message))
        for state in states:
            for name in ("11", "13ffff"):
                yield message_case(side, state, f"an unknown odd type, {name}", bytes.fromhex(name))
            for broken in make_wire.broken_messages():
                if state == "SHOWING" and "offer" in broken["name"]:
                    yield message_case(side, "WAITING", broken["name"], bytes.fromhex(broken["bytes"]))
                if state in ("SENT", "PAYING") or broken["name"] in ("nothing", "an unknown even type"):
                    yield message_case(side, state, broken["name"], bytes.fromhex(broken["bytes"]))


def offers() -> Iterator[dict[str, Any]]:
    """Yield offers that a device accepts and refuses."""
    late = OFFER.encode().replace(b"\x0e\x04", b"\x0e\x05\x7f", 1)
    cases: dict[str, bytes] = {
        "165 s left": offer(expires_in=165).encode(),
        "164 s left": offer(expires_in=164).encode(),
        "600 s left": offer(expires_in=600).encode(),
        "601 s left": offer(expires_in=601).encode(),
        "expired": offer(expires_in=-1).encode(),
        "no expiry": offer(expires_in=None).encode(),
        "an expiry that is no time": OFFER.encode().replace(b"\x0e\x04", b"\x0e\x06\x01\x00", 1),
        "an expiry far away": late,
        "another chain": offer(chains=(BITCOIN_CHAIN,)).encode(),
        "a currency": offer(currency="EUR", amount=350).encode(),
        "no amount": offer(amount=None).encode(),
        "a quantity": offer(quantity=3).encode(),
        "no description": b"".join(part for part in _records(OFFER.encode()) if part[0] != 10),
        "an unknown even field": OFFER.encode() + b"\x18\x00",
        "fields out of order": OFFER.encode() + b"\x03\x00",
        "cut short": OFFER.encode()[:-1],
        "a field of the request": OFFER.encode() + b"\x58\x00",
        "metadata": forged.offer({4: b"the till's own"}),
        "an odd feature that nobody knows": forged.offer({12: b"\x02"}),
        "an even feature that nobody knows": forged.offer({12: b"\x01"}),
        "a path and no issuer": forged.offer({16: forged.ways(2), 22: None}),
        "no path and no issuer": forged.offer({22: None}),
        "a path of no hops": forged.offer({16: forged.NO_HOPS}),
        "unknown odd fields at the ends of their ranges": forged.offer(
            {1: b"odd", 79: b"odd", 1_000_000_001: b"odd", 1_999_999_999: b"odd"}
        ),
        "a field that is a request's": forged.offer({81: b"odd"}),
        "a field twice": b"".join(part * (2 if part[0] == 10 else 1) for part in _records(OFFER.encode())),
        "a field after the far range": forged.offer({2_000_000_001: b"odd"}),
        "a currency and no amount": forged.offer({6: b"EUR", 8: None}),
        "no amount and no description": forged.offer({8: None, 10: None}),
        "an amount with a zero before it": OFFER.encode().replace(b"\x08\x02", b"\x08\x03\x00", 1),
        "an amount of nine octets": OFFER.encode().replace(b"\x08\x02", b"\x08\x09" + b"\x01" * 7, 1),
        "an unknown even field, and expired": offer(expires_in=-1).encode() + b"\x18\x00",
        "no expiry, and another chain": offer(expires_in=None, chains=(BITCOIN_CHAIN,)).encode(),
        "164 s left, and another chain": offer(expires_in=164, chains=(BITCOIN_CHAIN,)).encode(),
        "164 s left, and a currency": offer(expires_in=164, currency="EUR", amount=350).encode(),
        "601 s left, and another chain": offer(expires_in=601, chains=(BITCOIN_CHAIN,)).encode(),
        "another chain, and a currency": offer(chains=(BITCOIN_CHAIN,), currency="EUR", amount=350).encode(),
        "another chain, and no amount": offer(chains=(BITCOIN_CHAIN,), amount=None).encode(),
        "the device's chain and another": offer(chains=(BITCOIN_CHAIN, scene.CHAIN)).encode(),
        "no chain named, which is bitcoin": b"".join(part for part in _records(OFFER.encode()) if part[0] != 2),
    }
    for name, stream in cases.items():
        said = OfferMessage(valid_for=300, offer=stream)
        yield message_case("device", "WAITING", f"OFFER: {name}", bytes_of(said))
    for valid_for in (0, 65535):
        said = OfferMessage(valid_for=valid_for, offer=OFFER.encode())
        yield message_case("device", "WAITING", f"OFFER: {valid_for} s, says the till", bytes_of(said))
    yield from offers_without_a_clock()


def offers_without_a_clock() -> Iterator[dict[str, Any]]:
    """Yield offers that come to a device whose clock cannot be trusted: the till's is taken, as far as it can be."""
    long_ago = NOW - 86_400
    last, none = (offer(expires_in=(1 << 40) - NOW - less) for less in (1, 0))
    cases = {
        "165 s": (165, long_ago, OFFER),
        "164 s": (164, long_ago, OFFER),
        "600 s": (600, long_ago, OFFER),
        "601 s": (601, long_ago, OFFER),
        "a time that the device knows": (300, NOW, OFFER),
        "a time before one that the device knows": (300, NOW + 1, OFFER),
        "300 s, to the last time that there is": (300, long_ago, last),
        "300 s, to a time after it": (300, long_ago, none),
    }
    for said_by_till, (valid_for, passed, made) in cases.items():
        said = bytes_of(OfferMessage(valid_for=valid_for, offer=made.encode()))
        device = machines.Device(clock=UnixTime(0), is_clock_right=False, passed=passed)
        device.hear(said, 3.0)
        name = f"OFFER without a clock: {said_by_till}, says the till"
        case = {"side": "device", "state": "WAITING", "name": name, "clock": None, "passed": int(passed)}
        yield case | {"hears": said.hex()} | answered(device)


def _records(stream: bytes) -> list[bytes]:
    """Return the records of a stream whose types and lengths have one octet each."""
    parts, rest = [], stream
    while rest:
        parts.append(rest[: 2 + rest[1]])
        rest = rest[2 + rest[1] :]
    return parts


def requests() -> Iterator[dict[str, Any]]:
    """Yield requests that a till accepts and refuses."""
    good = REQUEST.encode()
    place = good.rindex(b"\xf0\x40") + 2
    unsigned = good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
    more = scene.Msat(15_001)
    cases: dict[str, tuple[bytes, int]] = {
        "46 s left": (good, 254),
        "45 s left": (good, 255),
        "expired": (good, 301),
        "for another offer": (OTHER_REQUEST.encode(), 0),
        "more than the amount": (request(OFFER, amount=more).encode(), 0),
        "less than the amount": (forged.request(OFFER, {82: b"\x3a\x97"}), 0),
        "the amount of the offer, not named": (request(OFFER, amount=None).encode(), 0),
        "eight ways home": (request(OFFER, paths=8).encode(), 0),
        "nine ways home": (request(OFFER, paths=9).encode(), 0),
        "no way home": (request(OFFER, paths=0).encode(), 0),
        "a way home of 16 hops": (request(OFFER, hops=16).encode(), 0),
        "a way home of 17 hops": (request(OFFER, hops=17).encode(), 0),
        "two ways home, one of 17 hops": (forged.request(OFFER, {90: forged.ways(2, 17)}), 0),
        "a way home of no hops": (forged.request(OFFER, {90: forged.NO_HOPS}), 0),
        "a changed signature": (unsigned, 0),
        "no signature": (good[: place - 2], 0),
        "signed by another key": (forged.request(OFFER, {}, key=scene.SHOP), 0),
        "a quantity that the offer does not ask for": (forged.request(OFFER, {86: b"\x01"}), 0),
        "a feature that nobody knows": (forged.request(OFFER, {84: b"\x01"}), 0),
        "an odd feature that nobody knows": (forged.request(OFFER, {84: b"\x02"}), 0),
        "a payer id of 32 octets": (good.replace(b"\x58\x21", b"\x58\x20", 1), 0),
        "a field that is an invoice's": (forged.request(OFFER, {161: b"odd"}), 0),
        "another signature beside its own": (forged.request(OFFER, {1000 - 1: b"odd"}), 0),
        "a field after the signatures": (forged.request(OFFER, {1001: b"odd"}), 0),
        "fields at the ends of their ranges": (forged.request(OFFER, {159: b"odd", 2_999_999_999: b"odd"}), 0),
        "a field before the far range": (forged.request(OFFER, {999_999_999: b"odd"}), 0),
        "a field after the far range": (forged.request(OFFER, {3_000_000_001: b"odd"}), 0),
        "an unknown even field": (forged.request(OFFER, {92: b""}), 0),
        "an unknown odd field": (forged.request(OFFER, {93: b"odd"}), 0),
        "no metadata": (forged.request(OFFER, {0: None}), 0),
        "another chain than the offer's": (forged.request(OFFER, {80: BITCOIN_CHAIN}), 0),
        "no chain named, which is bitcoin": (forged.request(OFFER, {80: None}), 0),
        "a field of the offer left out": (forged.request(OFFER, {18: None}), 0),
        "a field of the offer added": (forged.request(OFFER, {75: b"odd"}), 0),
        "cut short": (good[:-1], 0),
        "nonsense": (b"\xff" * 40, 0),
        "for another offer, with a changed signature": (flip_last(OTHER_REQUEST.encode()), 0),
        "for another offer, and 45 s left": (OTHER_REQUEST.encode(), 255),
        "for another offer, and nine ways home": (request(OTHER_OFFER, paths=9).encode(), 0),
        "another chain, and 45 s left": (forged.request(OFFER, {80: BITCOIN_CHAIN}), 255),
        "45 s left, and more than the amount": (request(OFFER, amount=more).encode(), 255),
        "45 s left, and nine ways home": (request(OFFER, paths=9).encode(), 255),
        "more than the amount, and nine ways home": (request(OFFER, amount=more, paths=9).encode(), 0),
    }
    for name, (stream, later) in cases.items():
        yield request_case(name, stream, clock=UnixTime(NOW + later))
    either = offer(chains=(BITCOIN_CHAIN, scene.CHAIN))
    yield request_case("the till's chain of two", request(either).encode(), sold=either)
    yield request_case(
        "another than the till's chain of two", request(either, chain=BITCOIN_CHAIN).encode(), sold=either
    )
    elsewhere = offer(chains=(BITCOIN_CHAIN,))
    yield request_case("an offer of another chain", request(elsewhere, chain=BITCOIN_CHAIN).encode(), sold=elsewhere)


def payer_ids() -> Iterator[dict[str, Any]]:
    """Yield requests at a till whose earlier sales had payer ids."""
    own = bytes(scene.PAYER.public_key)
    others = tuple(bytes(key.public_key) for key in (scene.SHOP, scene.SecretKey(scene.fixed("another payer"))))
    cases: dict[str, tuple[Any, int, tuple[bytes, ...]]] = {
        "the payer id of an earlier sale": (REQUEST, 0, (own,)),
        "the payer id of a sale before the last": (REQUEST, 0, (own, *others)),
        "a payer id that no earlier sale had": (REQUEST, 0, others),
        "an earlier sale's payer id, for another offer": (OTHER_REQUEST, 0, (own,)),
        "an earlier sale's payer id, and 45 s left": (REQUEST, 255, (own,)),
    }
    for name, (signed, later, before) in cases.items():
        data = bytes_of(InvreqMessage(request=signed.encode()))
        till = till_in("OFFERED", clock=UnixTime(NOW + later), payer_ids_before=before)
        till.hear(data, 3.0)
        case: dict[str, Any] = {"side": "till", "state": "OFFERED", "name": f"INVREQ: {name}"}
        case |= {"clock": NOW + later} if later else {}
        yield case | {"payer_ids_before": [known.hex() for known in before], "hears": data.hex()} | answered(till)


def tips() -> Iterator[dict[str, Any]]:
    """Yield offers with TIP_MAX, and requests with a tip at a till that has sent one of 3,000."""
    for most in (0, 3_000, 15_000, 15_001, 2**64 - 1):
        said = bytes_of(OfferMessage(valid_for=300, offer=OFFER.encode(), tip_max=most))
        yield message_case("device", "WAITING", f"OFFER: a tip of at most {most}", said)
    for state in AWAY:
        said = bytes_of(OfferMessage(valid_for=200, offer=OFFER.encode(), tip_max=3_000))
        yield message_case("device", state, "OFFER: the same, now with a tip", said)
    for asked in (15_000, 15_001, 18_000, 18_001, 75_000):
        data = bytes_of(InvreqMessage(request=request(OFFER, amount=scene.Msat(asked)).encode()))
        yield message_case("till", "OFFERED", f"INVREQ: {asked} where a tip is taken", data, tip_max=3_000)
    less = bytes_of(InvreqMessage(request=forged.request(OFFER, {82: b"\x3a\x97"})))
    yield message_case("till", "OFFERED", "INVREQ: 14999 where a tip is taken", less, tip_max=3_000)
    plain_amount = bytes_of(InvreqMessage(request=request(OFFER, amount=None).encode()))
    yield message_case("till", "OFFERED", "INVREQ: no amount where a tip is taken", plain_amount, tip_max=3_000)


def request_case(name: str, stream: bytes, *, clock: UnixTime = NOW, sold: Offer = OFFER) -> dict[str, Any]:
    """Return what a till answers to a request."""
    data = bytes_of(InvreqMessage(request=stream))
    return message_case("till", "OFFERED", f"INVREQ: {name}", data, clock=clock, sold=sold)


def flip_last(stream: bytes) -> bytes:
    """Return a stream with its last bit changed."""
    return stream[:-1] + bytes([stream[-1] ^ 1])


def make() -> dict[str, dict[str, Any]]:
    """Return the content of each file by its name."""
    link, _ = make_resume.first()
    return {
        "answers.json": {
            "about": "What either side answers in each state to what a peer may send.",
            "purchase": content(),
            "link": {"meeting": plain(make_resume.OpenMeeting()), "static": STATIC.reveal().hex()} | link.told,
            "conversation": [
                {"from": sender, "name": name_of(message), "message": bytes_of(message).hex()}
                for sender, message in PURCHASE
            ],
            "messages": [*every_message(), *offers(), *requests(), *payer_ids(), *tips()],
            **make_frame_answers.lists(),
        },
    }  # fmt: skip
