"""The buyer's session: what each event leads to, and what the device's policy says of offers."""

from collections.abc import Callable

import pytest

from bled.codes import Code
from bled.errors import BledError, PeerError, Unavailable
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
from bled.session.buyer import APPROVE_SECONDS, KEEP_ALIVE_SECONDS, STATUS_SECONDS, BuyerSession, State
from bled.session.buyer_events import (
    Action,
    Approved,
    Close,
    Declined,
    Finish,
    Forbidden,
    Garbled,
    LinkDropped,
    LinkLost,
    Progress,
    Send,
    Show,
)
from bled.session.offer_policy import accept_offer
from bled_codec.chains import BITCOIN_CHAIN, REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.offer import create_offer
from bled_codec.units import UnixTime

NOW = UnixTime(1_800_000_000)
ISSUER = SecretKey(b"\x41" * 32).public_key


def offer(
    *,
    expires_in: int | None = 300,
    amount: int | None = 15_000,
    currency: str | None = None,
    quantity: int | None = None,
) -> bytes:
    return create_offer(
        description="coffee",
        amount=amount,
        currency=currency,
        chains=[REGTEST_CHAIN],
        issuer_id=ISSUER,
        quantity_max=quantity,
        absolute_expiry=None if expires_in is None else UnixTime(NOW + expires_in),
    ).encode()


OFFER = OfferMessage(valid_for=300, offer=offer())
PAID = StatusMessage(code=StatusCode.PAID, preimage=b"\x01" * 32)
MESSAGES: dict[str, Message] = {
    "offer": OFFER,
    "received": StatusMessage(code=StatusCode.RECEIVED),
    "paid": PAID,
    "wait": Wait(reason=WaitReason.WAITING_FOR_PAYMENT),
    "error": ErrorMessage(code=0x000E, text="internal"),
    "abort": Abort(reason=AbortReason.BUSY),
    "invreq": InvreqMessage(request=b"\x00"),
    "status ack": StatusAck(code=StatusCode.PAID),
}


RESUME_SECONDS = 60.0
APPROVED = Approved(request=b"request", known_by=315.0)


def waiting() -> BuyerSession:
    return BuyerSession(
        chain=REGTEST_CHAIN, clock_trusted=True, not_before=UnixTime(0), time=NOW, resume_seconds=RESUME_SECONDS
    )


def showing() -> BuyerSession:
    session = waiting()
    session.handle(OFFER, 0.0)
    return session


def sent() -> BuyerSession:
    session = showing()
    session.handle(APPROVED, 0.0)
    return session


def paused() -> BuyerSession:
    session = showing()
    session.handle(LinkDropped(), 0.0)
    return session


def lost() -> BuyerSession:
    session = sent()
    session.handle(LinkDropped(), 0.0)
    return session


def done() -> BuyerSession:
    session = sent()
    session.handle(PAID, 0.0)
    return session


def closed() -> BuyerSession:
    session = showing()
    session.handle(Declined(), 0.0)
    return session


def reason(actions: tuple[Action, ...]) -> Code | None:
    """Return why the link is closed at the end of these actions; None for a regular end."""
    close = actions[-1]
    assert isinstance(close, Close)
    return None if close.reason is None else close.reason.code


WELCOME: dict[Callable[[], BuyerSession], dict[str, State]] = {
    waiting: {"offer": State.SHOWING},
    showing: {"wait": State.SHOWING, "error": State.CLOSED, "abort": State.CLOSED},
    sent: {
        "received": State.SENT,
        "paid": State.DONE,
        "wait": State.SENT,
        "error": State.CLOSED,
        "abort": State.CLOSED,
    },
    paused: {"offer": State.SHOWING},
    lost: {"offer": State.SENT, "received": State.SENT, "paid": State.DONE},
    done: {},
    closed: {},
}


def test_every_state_is_in_this_test() -> None:
    assert {begin().state for begin in WELCOME} == set(State)


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("begin", WELCOME, ids=lambda begin: begin.__name__)
def test_every_message_in_every_state_leads_where_the_table_says(begin: Callable[[], BuyerSession], name: str) -> None:
    session = begin()
    over = session.state if session.is_over else None
    actions = session.handle(MESSAGES[name], 1.0)
    if over is not None:
        assert (session.state, actions) == (over, ())
    elif name in WELCOME[begin]:
        assert session.state is WELCOME[begin][name]
    else:
        assert session.state is State.CLOSED
        assert reason(actions) is not None


