"""A meeting of the device with a till: real vault, real session; the till is a script at the other end of the link."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from bled.buyer.approval import Answer, Approver, Question, Reply, WithTip, approve_below
from bled.buyer.arrival import Met
from bled.buyer.meeting import Meeting, Purchase
from bled.clock import Clock
from bled.codes import Code
from bled.errors import BledError, PeerError, Unavailable
from bled.gatt.compare_code import CompareCode
from bled.gatt.frames import FramingError, Violation
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
    decode_message,
    encode_message,
)
from bled.grants.book import encode_book
from bled.grants.issue import issue_book
from bled.grants.keys import HomeKeys
from bled.grants.limits import BookLimits, GrantClass, MaxFee
from bled.session import buyer as buyer_session
from bled.vault.vault import Vault
from bled_codec.blinded_path import BlindedPayinfo, create_blinded_path
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey, sha256
from bled_codec.invoice import create_invoice
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import create_offer
from bled_codec.units import Msat, UnixTime

NOW = UnixTime(1_800_000_000)
SHOP = SecretKey(b"\x41" * 32)
READER = b"\x0f" * 32
PREIMAGE = b"\x07" * 32


class StandingClock:
    """Stands still unless a test moves it."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> UnixTime:
        return NOW

    def monotonic(self) -> float:
        return self.passed


class RunningClock(StandingClock):
    """Runs on."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


class Pipe:
    """One end of a link; the other end is the till's script."""

    def __init__(self) -> None:
        self.to_buyer: asyncio.Queue[bytes | BledError] = asyncio.Queue()
        self.to_till: asyncio.Queue[Message] = asyncio.Queue()
        self.closed = False
        self.before_send: Callable[[Message], None] = lambda message: None

    async def send(self, message: bytes) -> None:
        decoded = decode_message(message)
        assert decoded is not None
        self.before_send(decoded)
        await self.to_till.put(decoded)

    async def receive(self, *, seconds: float) -> bytes:
        if seconds <= 0:
            raise Unavailable(Code.PEER_TIMEOUT)
        got = await asyncio.wait_for(self.to_buyer.get(), 5)
        if isinstance(got, BledError):
            raise got
        return got

    async def close(self) -> None:
        self.closed = True

    async def say(self, message: Message) -> None:
        await self.to_buyer.put(encode_message(message))

    async def hear(self) -> Message:
        return await asyncio.wait_for(self.to_till.get(), 5)

    async def drop(self) -> None:
        await self.to_buyer.put(Unavailable(Code.LINK_LOST, detail="gone"))


Till = Callable[[Pipe], Awaitable[None]]


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    end = UnixTime(NOW + 86_400)
    ids = GrantClass(first_index=0, count=3, per_payment_msat=Msat(100_000), not_before=NOW, not_after=end)
    limits = BookLimits(
        total_msat=Msat(1_000_000),
        per_payment_msat=Msat(100_000),
        per_day_msat=Msat(1_000_000),
        payments=3,
        not_before=NOW,
        not_after=end,
        max_fee=MaxFee(base_msat=Msat(1_000), ppm=0),
        classes=(ids,),
    )
    keys = HomeKeys.from_master(b"\x05" * 32)
    chance = random.Random(1)  # noqa: S311 - the same in every run
    nodes = [SecretKey(bytes([number]) * 32).public_key for number in (1, 2)]
    book = issue_book(
        keys,
        book_id=1,
        book_salt=chance.randbytes(16),
        device="phone",
        chain=REGTEST_CHAIN,
        issued_at=NOW,
        limits=limits,
        home_label="home",
        routes=[nodes],
        entropy=chance.randbytes,
    )
    opened = Vault.open(tmp_path / "vault")
    data = encode_book(book, book_key=keys.book_key, aux=chance.randbytes(32))
    opened.import_book(data, passphrase=None, chain=REGTEST_CHAIN, now=NOW)
    return opened


