"""Men in the middle of a whole session, its resumes included, and peers that shake hands and then mean harm.

Each attack owns the air of one meeting in the hall. Whatever it does, what both screens say must be true, nothing is
signed but what the person saw with one code on both screens, and the next honest meeting of the same two is paid.
"""

import asyncio
from collections.abc import Callable
from random import Random
from uuid import UUID

from hall import AMOUNT, DEVICE, SESSION_SECONDS, SHOP, TILL, Connection, Ends, Hall, Middle

from bled.buyer.purchase import Purchase
from bled.codes import Code
from bled.gatt.engagement import Engagement, Meeting, OpenMeeting, Resumption
from bled.gatt.messages import OfferMessage, encode_message
from bled.gatt.primitives import X25519Key
from bled.gatt.profile import SERVICE_UUID
from bled.link.framed import FramedLink
from bled.link.handshaking import be_greeted, greet
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.invoice_request import InvoiceRequest
from bled_codec.offer import create_offer
from bled_codec.tlv import split_stream
from bled_codec.units import UnixTime


class Broken(Exception):
    """An attacker got what he must not get, or somebody was told what is not so."""


def require(holds: bool, what: str) -> None:
    """Break the run unless it holds."""
    if not holds:
        raise Broken(what)


class Relay(Middle):
    """Passes every frame on, each a little later, some behind those that follow."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._free_at = [0.0, 0.0]

    def carry(self, connection: Connection, side: int, frame: bytes) -> None:
        loop = asyncio.get_running_loop()
        self._free_at[side] = max(self._free_at[side], loop.time()) + self._random.uniform(0, 0.02)
        behind = self._random.choice([0.0, 0.0, 0.0, 0.05])
        loop.call_at(self._free_at[side] + behind, connection.deliver, side, frame)


class Disturber(Middle):
    """Changes, drops, holds, repeats, swaps and makes up frames, each with a small chance."""

    def __init__(self, random: Random, *, chance: float) -> None:
        self._random = random
        self._chance = chance
        self._held: list[tuple[Connection, int, bytes]] = []

    def carry(self, connection: Connection, side: int, frame: bytes) -> None:
        if self._random.random() >= self._chance:
            connection.deliver(side, frame)
        else:
            self._random.choice(self.TRICKS)(self, connection, side, frame)
        while self._held:
            held = self._held.pop()
            if held[0] is connection:
                connection.deliver(held[1], held[2])

    def _flip(self, connection: Connection, side: int, frame: bytes) -> None:
        at = self._random.randrange(len(frame))
        connection.deliver(side, frame[:at] + bytes([frame[at] ^ 1 << self._random.randrange(8)]) + frame[at + 1 :])

    def _cut_short(self, connection: Connection, side: int, frame: bytes) -> None:
        connection.deliver(side, frame[: self._random.randrange(len(frame))])

    def _lengthen(self, connection: Connection, side: int, frame: bytes) -> None:
        connection.deliver(side, frame + self._random.randbytes(self._random.randrange(1, 30)))

    def _drop(self, connection: Connection, side: int, frame: bytes) -> None:
        """It is never heard of again."""

    def _twice(self, connection: Connection, side: int, frame: bytes) -> None:
        connection.deliver(side, frame)
        connection.deliver(side, frame)

    def _again(self, connection: Connection, side: int, frame: bytes) -> None:
        """Send an old frame with the number of this one: the same words at another time."""
        old = self._random.choice(connection.written[side])
        connection.deliver(side, bytes([old[0] & 0xE0 | frame[0] & 0x1F]) + old[1:])

    def _back(self, connection: Connection, side: int, frame: bytes) -> None:
        connection.deliver(1 - side, frame)
        connection.deliver(side, frame)

    def _late(self, connection: Connection, side: int, frame: bytes) -> None:
        later = self._random.uniform(0.1, 12)
        asyncio.get_running_loop().call_later(later, connection.deliver, side, frame)

    def _swap(self, connection: Connection, side: int, frame: bytes) -> None:
        asyncio.get_running_loop().call_soon(connection.deliver, side, frame)

    def _invent(self, connection: Connection, side: int, frame: bytes) -> None:
        data = self._random.randbytes(self._random.randrange(1, 60))
        head = bytes([0xC0 | frame[0] & 0x1F]) + len(data).to_bytes(2, "big")
        connection.deliver(side, self._random.choice([data, head + data]))
        connection.deliver(side, frame)

    def _break(self, connection: Connection, side: int, frame: bytes) -> None:
        if self._random.random() < 0.5:
            connection.deliver(side, frame)
        connection.end("out of reach")

    TRICKS = (_flip, _cut_short, _lengthen, _drop, _twice, _again, _back, _late, _swap, _invent, _break)


class Cutter(Middle):
    """Breaks the link at named frames: before it is heard, or just after."""

    def __init__(self, *cuts: tuple[int, int, int], heard: bool) -> None:
        """Take connections' numbers, sides, and numbers of frames of that side."""
        self._cuts = set(cuts)
        self._heard = heard

    def carry(self, connection: Connection, side: int, frame: bytes) -> None:
        cut = (connection.number, side, len(connection.written[side]) - 1) in self._cuts
        if self._heard or not cut:
            connection.deliver(side, frame)
        if cut:
            connection.end("out of reach")