@pytest.mark.parametrize("begin", [waiting, paused, lost, done, closed], ids=lambda begin: begin.__name__)
def test_a_link_breaks_where_there_is_one_to_come_back_to(begin: Callable[[], BuyerSession]) -> None:
    session = begin()
    before = session.state
    with pytest.raises(BledError) as caught:
        session.handle(LinkDropped(), 1.0)
    assert (caught.value.code, session.state) == (Code.INTERNAL, before)


GONE = LinkLost(error=Unavailable(Code.LINK_LOST, detail="gone"))


@pytest.mark.parametrize(
    ("begin", "code"),
    [
        (waiting, Code.LINK_LOST),
        (showing, Code.LINK_LOST),
        (paused, Code.LINK_LOST),
        (sent, Code.OUTCOME_UNKNOWN),
        (lost, Code.OUTCOME_UNKNOWN),
    ],
)
def test_a_link_that_is_gone_for_good_ends_the_meeting_without_a_word(
    begin: Callable[[], BuyerSession], code: Code
) -> None:
    actions = begin().handle(GONE, 1.0)
    assert (len(actions), reason(actions)) == (1, code)


@pytest.mark.parametrize("begin", [done, closed])
def test_after_its_end_a_meeting_does_not_end_again(begin: Callable[[], BuyerSession]) -> None:
    assert begin().handle(GONE, 1.0) == ()


@pytest.mark.parametrize("begin", [waiting, showing, paused, sent, lost], ids=lambda begin: begin.__name__)
def test_what_is_no_message_is_called_so_and_ends_the_meeting(begin: Callable[[], BuyerSession]) -> None:
    said, close = begin().handle(Garbled(error=PeerError(Code.FRAMING)), 1.0)
    assert said == Send(message=ErrorMessage(code=0x0002, text="framing"))
    assert isinstance(close, Close)


def test_a_rule_of_the_device_is_not_told_as_an_error_of_the_tills() -> None:
    actions = showing().handle(Forbidden(error=BledError(Code.OVER_PAYMENT_LIMIT)), 1.0)
    assert actions[0] == Send(message=Abort(reason=AbortReason.USER_DECLINED))
    assert reason(actions) is Code.OVER_PAYMENT_LIMIT


def test_the_till_hears_every_ten_seconds_that_the_person_thinks_and_silence_is_a_no() -> None:
    session, heard = showing(), []
    while not session.is_over:
        deadline = session.next_deadline
        assert deadline is not None
        assert session.handle_deadline(deadline - 0.001) == ()
        heard.append((deadline, session.handle_deadline(deadline)))
    still = (Send(message=Wait(reason=WaitReason.USER_DECIDING)),)
    assert heard[:-1] == [(float(time), still) for time in range(KEEP_ALIVE_SECONDS, APPROVE_SECONDS, 10)]
    assert heard[-1][0] == APPROVE_SECONDS
    assert heard[-1][1][0] == Send(message=Abort(reason=AbortReason.TIMEOUT))
    assert reason(heard[-1][1]) is Code.NOT_APPROVED_IN_TIME


def test_the_persons_time_stands_still_while_the_link_is_away() -> None:
    session = showing()
    session.handle_deadline(10.0)
    session.handle(LinkDropped(), 15.0)
    assert session.next_deadline == 15.0 + RESUME_SECONDS
    assert session.handle(OFFER, 55.0) == ()
    assert session.next_deadline == 55.0 + KEEP_ALIVE_SECONDS
    for time in (65.0, 75.0, 85.0, 95.0):
        assert len(session.handle_deadline(time)) == 1
    assert session.next_deadline == APPROVE_SECONDS + 40.0
    assert reason(session.handle_deadline(100.0)) is Code.NOT_APPROVED_IN_TIME


@pytest.mark.parametrize(("begin", "code"), [(paused, Code.LINK_LOST), (lost, Code.OUTCOME_UNKNOWN)])
def test_a_till_that_does_not_come_back_is_given_up(begin: Callable[[], BuyerSession], code: Code) -> None:
    session = begin()
    assert session.next_deadline == RESUME_SECONDS
    actions = session.handle_deadline(RESUME_SECONDS)
    assert (len(actions), reason(actions), session.state) == (1, code, State.CLOSED)


