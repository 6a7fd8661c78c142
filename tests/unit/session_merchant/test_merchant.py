"""The till's session: every event in every state, and what the buyer hears of it."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis.strategies import lists, sampled_from

from bled.codes import OUTCOMES, Code
from bled.errors import BledError
from bled.gatt.messages import (
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
from bled.session.merchant import (
    _NEXT,
    ACK_SECONDS,
    APPROVE_SECONDS,
    KEEP_ALIVE_SECONDS,
    SILENCE_SECONDS,
    MerchantSession,
    State,
)
from bled.session.merchant_events import (
    Action,
    BuyerGone,
    Due,
    Event,
    Garbled,
    Hangup,
    InvoiceSent,
    Judge,
    LinkDropped,
    LinkLost,
    Rejoined,
    RequestAccepted,
    RequestRefused,
    Send,
    Settled,
    Started,
    Stopped,
)

HASH = b"\x01" * 32
RESUME_SECONDS = 60.0
STARTED = Started()
REQUEST = InvreqMessage(request=b"request")
OTHER = InvreqMessage(request=b"another")
PAID = StatusMessage(code=StatusCode.PAID, payment_hash=HASH, preimage=b"\x02" * 32)
SETTLED = Settled(status=PAID)
ACK = StatusAck(code=StatusCode.PAID)

FROM_THE_AIR: dict[str, Event] = {
    "request": REQUEST,
    "another request": OTHER,
    "wait": Wait(reason=WaitReason.USER_DECIDING),
    "abort": Abort(reason=AbortReason.USER_DECLINED),
    "error": ErrorMessage(code=0x0006),
    "ack": ACK,
    "an offer": OfferMessage(valid_for=1, offer=b"x"),
    "a status": PAID,
    "noise": Garbled(code=Code.FRAMING),
    "link lost": LinkLost(),
    "link dropped": LinkDropped(),
}
"""What a buyer or the radio can do at any time."""


def session(*events: Event) -> MerchantSession:
    session = MerchantSession(resume_seconds=RESUME_SECONDS)
    for event in events:
        session.handle(event, 0.0)
    return session


WAYS: dict[State, tuple[Event, ...]] = {
    State.OFFERED: (STARTED,),
    State.PAYING: (STARTED, REQUEST, RequestAccepted()),
    State.REPORTING: (STARTED, REQUEST, RequestAccepted(), SETTLED),
    State.READY: (),
    State.JUDGING: (STARTED, REQUEST),
    State.LOST: (STARTED, LinkDropped()),
    State.SEVERED: (STARTED, REQUEST, RequestAccepted(), LinkDropped()),
    State.DETACHED: (STARTED, REQUEST, RequestAccepted(), LinkLost()),
    State.CLOSED: (STARTED, LinkLost()),
}
LISTENING = [State.OFFERED, State.PAYING, State.REPORTING]


def said_by(actions: tuple[Action, ...]) -> list[Message]:
    return said(actions)


def said(actions: tuple[Action, ...]) -> list[Message]:
    return [action.message for action in actions if isinstance(action, Send)]


def gone(actions: tuple[Action, ...]) -> list[Code]:
    return [action.code for action in actions if isinstance(action, BuyerGone)]


@pytest.mark.parametrize("state", WAYS)
def test_the_ways_lead_where_they_say(state: State) -> None:
    assert session(*WAYS[state]).state is state


OURS: dict[str, Event] = {
    "started": STARTED,
    "accepted": RequestAccepted(),
    "refused": RequestRefused(code=Code.REQUEST_BAD),
    "invoice sent": InvoiceSent(payment_hash=HASH),
    "settled": SETTLED,
    "stopped": Stopped(code=Code.CANCELLED),
    "due": Due(),
    "rejoined": Rejoined(said=None),
}
"""What the till's own program does, each at its time."""


def test_every_state_and_event_is_in_this_test() -> None:
    assert set(WAYS) == set(State)
    assert {type(event) for event in (*FROM_THE_AIR.values(), *OURS.values())} == set(get_args(Event))


@pytest.mark.parametrize("event", [*FROM_THE_AIR.values(), *OURS.values()], ids=[*FROM_THE_AIR, *OURS])
@pytest.mark.parametrize("state", WAYS)
def test_every_event_in_every_state_follows_its_row_or_is_out_of_turn(state: State, event: Event) -> None:
    subject = session(*WAYS[state])
    row = _NEXT.get((state, type(event)))
    ours_out_of_turn = row is None and (event in OURS.values() or isinstance(event, LinkLost | LinkDropped))
    if ours_out_of_turn:
        with pytest.raises(BledError):
            subject.handle(event, 1.0)
        assert subject.state is state
        return
    subject.handle(event, 1.0)
    ended = {State.CLOSED, State.DETACHED, state}
    other_request = isinstance(event, InvreqMessage) and event is OTHER
    assert subject.state is row or (
        subject.state in ended and (row is None or other_request or isinstance(event, StatusAck))
    )