class TwoFaced(Middle):
    """A whole handshake with each side, and the words of each passed on to the other, some of them changed."""

    def __init__(self, random: Random, *, offer: bytes | None, photograph: Callable[[], Engagement | None]) -> None:
        self._random = random
        self._offer = offer
        self._photograph = photograph
        self._static = X25519Key(random.randbytes(32))
        self._to_till: asyncio.Queue[bytes] = asyncio.Queue()
        self._to_device: asyncio.Queue[bytes] = asyncio.Queue()

    def takes_till(self, uuid: UUID) -> bool:
        return True

    def takes_device(self, uuid: UUID) -> bool:
        return True

    def _meeting(self, uuid: UUID) -> Meeting:
        found = self._photograph()
        return OpenMeeting() if uuid == SERVICE_UUID or found is None else found

    async def be_device(self, link: FramedLink, uuid: UUID) -> None:
        opening, _ = await be_greeted(
            link, meeting=self._meeting(uuid), before_hs2=lambda: None, entropy=self._random.randbytes
        )
        self._to_device.put_nowait(opening)
        await self._pass_on(link, self._to_till, self._to_device)

    async def be_till(self, link: FramedLink, uuid: UUID) -> None:
        opening = await self._to_device.get()
        if self._offer is not None:
            opening = encode_message(OfferMessage(valid_for=300, offer=self._offer))
        meeting = self._meeting(uuid)
        if isinstance(meeting, Engagement):  # a photograph gives the secret, not the till's key
            meeting = Engagement.create(self._static.public, entropy=lambda _: meeting.secret)
        await greet(
            link,
            static=self._static,
            meeting=meeting,
            message=opening,
            before_hs3=lambda _: None,
            entropy=self._random.randbytes,
        )
        await self._pass_on(link, self._to_device, self._to_till)

    async def _pass_on(self, link: FramedLink, here: asyncio.Queue[bytes], there: asyncio.Queue[bytes]) -> None:
        async def bring() -> None:
            while True:
                await link.send(await here.get())

        bringing = asyncio.create_task(bring())
        try:
            while True:
                there.put_nowait(await link.receive(seconds=1000))
        finally:
            bringing.cancel()
            await asyncio.gather(bringing, return_exceptions=True)


class Roller(Middle):
    """Is the device towards the till until it has HS3, and drops the link at each code that does not suit."""

    def __init__(self, random: Random, *, photograph: Callable[[], Engagement | None]) -> None:
        self._random = random
        self._photograph = photograph
        self._gap = random.choice([0.0, 3.0, 20.0])
        self.codes = 0

    def takes_till(self, uuid: UUID) -> bool:
        return uuid == SERVICE_UUID or self._photograph() is not None

    async def be_device(self, link: FramedLink, uuid: UUID) -> None:
        way = OpenMeeting() if uuid == SERVICE_UUID else self._photograph()
        if way is not None and uuid == way.uuid:
            await be_greeted(link, meeting=way, before_hs2=lambda: None, entropy=self._random.randbytes)
            self.codes += 1
            await asyncio.sleep(self._gap)  # nothing is said: the till cannot know that HS3 has come


