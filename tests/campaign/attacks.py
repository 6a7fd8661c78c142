"""Men in the middle of the handshake, and weak builds of ours on which each attack is known to bite.

The attacker of a pair of honest machines wants one thing: two screens that show the same code while he sits in between.
He may open, drop and repeat handshakes with either side, and search every value that is still his to choose. What a
machine will say next he does not know; a searching attacker therefore bets that it says what it said before, which is
the best bet there is, and which wins against a machine that uses a key or nonce twice.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from bled.errors import PeerError
from bled.gatt.engagement import Entropy, OpenMeeting
from bled.gatt.handshake import Beacon, Reader
from bled.gatt.handshake_payloads import FEATURES, Hs1, Hs2, decode_hs1, decode_hs2
from bled.gatt.noise import Initiator, Responder, SymmetricState
from bled.gatt.primitives import X25519Key

ZERO_PSK = bytes(32)
_FIRST_NONCE = bytes(12)
_SECOND_NONCE = bytes(4) + (1).to_bytes(8, "little")

MakeReader = Callable[[], Reader]
MakeBeacon = Callable[[], Beacon]
Promise = Callable[[bytes, bytes, bytes], bytes]


def nonce_only(nonce: bytes, reader_key: bytes, payload: bytes) -> bytes:
    """The first draft's commitment: the rest of HS3 can still be chosen after Nb is known."""
    return hashlib.sha256(b"bled1 commit" + nonce).digest()


class NonceOnlyReader(Reader):
    """A till that commits to its nonce alone."""

    _commitment = staticmethod(nonce_only)


class NonceOnlyBeacon(Beacon):
    """A device that is content with it."""

    _commitment = staticmethod(nonce_only)


def frozen(entropy: Entropy) -> Callable[[], Entropy]:
    """Return a source of entropies that all give the same bytes: what a machine does that sends a message again."""
    drawn: list[bytes] = []

    def again() -> Entropy:
        position = 0

        def draw(length: int) -> bytes:
            nonlocal position
            if position == len(drawn):
                drawn.append(entropy(length))
            position += 1
            return drawn[position - 1]

        return draw

    return again


@dataclass(frozen=True, kw_only=True)
class Honest:
    """A till and a device as the attacker finds them: each connection gets a new object."""

    reader: MakeReader
    beacon: MakeBeacon
    till_entropy: Callable[[], Entropy]
    device_entropy: Callable[[], Entropy]

    def till(self) -> tuple[Reader, bytes]:
        """The till connects: its object and HS1."""
        reader = self.reader()
        return reader, reader.start(entropy=self.till_entropy())

    def device(self, hs1: bytes) -> tuple[Beacon, bytes]:
        """The device is connected to: its object and HS2."""
        beacon = self.beacon()
        return beacon, beacon.answer(hs1, entropy=self.device_entropy())


@dataclass(frozen=True, kw_only=True)
class Aim:
    """How good a match has to be, and how long may be searched for it.

    Attributes:
        digits: how many of the last digits must agree; 6 is the attack, fewer measure an advantage in less time.
        budget: how many values are tried.
    """

    digits: int = 6
    budget: int

    def hits(self, one: int, other: int) -> bool:
        return (one - other) % 10**self.digits == 0


@dataclass(frozen=True, kw_only=True)
class Result:
    """How one attack ended.

    Attributes:
        till: the code on the till's screen, if it came to one.
        device: the code on the device's screen, if it came to one.
        found: how many values were tried until one fitted; None when none did.
        refused: the outcome with which a side refused, or None.
    """

    till: int | None = None
    device: int | None = None
    found: int | None = None
    refused: str | None = None

    def matches(self, digits: int = 6) -> bool:
        """Return whether both screens show a code, equal in the last digits."""
        return self.till is not None and self.device is not None and (self.till - self.device) % 10**digits == 0


class FalseTill:
    """The attacker towards the device: an initiator who may change his mind."""

    def __init__(self, random: Random, *, promise: Promise) -> None:
        self.static, self.ephemeral = X25519Key(random.randbytes(32)), X25519Key(random.randbytes(32))
        self.nonce = random.randbytes(16)
        self.promise = promise
        self.noise = Initiator(static=self.static, ephemeral=self.ephemeral, psk=ZERO_PSK)

    def hello(self, message: bytes) -> bytes:
        """HS1 that commits to `message`."""
        return self.noise.write_first(self.hello_payload(self.nonce, message))

    def hello_payload(self, nonce: bytes, message: bytes) -> bytes:
        commit = self.promise(nonce, self.static.public, nonce + message)
        hs1 = Hs1(min_version=1, max_version=1, features=FEATURES, rx_frag_max=495, commit=commit)
        return hs1.encode()

    def hear(self, hs2: bytes) -> Hs2:
        """Read HS2."""
        return decode_hs2(self.noise.read_second(hs2))