@pytest.mark.parametrize("said", [None, StatusMessage(code=StatusCode.RECEIVED), PAID])
def test_a_device_that_comes_back_hears_what_it_does_not_know_yet(said: StatusMessage | None) -> None:
    subject = session(*WAYS[State.SEVERED])
    assert subject.news == StatusMessage(code=StatusCode.RECEIVED)
    assert subject.handle(InvoiceSent(payment_hash=HASH), 1.0) == ()
    assert subject.handle(SETTLED, 2.0) == ()
    assert subject.news == PAID
    expected = [] if said == PAID else [PAID]
    assert said_by(subject.handle(Rejoined(said=said), 3.0)) == expected
    assert subject.state is State.REPORTING
    assert subject.handle(ACK, 4.0) == (Hangup(),)
    assert subject.told


def test_a_device_that_comes_back_before_the_end_is_served_on() -> None:
    subject = session(*WAYS[State.SEVERED])
    assert subject.handle(Rejoined(said=subject.news), 3.0) == ()
    assert subject.state is State.PAYING
    assert said_by(subject.handle(SETTLED, 4.0)) == [PAID]


def test_a_device_that_was_never_heard_may_be_met_anew_and_has_all_the_time_of_a_first_one() -> None:
    subject = session(STARTED)
    subject.handle(LinkDropped(), 10.0)
    assert not subject.heard
    assert subject.handle(STARTED, 50.0) == ()
    assert (subject.state, subject.next_deadline) == (State.OFFERED, 50.0 + SILENCE_SECONDS)
    for time in range(60, 130, 10):
        subject.handle(Wait(reason=WaitReason.USER_DECIDING), float(time))
    assert subject.next_deadline == 50.0 + APPROVE_SECONDS


@pytest.mark.parametrize("word", [Wait(reason=WaitReason.USER_DECIDING), LinkDropped()], ids=["heard", "came back"])
def test_nobody_takes_the_place_of_a_device_that_has_the_offer(word: Event) -> None:
    subject = session(STARTED, word, *([Rejoined(said=None)] if isinstance(word, LinkDropped) else []))
    assert subject.heard
    subject.handle(LinkDropped(), 10.0)
    with pytest.raises(BledError):
        subject.handle(STARTED, 11.0)
    assert subject.state is State.LOST


@pytest.mark.parametrize("state", [State.SEVERED, State.PAYING, State.REPORTING, State.DETACHED])
def test_a_session_with_a_request_never_begins_anew(state: State) -> None:
    subject = session(*WAYS[state])
    assert subject.heard
    with pytest.raises(BledError):
        subject.handle(STARTED, 1.0)


def test_the_persons_time_stands_still_while_the_link_is_away() -> None:
    subject = session(STARTED)
    subject.handle(Wait(reason=WaitReason.USER_DECIDING), 10.0)
    subject.handle(LinkDropped(), 20.0)
    assert subject.next_deadline == 20.0 + RESUME_SECONDS
    assert subject.handle(Rejoined(said=None), 70.0) == ()
    assert subject.next_deadline == 70.0 + SILENCE_SECONDS
    for time in range(80, 120, 10):
        subject.handle(Wait(reason=WaitReason.USER_DECIDING), float(time))
    assert subject.next_deadline == APPROVE_SECONDS + 50.0


@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize("end", [LinkLost(), Stopped(code=Code.CANCELLED)])
def test_a_device_that_does_not_come_back_leaves_the_sale_to_the_node(end: Event, settled: bool) -> None:
    subject = session(*WAYS[State.SEVERED], *([SETTLED] if settled else []))
    assert not said_by(subject.handle(end, 9.0))
    assert subject.state is (State.CLOSED if settled else State.DETACHED)
    assert not subject.told


def test_a_device_that_does_not_come_back_before_the_request_is_gone() -> None:
    subject = session(*WAYS[State.LOST])
    assert gone(subject.handle(LinkLost(), 9.0)) == [Code.BUYER_LEFT]
    assert subject.state is State.CLOSED


@pytest.mark.parametrize("event", FROM_THE_AIR.values(), ids=FROM_THE_AIR)
@pytest.mark.parametrize("state", LISTENING)
def test_nothing_that_a_buyer_can_do_raises(state: State, event: Event) -> None:
    subject = session(*WAYS[state])
    actions = subject.handle(event, 1.0)
    away = (State.JUDGING, State.LOST, State.SEVERED, State.DETACHED)
    assert Hangup() in actions or subject.state in (*LISTENING, *away)