class Stranger(Relay):
    """Cuts a relayed session, and waits for both sides under their secret UUID with what it can know."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self._cut_at = (random.randrange(2), random.randrange(1, 5))
        self._static = X25519Key(random.randbytes(32))
        self._visits = {TILL: random.randrange(3), DEVICE: random.randrange(3)}
        self._first: Connection | None = None

    def carry(self, connection: Connection, side: int, frame: bytes) -> None:
        self._first = self._first or connection
        super().carry(connection, side, frame)
        if connection is self._first and (side, len(connection.written[side]) - 1) == self._cut_at:
            connection.end("out of reach")

    def _comes(self, side: int, uuid: UUID) -> bool:
        if self._first is None or not self._first.broken or uuid == SERVICE_UUID or not self._visits[side]:
            return False
        self._visits[side] -= 1
        return True

    def takes_till(self, uuid: UUID) -> bool:
        return self._comes(TILL, uuid)

    def takes_device(self, uuid: UUID) -> bool:
        return self._comes(DEVICE, uuid)

    async def be_device(self, link: FramedLink, uuid: UUID) -> None:
        if self._random.random() < 0.5 and self._first is not None:
            await link.receive(seconds=5)
            for frame in self._first.written[DEVICE][:1]:
                await link._bearer.write(frame, last=True)
            await link.receive(seconds=5)
        await be_greeted(link, meeting=self._guess(), before_hs2=lambda: None)

    async def be_till(self, link: FramedLink, uuid: UUID) -> None:
        if self._random.random() < 0.5 and self._first is not None:
            for frame in self._first.written[TILL]:
                await link._bearer.write(frame, last=True)
            await link.receive(seconds=5)
        await greet(link, static=self._static, meeting=self._guess(), message=OFFER, before_hs3=lambda _: None)

    def _guess(self) -> Meeting:
        psk = self._random.randbytes(32)
        known = Resumption(psk=psk, reader_key=self._static.public, session_id=bytes(16))
        return self._random.choice([OpenMeeting(), known])


OFFER = encode_message(OfferMessage(valid_for=300, offer=b"\x0a\x01a"))


def false_offer(now: int) -> bytes:
    """An offer that is as good as the till's, for somebody else."""
    return create_offer(
        description="tea",
        amount=AMOUNT,
        chains=[REGTEST_CHAIN],
        issuer_id=SHOP.public_key,
        issuer="somebody else",
        absolute_expiry=UnixTime(now + 300),
    ).encode()


def check(ends: Ends) -> None:
    """Break the run unless what both screens say is true, and nothing was signed or paid but what was approved."""
    bought: Purchase = ends.bought or Purchase(code=ends.missed or Code.INTERNAL)
    require(len(ends.signed) <= 1 and len(ends.sold) <= 1, "signed or paid twice")
    require(len(ends.asked) <= 2, "asked for more than two offers")
    require(len(ends.shown) <= min(3, 1 + ends.taps), "more codes were shown than taps allow")
    for signed in ends.signed:
        mirrored = {record.type: record.value for record in InvoiceRequest.decode(signed).records}
        offered = [{record.type: record.value for record in split_stream(offer)} for offer in ends.offers]
        require(any(o.items() <= mirrored.items() for o in offered), "another offer was signed than the till's")
        codes = [question.code for question in ends.asked]
        require(codes[-1] is None or f"{codes[-1][:3]} {codes[-1][3:]}" in ends.shown, "signed with another code")
    require(all(sold in ends.signed for sold in ends.sold), "a request was paid that the device did not sign")
    require((ends.till is Code.PAID) == bool(ends.sold), "the till says what is not so")
    require(bought.code is not Code.PAID or bool(ends.sold), "the device says paid, and nothing was")
    require(not ends.told or bought.code is Code.PAID, "the till thinks that the device knows")
    require((bought.reservation is not None) == bool(ends.signed), "the device does not say that it signed")
    if ends.sold:
        require(bought.code in (Code.PAID, Code.OUTCOME_UNKNOWN), f"paid, and the device says {bought.code.value}")
    if ends.signed and not ends.sold:
        require(bought.code in (Code.OUTCOME_UNKNOWN, Code.NOT_CONFIRMED), "signed, and the device is sure")
    require(bought.code is not Code.INTERNAL and ends.till is not Code.INTERNAL, "a defect of ours")
    require(ends.seconds <= SESSION_SECONDS, f"{ends.seconds:.0f} s are too long")