def meet_device(honest: Honest, random: Random, *, offer: bytes, promise: Promise) -> tuple[int, Hs2, bytes, FalseTill]:
    """Finish a handshake with the device; return its code, HS2's payload and key, and the till that was played."""
    false = FalseTill(random, promise=promise)
    beacon, hs2 = honest.device(false.hello(offer))
    answer = false.hear(hs2)
    hs3, _ = false.noise.write_third(false.nonce + offer)
    _, secured = beacon.finish(hs3)
    return int(secured.code), answer, hs2[:32], false


@dataclass(frozen=True, kw_only=True)
class MetTill:
    """What a finished handshake with the till has shown."""

    code: int
    static: bytes
    payload: bytes
    ephemeral: X25519Key
    nonce: bytes


def meet_till(honest: Honest, random: Random) -> MetTill:
    """Finish a handshake with the till."""
    reader, hs1 = honest.till()
    ephemeral, nonce = X25519Key(random.randbytes(32)), random.randbytes(16)
    noise = Responder(ephemeral=ephemeral, psk=ZERO_PSK)
    noise.read_first(hs1)
    hs3, secured = reader.finish(noise.write_second(answer_payload(nonce)))
    static, payload, _ = noise.read_third(hs3)
    return MetTill(code=int(secured.code), static=static, payload=payload, ephemeral=ephemeral, nonce=nonce)


def answer_payload(nonce: bytes) -> bytes:
    """HS2 as an honest device would fill it."""
    return Hs2(version=1, features=FEATURES, rx_frag_max=495, max_msg=4096, nonce=nonce).encode()


def full_middle(honest: Honest, random: Random, *, offer: bytes, promise: Promise) -> Result:
    """Two whole handshakes, one with each side, and hope."""
    met = meet_till(honest, random)
    code, *_ = meet_device(honest, random, offer=offer, promise=promise)
    return Result(till=met.code, device=code)


def search_in_hs3(honest: Honest, random: Random, *, offer: bytes, promise: Promise, aim: Aim) -> Result:
    """Show the till's code first, then look for an offer that gives the device the same one, after Nb is known."""
    met = meet_till(honest, random)
    false = FalseTill(random, promise=promise)
    beacon, hs2 = honest.device(false.hello(_varied(offer, 0)))
    answer = false.hear(hs2)
    state = false.noise._state
    sealed_static = state.encrypt_and_hash(false.static.public)
    state.mix_key(false.static.exchange(hs2[:32]))
    seal, before = ChaCha20Poly1305(state._cipher._key).encrypt, state.hash

    def code(number: int) -> int:
        sealed = seal(_FIRST_NONCE, false.nonce + _varied(offer, number), before)
        return _code(_hash(before, sealed), false.nonce, answer.nonce)

    found = _search(code, met.code, aim)
    hs3 = sealed_static + seal(_FIRST_NONCE, false.nonce + _varied(offer, found or 0), before)
    return _finish_device(beacon, hs3, till=met.code, found=found)


def search_in_hs1(honest: Honest, random: Random, *, offer: bytes, promise: Promise, aim: Aim) -> Result:
    """Show the till's code first, then look for a commitment whose code fits, betting that the device repeats HS2."""
    met = meet_till(honest, random)
    _, answer, device_key, false = meet_device(honest, random, offer=offer, promise=promise)
    keys = _Keys(false.ephemeral, device_key, static=false.static)
    sealed_answer = answer.encode()

    def hello(number: int) -> tuple[bytes, bytes]:
        nonce = number.to_bytes(16, "big")
        return nonce, false.hello_payload(nonce, offer)

    def code(number: int) -> int:
        nonce, payload = hello(number)
        first = _hash(keys.start, keys.first(_FIRST_NONCE, payload, keys.start))
        return keys.code(first, sealed_answer, (nonce, answer.nonce), false.static.public, nonce + offer)

    found = _search(code, met.code, aim)
    nonce, payload = hello(found or 0)
    noise = Initiator(static=false.static, ephemeral=false.ephemeral, psk=ZERO_PSK)
    beacon, hs2 = honest.device(noise.write_first(payload))
    noise.read_second(hs2)
    hs3, _ = noise.write_third(nonce + offer)
    return _finish_device(beacon, hs3, till=met.code, found=found)


