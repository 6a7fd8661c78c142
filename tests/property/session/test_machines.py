"""Both machines: any events in any order and at any times keep to the tables, the deadlines and the money rules."""

from typing import get_args

from hypothesis import given
from hypothesis.strategies import floats, lists, sampled_from, tuples

from bled.codes import Code
from bled.errors import BledError, PeerError, Unavailable
from bled.gatt.messages import (
    Abort,
    AbortReason,
    ErrorMessage,
    InvreqMessage,
    OfferMessage,
    StatusAck,
    StatusCode,
    StatusMessage,
    Wait,
    WaitReason,
)
from bled.session import buyer, buyer_events, merchant, merchant_events
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.offer import create_offer
from bled_codec.units import Msat, UnixTime

NOW = UnixTime(1_800_000_000)
RESUME_SECONDS = 60.0
OFFER = create_offer(
    description="tea",
    amount=Msat(15_000),
    chains=[REGTEST_CHAIN],
    issuer_id=SecretKey(b"\x41" * 32).public_key,
    absolute_expiry=UnixTime(NOW + 300),
).encode()
PAID = StatusMessage(code=StatusCode.PAID, preimage=b"\x02" * 32)
FROM_A_TILL = [
    OfferMessage(valid_for=300, offer=OFFER),
    OfferMessage(valid_for=300, offer=OFFER + b"\xfd\xff\xfb\x00"),
    OfferMessage(valid_for=300, offer=b"\x01"),
    StatusMessage(code=StatusCode.RECEIVED),
    StatusMessage(code=StatusCode.FAILED),
    PAID,
    Wait(reason=WaitReason.SIGNING),
    Abort(reason=AbortReason.BUSY),
    ErrorMessage(code=0x000E),
    InvreqMessage(request=b"x"),
    StatusAck(code=StatusCode.PAID),
]
BUYER_EVENTS = [
    *FROM_A_TILL,
    buyer_events.Approved(request=b"request", known_by=315.0),
    buyer_events.Declined(),
    buyer_events.Declined(reason=AbortReason.CODE_MISMATCH),
    buyer_events.Forbidden(error=BledError(Code.OVER_PAYMENT_LIMIT)),
    buyer_events.Garbled(error=PeerError(Code.FRAMING)),
    buyer_events.LinkDropped(),
    buyer_events.LinkLost(error=Unavailable(Code.LINK_LOST)),
    buyer_events.Due(),
]
TILL_EVENTS = [
    *FROM_A_TILL,
    InvreqMessage(request=b"request"),
    merchant_events.Started(),
    merchant_events.RequestAccepted(),
    merchant_events.RequestRefused(code=Code.REQUEST_BAD),
    merchant_events.InvoiceSent(payment_hash=b"\x01" * 32),
    merchant_events.Settled(status=PAID),
    merchant_events.Stopped(code=Code.CANCELLED),
    merchant_events.Garbled(code=Code.FRAMING),
    merchant_events.LinkDropped(),
    merchant_events.Rejoined(said=None),
    merchant_events.LinkLost(),
    merchant_events.Due(),
]
STEPS = floats(0, 100, allow_nan=False)


def at_device() -> buyer.BuyerSession:
    return buyer.BuyerSession(
        chain=REGTEST_CHAIN, clock_trusted=True, not_before=UnixTime(0), time=NOW, resume_seconds=RESUME_SECONDS
    )


def test_every_event_is_drawn() -> None:
    assert {type(event) for event in BUYER_EVENTS} == set(get_args(buyer_events.Event))
    assert {type(event) for event in TILL_EVENTS} == set(get_args(merchant_events.Event))


def in_every_state(make, events, states) -> dict:
    """Return a way to each state: the events that lead there, found by trying all of them."""
    ways = {make().state: ()}
    todo = list(ways.values())
    while todo:
        way = todo.pop(0)
        for event in events:
            session = make()
            try:
                for step in (*way, event):
                    session.handle(step, 0.0)
            except BledError:
                continue
            if session.state not in ways:
                ways[session.state] = (*way, event)
                todo.append(ways[session.state])
    assert set(ways) == set(states)
    return ways