async def relay(hall: Hall, random: Random) -> Ends:
    """Who merely relays changes nothing: it is paid, with one question and one code."""
    ends = await hall.meet(Relay(random), engage=random.random() < 0.3)
    require(ends.is_paid and ends.told and len(ends.asked) == 1, "a relay has changed something")
    return ends


async def disturb(hall: Hall, random: Random) -> Ends:
    """Frames are changed, dropped, held, repeated, swapped and made up."""
    middle = Disturber(random, chance=random.choice([0.02, 0.1, 0.3, 1.0]))
    return await hall.meet(middle, engage=random.random() < 0.3)


async def cut(hall: Hall, random: Random) -> Ends:
    """The link breaks up to four times, at any frames."""
    cuts = [(number, random.randrange(2), random.randrange(8)) for number in range(random.randrange(1, 5))]
    return await hall.meet(Cutter(*cuts, heard=random.random() < 0.5), engage=random.random() < 0.3)


async def middle(hall: Hall, random: Random) -> Ends:
    """Two handshakes and every word passed on: the codes differ, or nobody gets in."""
    engage = random.random() < 0.5
    photographs: list[Engagement] = []
    offer = random.choice([None, false_offer(hall.clock.now())])
    attacker = TwoFaced(random, offer=offer, photograph=lambda: photographs[0] if photographs else None)
    ends = await hall.meet(attacker, engage=engage, read_by=photographs.append if random.random() < 0.7 else None)
    equal = any(f"{each.code[:3]} {each.code[3:]}" in ends.shown for each in ends.asked if each.code is not None)
    require(equal or not (ends.signed or ends.sold), "somebody in the middle was paid through")
    if not engage:
        require(all(question.code is not None for question in ends.asked), "nobody was asked for a code")
    else:
        require(not ends.asked, "an engaged device was shown what somebody in the middle said")
    return ends


async def stranger(hall: Hall, random: Random) -> Ends:
    """The link is cut, and somebody else waits for both under the name that only the two can know."""
    return await hall.meet(Stranger(random), engage=random.random() < 0.3)


async def roll(hall: Hall, random: Random) -> Ends:
    """Somebody is faster than the device, and takes codes until one suits: there is one for each tap, three in all."""
    engage = random.random() < 0.3
    photographs: list[Engagement] = []
    roller = Roller(random, photograph=lambda: photographs[0] if photographs else None)
    ends = await hall.meet(roller, engage=engage, read_by=photographs.append if random.random() < 0.7 else None)
    require(engage or roller.codes <= min(3, 1 + ends.taps), "a code was given for nothing")
    return ends


ATTACKS = (relay, disturb, disturb, cut, middle, roll, stranger)


async def play(hall: Hall, random: Random, attack: Callable) -> Ends:
    """Play one attack, look at its end, and see that the next honest meeting is paid."""
    hall.att_mtu = random.choice([23, 185, 247, 517])
    hall.think_seconds = random.choice([0.0, 2.0, 14.0, 45.0])
    hall.pay_seconds = random.choice([0.0, 1.0, 12.0])
    hall.tap_seconds = random.choice([0.0, 5.0, 50.0, 1000.0])
    ends = await attack(hall, random)
    check(ends)
    await hall.pause()
    hall.think_seconds = 1.0
    after = await hall.meet(engage=random.random() < 0.3)
    check(after)
    require(after.is_paid and after.told, f"the next honest meeting ended with {after.till.value}")
    await hall.pause()
    return ends