def search_in_hs2(honest: Honest, random: Random, *, offer: bytes, promise: Promise, aim: Aim) -> Result:
    """Show the device's code first, then look for an Nb whose code fits, betting that the till repeats Nm and offer."""
    code_at_device, *_ = meet_device(honest, random, offer=offer, promise=promise)
    met = meet_till(honest, random)
    reader, hs1 = honest.till()
    noise = Responder(ephemeral=met.ephemeral, psk=ZERO_PSK)
    decode_hs1(noise.read_first(hs1))
    keys = _Keys(met.ephemeral, hs1[:32], static=met.static)
    first = noise._state.hash
    till_nonce = met.payload[:16]

    def code(number: int) -> int:
        nonce = number.to_bytes(16, "big")
        return keys.code(first, answer_payload(nonce), (till_nonce, nonce), met.static, met.payload)

    found = _search(code, code_at_device, aim)
    hs2 = noise.write_second(answer_payload((found or 0).to_bytes(16, "big")))
    _, secured = reader.finish(hs2)
    return Result(till=int(secured.code), device=code_at_device, found=found)


class _Keys:
    """The cipher of each message, which no payload changes, for one pair of ephemeral keys."""

    def __init__(self, ours: X25519Key, theirs: bytes, *, static: X25519Key | bytes) -> None:
        """Take our ephemeral key; a static key of our own makes us the till, a public one the device."""
        first, second = (ours.public, theirs) if isinstance(static, X25519Key) else (theirs, ours.public)
        self._second_key = second
        state = SymmetricState()
        state.mix_key_and_hash(ZERO_PSK)
        state.mix_hash(first)
        state.mix_key(first)
        self.start = state.hash
        self.first = ChaCha20Poly1305(state._cipher._key).encrypt
        state.mix_key(second)
        state.mix_key(ours.exchange(theirs))
        self._second = ChaCha20Poly1305(state._cipher._key).encrypt
        state.mix_key(static.exchange(theirs) if isinstance(static, X25519Key) else ours.exchange(static))
        self._third = ChaCha20Poly1305(state._cipher._key).encrypt

    def code(self, hashed: bytes, answer: bytes, nonces: tuple[bytes, bytes], static: bytes, payload: bytes) -> int:
        """Return the code from the hash after HS1 on, without any public-key operation."""
        hashed = _hash(hashed, self._second_key)
        hashed = _hash(hashed, self._second(_FIRST_NONCE, answer, hashed))
        hashed = _hash(hashed, self._second(_SECOND_NONCE, static, hashed))
        return _code(_hash(hashed, self._third(_FIRST_NONCE, payload, hashed)), *nonces)


def _hash(before: bytes, data: bytes) -> bytes:
    return hashlib.sha256(before + data).digest()


def _code(hashed: bytes, nm: bytes, nb: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"bled1 sas" + hashed + nm + nb).digest()[:4], "big") % 10**6


def _search(code: Callable[[int], int], target: int, aim: Aim) -> int | None:
    numbers: Iterable[int] = range(1, aim.budget + 1)
    return next((number for number in numbers if aim.hits(code(number), target)), None)


def _varied(offer: bytes, number: int) -> bytes:
    """An offer with an extension that every device has to ignore: room to search in."""
    return offer + b"\x2b\x08" + number.to_bytes(8, "big")


def _finish_device(beacon: Beacon, hs3: bytes, *, till: int, found: int | None) -> Result:
    try:
        _, secured = beacon.finish(hs3)
    except PeerError as error:
        return Result(till=till, found=found, refused=error.code.value)
    return Result(till=till, device=int(secured.code), found=found)


def honest_pair(
    random: Random, *, offer: bytes, reader: type[Reader] = Reader, beacon: type[Beacon] = Beacon, repeat: str = ""
) -> Honest:
    """Return a till and a device of these builds; `repeat` names a side that uses its entropy twice: till, device."""
    static = X25519Key(random.randbytes(32))
    fresh: Callable[[], Entropy] = lambda: random.randbytes  # noqa: E731 (one word for a source of fresh bytes)
    return Honest(
        reader=lambda: reader(static=static, meeting=OpenMeeting(), message=offer),
        beacon=lambda: beacon(meeting=OpenMeeting()),
        till_entropy=frozen(random.randbytes) if repeat == "till" else fresh,
        device_entropy=frozen(random.randbytes) if repeat == "device" else fresh,
    )