def test_every_event_in_every_state_of_the_device_follows_its_row() -> None:
    elsewhere = {
        (buyer.State.WAITING, OfferMessage): buyer.State.CLOSED,
        (buyer.State.SHOWING, buyer_events.Due): buyer.State.CLOSED,
        (buyer.State.PAUSED, OfferMessage): buyer.State.CLOSED,
        (buyer.State.LOST, OfferMessage): buyer.State.CLOSED,
        (buyer.State.SENT, StatusMessage): buyer.State.DONE,
        (buyer.State.LOST, StatusMessage): buyer.State.DONE,
    }
    for state, way in in_every_state(at_device, BUYER_EVENTS, buyer.State).items():
        for event in BUYER_EVENTS:
            session = at_device()
            for step in way:
                session.handle(step, 0.0)
            key = (state, type(event))
            ours = not isinstance(event, (*buyer._FROM_THE_AIR, buyer_events.Garbled))
            try:
                actions = session.handle(event, 1.0)
            except BledError as error:
                assert (error.code, ours, key in buyer._NEXT, session.state) == (Code.INTERNAL, True, False, state)
                continue
            if key in buyer._NEXT:
                assert session.state in {buyer._NEXT[key], elsewhere.get(key, buyer._NEXT[key])}
            else:
                over = state in (buyer.State.DONE, buyer.State.CLOSED)
                assert session.state is (state if over else buyer.State.CLOSED)
                assert bool(actions) is not over


def test_every_event_in_every_state_of_the_till_follows_its_row() -> None:
    def make() -> merchant.MerchantSession:
        return merchant.MerchantSession(resume_seconds=RESUME_SECONDS)

    ends = {merchant.State.CLOSED, merchant.State.DETACHED, merchant.State.REPORTING}
    for state, way in in_every_state(make, TILL_EVENTS, merchant.State).items():
        for event in TILL_EVENTS:
            session = make()
            for step in way:
                session.handle(step, 0.0)
            key = (state, type(event))
            try:
                session.handle(event, 1.0)
            except BledError as error:
                ours = not isinstance(event, (*merchant._FROM_THE_AIR, merchant_events.Garbled))
                assert (error.code, ours, session.state) == (Code.INTERNAL, True, state)
                assert key not in merchant._NEXT
                continue
            assert session.state in ends | {state, merchant._NEXT.get(key, state)}


@given(events=lists(tuples(sampled_from(BUYER_EVENTS), STEPS), max_size=14))
def test_whatever_happens_a_device_sends_one_request_and_ends_once(events) -> None:
    session, now, sent, closed, finished = at_device(), 0.0, set(), 0, 0
    for event, seconds in events:
        now += seconds
        actions = session.handle_deadline(now)
        try:
            actions += session.handle(event, now)
        except BledError as error:
            assert error.code is Code.INTERNAL
            assert event not in FROM_A_TILL
        sent |= {
            action.message.request
            for action in actions
            if isinstance(action, buyer_events.Send) and isinstance(action.message, InvreqMessage)
        }
        closed += sum(isinstance(action, buyer_events.Close) for action in actions)
        finished += sum(isinstance(action, buyer_events.Finish) for action in actions)
        assert session.is_over is bool(closed)
        assert session.is_over <= (session.next_deadline is None)
    assert sent <= {b"request"}
    assert closed <= 1
    assert finished <= closed


@given(events=lists(tuples(sampled_from(TILL_EVENTS), STEPS), max_size=14))
def test_whatever_happens_a_till_judges_one_request_and_tells_one_end(events) -> None:
    session, now, judged, gone = merchant.MerchantSession(resume_seconds=RESUME_SECONDS), 0.0, 0, 0
    for event, seconds in events:
        now += seconds
        actions = session.handle_deadline(now)
        try:
            actions += session.handle(event, now)
        except BledError as error:
            assert error.code is Code.INTERNAL
            assert not isinstance(event, merchant._FROM_THE_AIR)
        judged += sum(isinstance(action, merchant_events.Judge) for action in actions)
        gone += sum(isinstance(action, merchant_events.BuyerGone) for action in actions)
        if session.told:
            assert session.state is merchant.State.CLOSED
    assert judged <= 1
    assert gone <= 1
    assert not (judged and gone)


@given(till_says=lists(sampled_from(FROM_A_TILL), max_size=30), step=floats(0.1, 9.0, allow_nan=False))
def test_no_till_keeps_a_device_longer_than_its_times(till_says, step: float) -> None:
    """A till that talks on and on: 60 s to decide, and after the signature 15 s after the offer's expiry."""
    session, now = at_device(), 0.0
    session.handle(FROM_A_TILL[0], now)
    session.handle(buyer_events.Approved(request=b"request", known_by=315.0), now)
    words = till_says or [Wait(reason=WaitReason.SIGNING)]
    number = 0
    while not session.is_over:
        now += step
        session.handle(words[number % len(words)], now)
        session.handle_deadline(now)
        number += 1
    assert now <= 315.0 + step