def test_a_till_that_says_nothing_for_too_long_leaves_the_outcome_unknown() -> None:
    session = sent()
    session.handle(MESSAGES["wait"], 80.0)
    assert session.next_deadline == 80.0 + STATUS_SECONDS
    assert session.handle_deadline(169.0) == ()
    assert reason(session.handle_deadline(170.0)) is Code.OUTCOME_UNKNOWN


def test_a_till_that_goes_on_talking_is_not_waited_for_beyond_the_offer() -> None:
    session = sent()
    for time in range(0, 310, 10):
        session.handle(MESSAGES["wait"], float(time))
    assert session.next_deadline == APPROVED.known_by
    assert reason(session.handle_deadline(APPROVED.known_by)) is Code.OUTCOME_UNKNOWN


@pytest.mark.parametrize("begin", [waiting, done, closed])
def test_nothing_is_due_where_nothing_is_waited_for(begin: Callable[[], BuyerSession]) -> None:
    session = begin()
    assert session.next_deadline is None
    assert session.handle_deadline(1e9) == ()


def test_the_same_offer_after_a_break_asks_nobody_again() -> None:
    assert paused().handle(OFFER, 1.0) == ()


def test_a_till_that_has_no_request_gets_the_same_bytes_again() -> None:
    assert lost().handle(OFFER, 1.0) == (Send(message=InvreqMessage(request=b"request")),)


def test_a_till_that_knows_the_end_tells_it_first() -> None:
    assert lost().handle(PAID, 1.0)[0] == Finish(status=PAID)


@pytest.mark.parametrize(
    ("begin", "code"), [(paused, Code.BAD_STATE), (lost, Code.OUTCOME_UNKNOWN)], ids=["paused", "lost"]
)
def test_another_offer_after_a_break_never_takes_the_place_of_the_first(
    begin: Callable[[], BuyerSession], code: Code
) -> None:
    session = begin()
    *_, close = session.handle(OfferMessage(valid_for=300, offer=offer(amount=15_001)), 1.0)
    assert isinstance(close, Close)
    assert close.reason is not None
    assert (close.reason.code, session.state) == (code, State.CLOSED)


def test_an_offer_is_shown_with_its_exact_amount() -> None:
    (show,) = waiting().handle(OFFER, 1.0)
    assert isinstance(show, Show)
    assert show.offer.amount == 15_000
    assert show.offer.clock_trusted


def test_yes_sends_exactly_the_bytes_that_are_on_disk() -> None:
    (send,) = showing().handle(Approved(request=b"exact bytes", known_by=300.0), 1.0)
    assert isinstance(send, Send)
    assert send.message == InvreqMessage(request=b"exact bytes")


def test_no_is_told_to_the_till_and_nothing_was_paid() -> None:
    send, close = showing().handle(Declined(), 1.0)
    assert isinstance(send, Send)
    assert send.message == Abort(reason=AbortReason.USER_DECLINED)
    assert isinstance(close, Close)
    assert close.reason is not None
    assert close.reason.code is Code.BUYER_DECLINED


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (AbortReason.USER_DECLINED, Code.BUYER_DECLINED),
        (AbortReason.TIMEOUT, Code.NOT_APPROVED_IN_TIME),
        (AbortReason.CODE_MISMATCH, Code.CODES_DIFFER),
    ],
)
def test_the_till_hears_why_nothing_will_come(reason: AbortReason, code: Code) -> None:
    send, close = showing().handle(Declined(reason=reason), 1.0)
    assert send == Send(message=Abort(reason=reason))
    assert isinstance(close, Close)
    assert close.reason is not None
    assert close.reason.code is code


def test_progress_is_passed_on() -> None:
    assert sent().handle(MESSAGES["received"], 1.0) == (Progress(code=StatusCode.RECEIVED),)


def test_the_outcome_is_recorded_before_it_is_acknowledged() -> None:
    finish, ack, close = sent().handle(PAID, 1.0)
    assert finish == Finish(status=PAID)
    assert ack == Send(message=StatusAck(code=StatusCode.PAID))
    assert close == Close(reason=None)


@pytest.mark.parametrize("name", ["abort", "error", "offer"])
def test_after_the_signature_left_only_home_knows_the_outcome(name: str) -> None:
    close = sent().handle(MESSAGES[name], 1.0)[-1]
    assert isinstance(close, Close)
    assert close.reason is not None
    assert close.reason.code is Code.OUTCOME_UNKNOWN