def _offer(*, amount: int = 15_000, expires_in: int | None = 300, tip_max: int | None = None) -> OfferMessage:
    expiry = None if expires_in is None else UnixTime(NOW + expires_in)
    offer = create_offer(
        description="tea",
        amount=Msat(amount),
        chains=[REGTEST_CHAIN],
        issuer_id=SHOP.public_key,
        absolute_expiry=expiry,
    )
    return OfferMessage(valid_for=300, offer=offer.encode(), tip_max=tip_max)


def _invoice(request: bytes, *, preimage: bytes = PREIMAGE) -> bytes:
    path = create_blinded_path((SHOP.public_key,), (b"",), session_key=SecretKey(b"\x09" * 32))
    payinfo = BlindedPayinfo(
        fee_base_msat=0,
        fee_proportional_millionths=0,
        cltv_expiry_delta=10,
        htlc_minimum_msat=Msat(0),
        htlc_maximum_msat=Msat(10**9),
    )
    draft = create_invoice(
        InvoiceRequest.decode(request),
        payment_hash=sha256(preimage),
        created_at=NOW,
        node_id=SHOP.public_key,
        amount=InvoiceRequest.decode(request).invreq_amount or Msat(0),
        relative_expiry=300,
        paths=(path,),
        blindedpay=(payinfo,),
    )
    return draft.sign(SHOP, aux=bytes(32)).encode()


async def _yes(question: Question) -> Answer:
    return Answer.YES


async def _no(question: Question) -> Answer:
    return Answer.NO


async def _meet(
    vault: Vault,
    till: Till,
    *,
    approve: Approver = _yes,
    code: str | None = "811364",
    clock: Clock | None = None,
    rejoin: Callable[[], Awaitable[Met]] | None = None,
) -> Purchase:
    pipe = Pipe()
    steps: list[str] = []

    def on_step(name: str, facts: Mapping[str, object]) -> None:
        steps.append(name)

    async def meet() -> Purchase:
        opening = await pipe.receive(seconds=5)  # in the handshake's last message
        shown = None if code is None else CompareCode(code)
        met = Met(link=pipe, opening=opening, code=shown, reader_key=READER, rejoin=rejoin)
        device = Meeting(
            met=met,
            vault=vault,
            chain=REGTEST_CHAIN,
            clock=clock or StandingClock(),
            approve=approve,
            on_step=on_step,
        )
        return await device.run()

    with vault:
        purchase, _ = await asyncio.gather(meet(), till(pipe))
        assert pipe.closed or rejoin is not None  # a radio hangs up before it waits for the next link
        _outcomes.clear()
        _outcomes.extend(entry.code for entry in vault.history())
        _kept.clear()
        _kept.update(paid_before=vault.times_paid_at(READER), tries_left=vault.open_tries().left(now=NOW))
    return purchase


_outcomes: list[Code] = []
_kept: dict[str, int] = {}


async def _request(pipe: Pipe) -> bytes:
    await pipe.say(_offer())
    message = await pipe.hear()
    assert isinstance(message, InvreqMessage)
    return message.request


async def test_a_paid_purchase_is_proved_recorded_and_then_acknowledged(vault: Vault) -> None:
    async def till(pipe: Pipe) -> None:
        request = await _request(pipe)
        await pipe.say(StatusMessage(code=StatusCode.RECEIVED))
        await pipe.say(Wait(reason=WaitReason.WAITING_FOR_PAYMENT))
        await pipe.say(StatusMessage(code=StatusCode.INVOICE_SENT, payment_hash=sha256(PREIMAGE)))
        await pipe.say(StatusMessage(code=StatusCode.PAID, invoice=_invoice(request), preimage=PREIMAGE))
        assert await pipe.hear() == StatusAck(code=StatusCode.PAID)

    purchase = await _meet(vault, till)
    assert (purchase.code, purchase.amount, purchase.preimage) == (Code.PAID, 15_000, PREIMAGE)
    assert _outcomes == [Code.PAID]


