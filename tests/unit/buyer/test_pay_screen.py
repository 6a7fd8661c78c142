"""A device whose till lets it go waits for another, twice at most, and never against what a person has decided."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest

from bled.buyer import pay_screen
from bled.buyer.approval import Answer, Question
from bled.buyer.pay_screen import UNAPPROVED_OFFERS, PayScreen
from bled.buyer.purchase import Purchase
from bled.codes import Code
from bled.errors import BledError, Unavailable
from bled.gatt.channel import PlainChannel
from bled.gatt.engagement import Engagement, Meeting, OpenMeeting
from bled.gatt.messages import Abort, AbortReason, OfferMessage, encode_message
from bled.gatt.primitives import X25519Key
from bled.gatt.profile import SERVICE_UUID
from bled.link.base import LinkStats
from bled.link.framed import FramedLink
from bled.link.handshaking import greet
from bled.progress import OnStep, ignore_steps
from bled.vault.vault import Vault
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.offer import create_offer
from bled_codec.units import Msat, UnixTime

NOW = UnixTime(1_800_000_000)
STATIC = X25519Key(b"\x21" * 32)
CODE = Engagement.create(STATIC.public, entropy=lambda length: b"\x05" * length)
OFFER = create_offer(
    description="tea",
    amount=Msat(15_000),
    chains=[REGTEST_CHAIN],
    issuer_id=SecretKey(b"\x41" * 32).public_key,
    absolute_expiry=UnixTime(NOW + 300),
).encode()


class Clock:
    """The loop's time."""

    def now(self) -> UnixTime:
        return NOW

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


class Wire:
    """A bearer of memory."""

    att_mtu = 517
    peer = "nobody"
    stats = LinkStats(att_pdus=0, bytes_on_air=0)
    ends: tuple[FramedLink, FramedLink]

    def __init__(self, side: int) -> None:
        self._side = side

    async def write(self, frame: bytes, *, last: bool) -> None:
        self.ends[1 - self._side].take_frame(frame)

    async def close(self) -> None:
        for end in self.ends:
            end.lose("closed")


class Place:
    """Where one till after the other comes; each says `words` and leaves."""

    def __init__(self, *words: tuple[bytes, ...], meeting: Meeting | None = None) -> None:
        self._words = list(words)
        self._meeting = meeting or OpenMeeting()
        self._tasks: list[asyncio.Task[None]] = []
        self.met = 0

    async def accept(self, *, seconds: float, on_step: OnStep, uuid: UUID = SERVICE_UUID) -> FramedLink:
        if not self._words:
            raise Unavailable(Code.NO_BUYER)
        self.met += 1
        wires = Wire(0), Wire(1)
        ends = tuple(FramedLink(wire, channel=PlainChannel(), on_step=ignore_steps) for wire in wires)
        for wire in wires:
            wire.ends = ends
        self._tasks.append(asyncio.create_task(self._visit(ends[0], self._words.pop(0))))
        return ends[1]

    async def _visit(self, link: FramedLink, words: tuple[bytes, ...]) -> None:
        try:
            message = encode_message(OfferMessage(valid_for=300, offer=OFFER))
            await greet(link, static=STATIC, meeting=self._meeting, message=message, before_hs3=lambda _: None)
            for word in words:
                await link.send(word)
            await link.receive(seconds=5)
        except BledError:
            await link.close()

    async def close(self) -> None:
        await asyncio.gather(*self._tasks)


BYE = (encode_message(Abort(reason=AbortReason.BUSY)),)
NOISE = (b"\x16",)


async def think(question: Question) -> Answer:
    await asyncio.Event().wait()
    return Answer.YES


def says(answer: Answer) -> Callable[[Question], Awaitable[Answer]]:
    async def approve(question: Question) -> Answer:
        return answer

    return approve


class Grants(Vault):
    """A vault in which any offer may be paid for: what is asked here is asked before one is used."""

    def max_fee(self, amount: Msat, *, now: UnixTime) -> Msat:
        return Msat(0)


async def pay(
    folder: Path,
    place: Place,
    approve: Callable[[Question], Awaitable[Answer]] = think,
    *,
    engagement: Engagement | None = None,
) -> Purchase:
    with Grants.open(folder) as vault:
        screen = PayScreen(
            peripheral=place,
            vault=vault,
            engagement=engagement,
            chain=REGTEST_CHAIN,
            clock=Clock(),
            approve=approve,
            on_step=ignore_steps,
        )
        try:
            return await screen.run(seconds=5)
        finally:
            await place.close()


@pytest.mark.parametrize(
    ("first", "code"), [(BYE, Code.CANCELLED), (NOISE, Code.MESSAGE_UNKNOWN)], ids=["let go", "broken"]
)
async def test_a_till_that_lets_the_device_go_keeps_no_other_out(
    tmp_path: Path, first: tuple[bytes, ...], code: Code
) -> None:
    place = Place(first, BYE)
    assert (await pay(tmp_path / "vault", place)).code is Code.CANCELLED
    assert place.met == 2
    alone = Place(first)
    assert (await pay(tmp_path / "other", alone)).code is code


async def test_a_period_has_two_unapproved_offers_at_most(tmp_path: Path) -> None:
    place = Place(BYE, BYE, BYE)
    assert (await pay(tmp_path / "vault", place)).code is Code.CANCELLED
    assert place.met == UNAPPROVED_OFFERS == 2


@pytest.mark.parametrize(
    ("answer", "code"), [(Answer.NO, Code.BUYER_DECLINED), (Answer.CODE_DIFFERS, Code.CODES_DIFFER)]
)
async def test_what_a_person_has_decided_is_not_asked_again(tmp_path: Path, answer: Answer, code: Code) -> None:
    place = Place((), BYE)
    assert (await pay(tmp_path / "vault", place, says(answer))).code is code
    assert place.met == 1


async def test_the_code_of_a_till_serves_for_one_meeting(tmp_path: Path) -> None:
    place = Place(BYE, BYE, meeting=CODE)
    assert (await pay(tmp_path / "vault", place, engagement=CODE)).code is Code.CANCELLED
    assert place.met == 1


async def test_the_time_of_a_period_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pay_screen, "UNAPPROVED_OFFERS", 50)
    left: list[float] = []
    place = Place(*[BYE] * 3)
    accept = place.accept

    async def note(*, seconds: float, **more: object) -> FramedLink:
        left.append(seconds)
        return await accept(seconds=seconds, **more)

    place.accept = note
    await pay(tmp_path / "vault", place)
    assert left == sorted(left, reverse=True)
    assert len(set(left)) == len(left) == 3  # the fourth is refused: three tries in the open are spent