@given(events=lists(sampled_from(list(FROM_THE_AIR.values())), max_size=12), state=sampled_from(LISTENING))
def test_a_buyer_is_gone_at_most_once_and_never_after_a_request(events: list[Event], state: State) -> None:
    subject = session(*WAYS[state])
    codes: list[Code] = []
    for number, event in enumerate(events):
        if subject.state not in LISTENING:
            break
        codes += gone(subject.handle(event, float(number)))
    assert len(codes) <= (1 if state is State.OFFERED else 0)
    if codes:
        assert subject.state is State.CLOSED


def test_the_offer_has_left_with_the_handshake_when_a_session_starts() -> None:
    assert session().handle(STARTED, 0.0) == ()


def test_a_request_is_judged_before_it_is_answered() -> None:
    subject = session(STARTED)
    assert subject.handle(REQUEST, 1.0) == (Judge(request=b"request"),)
    assert subject.state is State.JUDGING
    assert said(subject.handle(RequestAccepted(), 1.0)) == [StatusMessage(code=StatusCode.RECEIVED)]


@pytest.mark.parametrize("code", [Code.REQUEST_BAD, Code.REQUEST_MISMATCH, Code.SALE_EXPIRED])
def test_a_refusal_is_said_with_the_registrys_number(code: Code) -> None:
    actions = session(STARTED, REQUEST).handle(RequestRefused(code=code), 1.0)
    assert said(actions) == [ErrorMessage(code=OUTCOMES[code].air or 0, text=OUTCOMES[code].buyer)]
    assert actions[-1] == Hangup()


def test_the_same_request_again_changes_nothing() -> None:
    for state in (State.PAYING, State.REPORTING):
        subject = session(*WAYS[state])
        assert subject.handle(REQUEST, 1.0) == ()
        assert subject.state is state


def test_another_request_ends_the_talk_but_not_the_sale() -> None:
    subject = session(*WAYS[State.PAYING])
    actions = subject.handle(OTHER, 1.0)
    assert (subject.state, gone(actions)) == (State.DETACHED, [])
    assert [type(message) for message in said(actions)] == [ErrorMessage]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (Abort(reason=AbortReason.USER_DECLINED), Code.BUYER_DECLINED),
        (Abort(reason=AbortReason.CODE_MISMATCH), Code.CODES_DIFFER),
        (Abort(reason=AbortReason.WRONG_CUSTOMER), Code.BUYER_DECLINED),
        (Abort(reason=AbortReason.TIMEOUT), Code.NOT_APPROVED_IN_TIME),
        (Abort(reason=AbortReason.BUSY), Code.BUYER_LEFT),
        (Abort(reason=AbortReason.DONE), Code.BUYER_LEFT),
        (ErrorMessage(code=0x0006), Code.OFFER_BAD),
        (ErrorMessage(code=0x0007), Code.OFFER_EXPIRES_TOO_SOON),
        (ErrorMessage(code=0x000E), Code.BUYER_LEFT),
        (LinkLost(), Code.BUYER_LEFT),
        (Garbled(code=Code.MESSAGE_TOO_LARGE), Code.MESSAGE_TOO_LARGE),
        (ACK, Code.BAD_STATE),
        (OfferMessage(valid_for=1, offer=b"x"), Code.BAD_STATE),
    ],
)
def test_a_buyer_who_will_not_sign_is_gone_with_a_reason(event: Event, code: Code) -> None:
    subject = session(STARTED)
    assert gone(subject.handle(event, 1.0)) == [code]
    assert subject.state is State.CLOSED


def test_progress_is_told_while_somebody_listens() -> None:
    subject = session(*WAYS[State.PAYING])
    sent = subject.handle(InvoiceSent(payment_hash=HASH), 1.0)
    assert said(sent) == [StatusMessage(code=StatusCode.INVOICE_SENT, payment_hash=HASH)]
    assert subject.handle_deadline(KEEP_ALIVE_SECONDS + 0.9) == ()
    assert said(subject.handle_deadline(KEEP_ALIVE_SECONDS + 1.0)) == [Wait(reason=WaitReason.WAITING_FOR_PAYMENT)]
    subject.handle(LinkLost(), 13.0)
    assert subject.handle(InvoiceSent(payment_hash=HASH), 14.0) == ()
    assert subject.handle(SETTLED, 15.0) == ()