async def test_the_request_is_on_the_disk_before_a_byte_of_it_leaves(vault: Vault) -> None:
    seen: list[int] = []

    async def till(pipe: Pipe) -> None:
        pipe.before_send = lambda message: seen.append(len(vault.history()))
        await _request(pipe)
        await pipe.drop()

    await _meet(vault, till)
    assert seen == [1]


@pytest.mark.parametrize("preimage", [None, b"\x08" * 32])
async def test_a_paid_status_whose_proof_does_not_fit_is_not_called_paid(vault: Vault, preimage: bytes | None) -> None:
    async def till(pipe: Pipe) -> None:
        request = await _request(pipe)
        await pipe.say(StatusMessage(code=StatusCode.PAID, invoice=_invoice(request), preimage=preimage))
        await pipe.hear()

    assert (await _meet(vault, till)).code is Code.PROOF_MISMATCH
    assert _outcomes == [Code.PROOF_MISMATCH]


@pytest.mark.parametrize("preimage", [None, b"\x08" * 32])
async def test_paid_without_an_invoice_is_only_the_tills_word_and_no_proof(
    vault: Vault, preimage: bytes | None
) -> None:
    async def till(pipe: Pipe) -> None:
        await _request(pipe)
        await pipe.say(StatusMessage(code=StatusCode.PAID, preimage=preimage))
        assert await pipe.hear() == StatusAck(code=StatusCode.PAID)

    purchase = await _meet(vault, till)
    assert (purchase.code, purchase.preimage) == (Code.PAID_UNPROVEN, None)
    assert _outcomes == [Code.PAID_UNPROVEN]


async def test_a_till_that_only_says_wait_does_not_keep_the_device_for_ever(vault: Vault) -> None:
    clock = StandingClock()

    async def till(pipe: Pipe) -> None:
        await _request(pipe)
        for _ in range(20):  # a minute each; nobody takes what comes after the end
            clock.passed += 60
            await pipe.say(Wait(reason=WaitReason.WAITING_FOR_PAYMENT))
            await asyncio.sleep(0.001)

    purchase = await _meet(vault, till, clock=clock)
    assert purchase.code is Code.OUTCOME_UNKNOWN


@pytest.mark.parametrize("status", [StatusCode.FAILED, StatusCode.EXPIRED, StatusCode.CANCELLED])
async def test_a_till_that_says_not_paid_is_not_believed(vault: Vault, status: StatusCode) -> None:
    async def till(pipe: Pipe) -> None:
        await _request(pipe)
        await pipe.say(StatusMessage(code=status))
        assert await pipe.hear() == StatusAck(code=status)

    purchase = await _meet(vault, till)
    assert purchase.code is Code.NOT_CONFIRMED
    assert purchase.reservation is not None


@pytest.mark.parametrize(
    "ending",
    [
        Abort(reason=AbortReason.BUSY),
        ErrorMessage(code=0x000C, text="node away"),
        OfferMessage(valid_for=300, offer=b"\x00"),
        None,
    ],
)
async def test_whatever_breaks_off_after_the_signature_leaves_the_outcome_unknown(
    vault: Vault, ending: Message | None
) -> None:
    async def till(pipe: Pipe) -> None:
        await _request(pipe)
        if ending is None:
            await pipe.drop()
        else:
            await pipe.say(ending)

    purchase = await _meet(vault, till)
    assert purchase.code is Code.OUTCOME_UNKNOWN
    assert _outcomes == [Code.OUTCOME_UNKNOWN]


