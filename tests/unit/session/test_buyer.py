"""The buyer's session: every message in every state, and what the device's policy says of offers."""

from collections.abc import Callable

import pytest

from bled.codes import Code
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
from bled.session.buyer import BuyerSession, Close, Finish, Progress, Send, Show, State
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


def waiting() -> BuyerSession:
    return BuyerSession(chain=REGTEST_CHAIN, clock_trusted=True, not_before=UnixTime(0))


def showing() -> BuyerSession:
    session = waiting()
    session.receive(OFFER, now=NOW)
    return session


def sent() -> BuyerSession:
    session = showing()
    session.approve(b"request")
    return session


def paused() -> BuyerSession:
    session = showing()
    assert session.lose()
    return session


def lost() -> BuyerSession:
    session = sent()
    assert session.lose()
    return session


def done() -> BuyerSession:
    session = sent()
    session.receive(PAID, now=NOW)
    return session


def closed() -> BuyerSession:
    session = showing()
    session.decline()
    return session


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
    actions = session.receive(MESSAGES[name], now=NOW)
    if name in WELCOME[begin]:
        assert session.state is WELCOME[begin][name]
    else:
        assert session.state is State.CLOSED
        assert isinstance(actions[-1], Close)
        assert actions[-1].reason is not None


@pytest.mark.parametrize("begin", [waiting, paused, lost, done, closed], ids=lambda begin: begin.__name__)
def test_a_link_that_breaks_anywhere_else_ends_the_meeting(begin: Callable[[], BuyerSession]) -> None:
    session = begin()
    before = session.state
    assert not session.lose()
    assert session.state is before


def test_the_same_offer_after_a_break_asks_nobody_again() -> None:
    assert paused().receive(OFFER, now=NOW) == ()


def test_a_till_that_has_no_request_gets_the_same_bytes_again() -> None:
    assert lost().receive(OFFER, now=NOW) == (Send(message=InvreqMessage(request=b"request")),)


def test_a_till_that_knows_the_end_tells_it_first() -> None:
    assert lost().receive(PAID, now=NOW)[0] == Finish(status=PAID)


@pytest.mark.parametrize(
    ("begin", "code"), [(paused, Code.BAD_STATE), (lost, Code.OUTCOME_UNKNOWN)], ids=["paused", "lost"]
)
def test_another_offer_after_a_break_never_takes_the_place_of_the_first(
    begin: Callable[[], BuyerSession], code: Code
) -> None:
    session = begin()
    *_, close = session.receive(OfferMessage(valid_for=300, offer=offer(amount=15_001)), now=NOW)
    assert isinstance(close, Close)
    assert close.reason is not None
    assert (close.reason.code, session.state) == (code, State.CLOSED)


def test_an_offer_is_shown_with_its_exact_amount() -> None:
    (show,) = waiting().receive(OFFER, now=NOW)
    assert isinstance(show, Show)
    assert show.offer.amount == 15_000
    assert show.offer.clock_trusted


def test_yes_sends_exactly_the_bytes_that_are_on_disk() -> None:
    (send,) = showing().approve(b"exact bytes")
    assert isinstance(send, Send)
    assert send.message == InvreqMessage(request=b"exact bytes")


def test_no_is_told_to_the_till_and_nothing_was_paid() -> None:
    send, close = showing().decline()
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
    send, close = showing().decline(reason)
    assert send == Send(message=Abort(reason=reason))
    assert isinstance(close, Close)
    assert close.reason is not None
    assert close.reason.code is code


def test_progress_is_passed_on() -> None:
    assert sent().receive(MESSAGES["received"], now=NOW) == (Progress(code=StatusCode.RECEIVED),)


def test_the_outcome_is_recorded_before_it_is_acknowledged() -> None:
    finish, ack, close = sent().receive(PAID, now=NOW)
    assert finish == Finish(status=PAID)
    assert ack == Send(message=StatusAck(code=StatusCode.PAID))
    assert close == Close(reason=None)


@pytest.mark.parametrize("name", ["abort", "error", "offer"])
def test_after_the_signature_left_only_home_knows_the_outcome(name: str) -> None:
    close = sent().receive(MESSAGES[name], now=NOW)[-1]
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
    close = session.receive(OfferMessage(valid_for=300, offer=data), now=NOW)[-1]
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