def test_the_buyer_is_told_only_by_the_right_acknowledgement() -> None:
    subject = session(*WAYS[State.PAYING])
    assert said(subject.handle(SETTLED, 1.0)) == [PAID]
    assert subject.handle(StatusAck(code=StatusCode.RECEIVED), 1.0) == ()
    assert not subject.told
    assert subject.handle(ACK, 1.0) == (Hangup(),)
    assert subject.told


@pytest.mark.parametrize("end", [Due(), LinkLost(), Abort(reason=AbortReason.DONE), Garbled(code=Code.FRAMING)])
def test_without_an_acknowledgement_nobody_was_told(end: Event) -> None:
    subject = session(*WAYS[State.REPORTING])
    assert Hangup() in subject.handle(end, 1.0)
    assert (subject.state, subject.told) == (State.CLOSED, False)


@pytest.mark.parametrize("state", [State.OFFERED, State.PAYING, State.REPORTING])
@pytest.mark.parametrize(
    ("code", "word"),
    [
        (Code.NODE_DIED, ErrorMessage(code=0x000C, text=OUTCOMES[Code.NODE_DIED].buyer)),
        (Code.CANCELLED, Abort(reason=AbortReason.DONE)),
    ],
)
def test_a_till_that_stops_says_so(state: State, code: Code, word: Message) -> None:
    assert session(*WAYS[state]).handle(Stopped(code=code), 1.0) == (Send(message=word), Hangup())


@pytest.mark.parametrize("state", [State.DETACHED, State.CLOSED])
def test_a_till_that_stops_alone_says_nothing(state: State) -> None:
    assert session(*WAYS[state]).handle(Stopped(code=Code.NODE_DIED), 1.0) == ()


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (State.OFFERED, RequestAccepted()),
        (State.OFFERED, SETTLED),
        (State.PAYING, STARTED),
        (State.REPORTING, InvoiceSent(payment_hash=HASH)),
        (State.CLOSED, SETTLED),
    ],
)
def test_a_step_of_ours_out_of_turn_is_a_defect(state: State, event: Event) -> None:
    with pytest.raises(BledError) as caught:
        session(*WAYS[state]).handle(event, 1.0)
    assert caught.value.code is Code.INTERNAL


def test_a_buyer_who_thinks_is_waited_for_until_the_end_and_no_longer() -> None:
    subject = session(STARTED)
    assert subject.next_deadline == SILENCE_SECONDS
    for time in range(10, 70, 10):
        subject.handle(Wait(reason=WaitReason.USER_DECIDING), float(time))
    assert subject.next_deadline == 60.0 + SILENCE_SECONDS == APPROVE_SECONDS
    subject.handle(Wait(reason=WaitReason.USER_DECIDING), 70.0)
    assert subject.next_deadline == APPROVE_SECONDS
    assert subject.handle_deadline(74.9) == ()
    actions = subject.handle_deadline(75.0)
    assert (said(actions), gone(actions)) == ([Abort(reason=AbortReason.TIMEOUT)], [Code.PEER_TIMEOUT])
    assert subject.state is State.CLOSED


def test_each_state_has_its_deadline_or_none() -> None:
    deadlines = {state: session(*WAYS[state]).next_deadline for state in WAYS}
    assert deadlines == {
        State.READY: None,
        State.OFFERED: SILENCE_SECONDS,
        State.JUDGING: None,
        State.PAYING: KEEP_ALIVE_SECONDS,
        State.REPORTING: ACK_SECONDS,
        State.LOST: RESUME_SECONDS,
        State.SEVERED: RESUME_SECONDS,
        State.DETACHED: None,
        State.CLOSED: None,
    }
    assert KEEP_ALIVE_SECONDS < SILENCE_SECONDS


def test_the_acknowledgement_is_not_waited_for_longer_because_something_else_comes() -> None:
    subject = session(*WAYS[State.REPORTING])
    for tenth in range(30):
        subject.handle(Wait(reason=WaitReason.SIGNING), tenth / 10)
        assert subject.next_deadline == ACK_SECONDS
    assert subject.handle_deadline(ACK_SECONDS) == (Hangup(),)


@pytest.mark.parametrize(
    ("state", "settled", "after"),
    [
        (State.LOST, False, State.CLOSED),
        (State.SEVERED, False, State.DETACHED),
        (State.SEVERED, True, State.CLOSED),
    ],
)
def test_a_device_that_does_not_come_back_in_time_is_let_go(state: State, settled: bool, after: State) -> None:
    subject = session(*WAYS[state], *([SETTLED] if settled else []))
    assert subject.handle_deadline(RESUME_SECONDS - 0.1) == ()
    actions = subject.handle_deadline(RESUME_SECONDS)
    assert gone(actions) == ([Code.BUYER_LEFT] if state is State.LOST else [])
    assert (subject.state, said(actions)) == (after, [])