@pytest.mark.parametrize(
    ("garbage", "air"),
    [
        (b"\x14", 0x0002),
        (b"\x16", 0x0003),
        (b"\x14\x00\x03\xc9" + b"x" * 201, 0x0004),
        (PeerError(Code.CHANNEL_BROKEN), 0x0002),
        (FramingError(Violation.NUMBER), 0x0002),
    ],
)
async def test_garbage_after_the_signature_is_called_so_and_leaves_the_outcome_unknown(
    vault: Vault, garbage: bytes | BledError, air: int
) -> None:
    async def till(pipe: Pipe) -> None:
        await _request(pipe)
        await pipe.to_buyer.put(garbage)
        answer = await pipe.hear()
        assert isinstance(answer, ErrorMessage)
        assert answer.code == air

    assert (await _meet(vault, till)).code is Code.OUTCOME_UNKNOWN


@pytest.mark.parametrize("late", [Violation.GAP, Violation.TIMEOUT])
async def test_frames_that_do_not_come_are_no_garbage_where_nothing_can_be_resumed(
    vault: Vault, late: Violation
) -> None:
    pipes: list[Pipe] = []

    async def till(pipe: Pipe) -> None:
        pipes.append(pipe)
        await _request(pipe)
        await pipe.to_buyer.put(FramingError(late))

    assert (await _meet(vault, till)).code is Code.OUTCOME_UNKNOWN
    assert (pipes[0].to_till.empty(), pipes[0].closed) == (True, True)


async def test_garbage_while_the_person_thinks_is_called_so_and_nothing_is_signed(vault: Vault) -> None:
    async def think(question: Question) -> Answer:
        await asyncio.Event().wait()
        return Answer.YES

    async def till(pipe: Pipe) -> None:
        await pipe.say(_offer())
        await pipe.to_buyer.put(b"\x16")
        assert await pipe.hear() == ErrorMessage(code=0x0003, text="message-unknown")

    purchase = await _meet(vault, till, approve=think)
    assert (purchase.code, purchase.reservation) == (Code.MESSAGE_UNKNOWN, None)


@pytest.mark.parametrize("late", [Violation.GAP, Violation.TIMEOUT])
async def test_frames_that_do_not_come_end_the_link_and_not_the_meeting(vault: Vault, late: Violation) -> None:
    again = Pipe()

    async def rejoin() -> Met:
        return Met(link=again, opening=await again.receive(seconds=5), code=None, reader_key=READER)

    async def till(pipe: Pipe) -> None:
        request = await _request(pipe)
        await pipe.to_buyer.put(FramingError(late))
        await again.say(_offer())
        assert await again.hear() == InvreqMessage(request=request)
        await again.say(StatusMessage(code=StatusCode.PAID, invoice=_invoice(request), preimage=PREIMAGE))
        assert await again.hear() == StatusAck(code=StatusCode.PAID)

    assert (await _meet(vault, till, rejoin=rejoin)).code is Code.PAID


async def test_a_no_signs_nothing_and_says_so(vault: Vault) -> None:
    async def till(pipe: Pipe) -> None:
        await pipe.say(_offer())
        assert await pipe.hear() == Abort(reason=AbortReason.USER_DECLINED)

    purchase = await _meet(vault, till, approve=_no)
    assert (purchase.code, purchase.reservation, _outcomes) == (Code.BUYER_DECLINED, None, [])


async def test_a_person_who_sees_another_code_signs_nothing_says_so_and_ends_the_open_mode(vault: Vault) -> None:
    asked: list[Question] = []

    async def differs(question: Question) -> Answer:
        asked.append(question)
        return Answer.CODE_DIFFERS

    async def till(pipe: Pipe) -> None:
        await pipe.say(_offer())
        assert await pipe.hear() == Abort(reason=AbortReason.CODE_MISMATCH)

    purchase = await _meet(vault, till, approve=differs)
    assert (purchase.code, purchase.reservation, _outcomes) == (Code.CODES_DIFFER, None, [])
    assert [question.code for question in asked] == ["811364"]
    assert _kept == {"paid_before": 0, "tries_left": 0}