REFUSED = {
    "no expiry": (offer(expires_in=None), Code.OFFER_WITHOUT_EXPIRY),
    "too soon": (offer(expires_in=164), Code.OFFER_EXPIRES_TOO_SOON),
    "passed": (offer(expires_in=-1), Code.OFFER_EXPIRES_TOO_SOON),
    "too late": (offer(expires_in=601), Code.OFFER_EXPIRES_TOO_LATE),
    "currency": (offer(currency="EUR"), Code.OFFER_CURRENCY),
    "no amount": (offer(amount=None), Code.OFFER_NOT_FIXED),
    "per item": (offer(quantity=5), Code.OFFER_NOT_FIXED),
    "garbage": (b"\xff\x00", Code.OFFER_BAD),
    "empty": (b"", Code.OFFER_BAD),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_offer_against_the_policy_is_refused_with_its_own_code(name: str) -> None:
    data, code = REFUSED[name]
    session = waiting()
    close = session.handle(OfferMessage(valid_for=300, offer=data), 1.0)[-1]
    assert isinstance(close, Close)
    assert close.reason is not None
    assert close.reason.code is code
    assert session.state is State.CLOSED


@pytest.mark.parametrize("left", [165, 600])
def test_the_edges_of_the_lifetime_are_accepted(left: int) -> None:
    data = offer(expires_in=left)
    assert (
        accept_offer(data, valid_for=left, chain=REGTEST_CHAIN, now=NOW, clock_trusted=True, not_before=UnixTime(0)).now
        == NOW
    )


def test_another_chain_is_refused() -> None:
    with pytest.raises(BledError) as caught:
        accept_offer(offer(), valid_for=300, chain=BITCOIN_CHAIN, now=NOW, clock_trusted=True, not_before=UnixTime(0))
    assert caught.value.code is Code.WRONG_CHAIN


def test_a_device_without_a_trusted_clock_goes_by_the_tills_and_says_so() -> None:
    accepted = accept_offer(
        offer(), valid_for=290, chain=REGTEST_CHAIN, now=UnixTime(0), clock_trusted=False, not_before=UnixTime(0)
    )
    assert accepted.now == NOW + 10
    assert not accepted.clock_trusted


def test_a_tills_own_count_of_the_time_left_is_held_to_the_same_limits() -> None:
    with pytest.raises(BledError) as caught:
        accept_offer(
            offer(), valid_for=601, chain=REGTEST_CHAIN, now=UnixTime(0), clock_trusted=False, not_before=UnixTime(0)
        )
    assert caught.value.code is Code.OFFER_EXPIRES_TOO_LATE


def test_a_tills_time_before_a_time_that_has_passed_is_refused() -> None:
    with pytest.raises(BledError) as caught:
        accept_offer(
            offer(),
            valid_for=300,
            chain=REGTEST_CHAIN,
            now=UnixTime(0),
            clock_trusted=False,
            not_before=UnixTime(NOW + 1),
        )
    assert caught.value.code is Code.OFFER_EXPIRES_TOO_SOON


@pytest.mark.parametrize("expiry", [2**40, 2**63, 2**64 - 1])
def test_an_expiry_beyond_all_time_is_refused_whatever_the_till_counts(expiry: int) -> None:
    with pytest.raises(BledError) as caught:
        accept_offer(
            offer(expires_in=expiry - NOW),
            valid_for=300,
            chain=REGTEST_CHAIN,
            now=UnixTime(0),
            clock_trusted=False,
            not_before=UnixTime(0),
        )
    assert caught.value.code is Code.OFFER_BAD


@pytest.mark.parametrize(
    ("said", "most"), [(None, 0), (0, 0), (1, 1), (15_000, 15_000), (15_001, 15_000), (2**64 - 1, 15_000)]
)
def test_a_tip_is_what_the_till_allows_and_at_most_the_price_again(said: int | None, most: int) -> None:
    (show,) = waiting().handle(OfferMessage(valid_for=300, offer=offer(), tip_max=said), 1.0)
    assert isinstance(show, Show)
    assert (show.offer.amount, show.offer.tip_max) == (15_000, most)


@pytest.mark.parametrize(
    ("begin", "code"), [(paused, Code.BAD_STATE), (lost, Code.OUTCOME_UNKNOWN)], ids=["paused", "lost"]
)
def test_another_tip_after_a_break_never_takes_the_place_of_the_first(
    begin: Callable[[], BuyerSession], code: Code
) -> None:
    session = begin()
    assert reason(session.handle(OfferMessage(valid_for=300, offer=offer(), tip_max=500), 1.0)) is code
    assert session.state is State.CLOSED