async def test_a_till_is_known_again_once_it_was_paid_and_not_before(vault: Vault) -> None:
    seen: list[int] = []

    async def look(question: Question) -> Answer:
        seen.append(question.paid_before)
        return Answer.YES if question.code is None else Answer.NO

    async def till(pipe: Pipe) -> None:
        await pipe.say(_offer())
        heard = await pipe.hear()
        if isinstance(heard, InvreqMessage):
            paid = StatusMessage(code=StatusCode.PAID, invoice=_invoice(heard.request), preimage=PREIMAGE)
            await pipe.say(paid)
            await pipe.hear()

    folder = Path(vault._store._db.execute("PRAGMA database_list").fetchone()[2]).parent
    for code in ("811364", None, None):
        await _meet(vault, till, approve=look, code=code)
        vault = Vault.open(folder)
    vault.close()
    assert seen == [0, 0, 1]


@pytest.mark.parametrize(
    ("offer", "code"),
    [
        (_offer(expires_in=None), Code.OFFER_WITHOUT_EXPIRY),
        (_offer(expires_in=100), Code.OFFER_EXPIRES_TOO_SOON),
        (_offer(expires_in=601), Code.OFFER_EXPIRES_TOO_LATE),
        (_offer(amount=100_001), Code.OVER_PAYMENT_LIMIT),
        (OfferMessage(valid_for=300, offer=b"\x01"), Code.OFFER_BAD),
    ],
)
async def test_an_offer_against_the_devices_rules_is_refused_before_anybody_is_asked(
    vault: Vault, offer: OfferMessage, code: Code
) -> None:
    asked: list[Question] = []

    async def ask(question: Question) -> Answer:
        asked.append(question)
        return Answer.YES

    async def till(pipe: Pipe) -> None:
        await pipe.say(offer)
        assert isinstance(await pipe.hear(), ErrorMessage | Abort)

    purchase = await _meet(vault, till, approve=ask)
    assert (purchase.code, asked, _outcomes) == (code, [], [])


async def test_the_till_hears_that_the_person_still_thinks_and_silence_is_a_no(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buyer_session, "APPROVE_SECONDS", 0.4)
    monkeypatch.setattr(buyer_session, "KEEP_ALIVE_SECONDS", 0.1)

    async def think(question: Question) -> Answer:
        await asyncio.Event().wait()
        return Answer.YES

    async def till(pipe: Pipe) -> None:
        await pipe.say(_offer())
        for _ in range(3):
            assert await pipe.hear() == Wait(reason=WaitReason.USER_DECIDING)
        assert await pipe.hear() == Abort(reason=AbortReason.TIMEOUT)

    purchase = await _meet(vault, till, approve=think, clock=RunningClock())
    assert (purchase.code, _outcomes) == (Code.NOT_APPROVED_IN_TIME, [])


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (Abort(reason=AbortReason.TIMEOUT), Code.CANCELLED),
        (ErrorMessage(code=0x000C, text="node away"), Code.CANCELLED),
        (StatusMessage(code=StatusCode.PAID), Code.BAD_STATE),
        (None, Code.LINK_LOST),
    ],
)
async def test_a_till_that_goes_while_the_person_thinks_gets_no_signature(
    vault: Vault, ending: Message | None, code: Code
) -> None:
    async def think(question: Question) -> Answer:
        await asyncio.Event().wait()
        return Answer.YES

    async def till(pipe: Pipe) -> None:
        await pipe.say(_offer())
        await pipe.say(Wait(reason=WaitReason.SIGNING))
        await (pipe.drop() if ending is None else pipe.say(ending))

    purchase = await _meet(vault, till, approve=think)
    assert (purchase.code, purchase.reservation, _outcomes) == (code, None, [])


async def test_messages_of_an_unknown_odd_type_are_passed_over(vault: Vault) -> None:
    async def till(pipe: Pipe) -> None:
        request = await _request(pipe)
        await pipe.to_buyer.put(b"\x71future")
        await pipe.say(StatusMessage(code=StatusCode.PAID, invoice=_invoice(request), preimage=PREIMAGE))
        await pipe.hear()

    assert (await _meet(vault, till)).code is Code.PAID


async def _tipping(
    vault: Vault, tips: list[int], *, tip_max: int | None, amount: int = 15_000
) -> tuple[Purchase, list[Question]]:
    """Name each tip in turn, then say yes; return how it ended and everything that was asked."""
    asked: list[Question] = []

    async def person(question: Question) -> Reply:
        asked.append(question)
        return WithTip(tip=Msat(tips[len(asked) - 1])) if len(asked) <= len(tips) else Answer.YES

    async def till(pipe: Pipe) -> None:
        await pipe.say(_offer(amount=amount, tip_max=tip_max))
        request = await pipe.hear()
        assert isinstance(request, InvreqMessage)
        paid = StatusMessage(code=StatusCode.PAID, invoice=_invoice(request.request), preimage=PREIMAGE)
        await pipe.say(paid)
        assert await pipe.hear() == StatusAck(code=StatusCode.PAID)

    return await _meet(vault, till, approve=person), asked


def _signed(purchase: Purchase) -> Msat | None:
    assert purchase.reservation is not None
    return InvoiceRequest.decode(purchase.reservation.request).invreq_amount


async def test_price_and_tip_are_signed_as_one_amount_after_both_were_shown(vault: Vault) -> None:
    purchase, asked = await _tipping(vault, [1_500], tip_max=3_000)
    assert [(question.price, question.tip, question.amount) for question in asked] == [
        (15_000, 0, 15_000),
        (15_000, 1_500, 16_500),
    ]
    assert (purchase.code, purchase.amount, _signed(purchase)) == (Code.PAID, 16_500, 16_500)
    assert purchase.reservation is not None
    assert purchase.reservation.tip == 1_500


async def test_the_last_tip_counts_and_may_be_taken_back(vault: Vault) -> None:
    purchase, asked = await _tipping(vault, [3_000, 1, 0], tip_max=3_000)
    assert [question.tip for question in asked] == [0, 3_000, 1, 0]
    assert (_signed(purchase), purchase.reservation is not None and purchase.reservation.tip) == (15_000, 0)


@pytest.mark.parametrize("tip", [3_001, 15_000, 10**18, -1])
async def test_a_tip_that_the_till_does_not_take_is_not_added_and_the_person_is_told(vault: Vault, tip: int) -> None:
    purchase, asked = await _tipping(vault, [tip], tip_max=3_000)
    assert (asked[1].amount, "3000 msat at most" in asked[1].note) == (15_000, True)
    assert _signed(purchase) == 15_000


@pytest.mark.parametrize("tip_max", [None, 0])
async def test_a_till_that_allows_no_tip_gets_none(vault: Vault, tip_max: int | None) -> None:
    purchase, asked = await _tipping(vault, [1], tip_max=tip_max)
    assert asked[1].tip == 0
    assert _signed(purchase) == 15_000


async def test_the_limits_of_a_book_count_the_tip(vault: Vault) -> None:
    """A payment may have 100,000 msat: the price alone is within that, with the tip it is not."""
    purchase, asked = await _tipping(vault, [10_001, 10_000], tip_max=90_000, amount=90_000)
    assert (asked[1].tip, "over a limit" in asked[1].note) == (0, True)
    assert (asked[2].tip, asked[2].note) == (10_000, "")
    assert _signed(purchase) == 100_000


async def test_automatic_approval_pays_the_price_alone(vault: Vault) -> None:
    async def till(pipe: Pipe) -> None:
        await pipe.say(_offer(tip_max=15_000))
        request = await pipe.hear()
        assert isinstance(request, InvreqMessage)
        assert InvoiceRequest.decode(request.request).invreq_amount == 15_000
        await pipe.drop()

    await _meet(vault, till, approve=approve_below(Msat(100_000), _no), code=None)
