"""What a handshake message may look like, and what a man in the middle of one handshake can change: nothing."""

import pytest

from bled.codes import Code
from bled.errors import PeerError
from bled.gatt.compare_code import commitment
from bled.gatt.handshake import VersionRefused
from bled.gatt.handshake_payloads import FEATURES, Hs1, Hs2, choose_version, decode_hs1, decode_hs2
from bled.gatt.noise import Initiator, Responder
from bled.gatt.primitives import X25519Key

OFFER = b"\x10" + bytes(range(200))
ZERO = bytes(32)

# Points of small order on Curve25519 and its twist, and their other spellings: any key times them is zero.
SMALL_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
]


class _Point:
    """Stands where a key would: its public part is a point of small order, and every exchange gives zero."""

    def __init__(self, public: str) -> None:
        self.public = bytes.fromhex(public)

    def exchange(self, public: bytes) -> bytes:
        return bytes(32)


def _refused(code: Code) -> pytest.RaisesExc:
    return pytest.RaisesExc(PeerError, check=lambda error: error.code is code)


def _hs1(**changes) -> Hs1:
    fields = {"min_version": 1, "max_version": 1, "features": int(FEATURES), "rx_frag_max": 495, "commit": bytes(32)}
    return Hs1(**fields | changes)


def _hs2(**changes) -> Hs2:
    fields = {"version": 1, "features": int(FEATURES), "rx_frag_max": 495, "max_msg": 4096, "nonce": bytes(16)}
    return Hs2(**fields | changes)


@pytest.fixture
def false_till(key, entropy) -> Initiator:
    """An initiator that says what it likes."""
    return Initiator(static=key, ephemeral=X25519Key(entropy("false till")(32)), psk=ZERO)


@pytest.fixture
def false_device(entropy) -> Responder:
    """A responder that says what it likes."""
    return Responder(ephemeral=X25519Key(entropy("false device")(32)), psk=ZERO)


@pytest.fixture
def under_way(reader, beacon, entropy):
    """A till and a device, HS1 and HS2 between them."""
    till, device = reader(), beacon()
    hs1 = till.start(entropy=entropy("till"))
    return till, device, hs1, device.answer(hs1, entropy=entropy("device"))


def test_hs1_is_forty_bytes_in_this_order() -> None:
    hs1 = _hs1(max_version=3, features=0x01020304, rx_frag_max=0x0102, commit=bytes(range(32)))
    assert hs1.encode() == bytes([1, 3, 1, 2, 3, 4, 1, 2, *range(32)])
    assert decode_hs1(hs1.encode()) == hs1


def test_hs2_is_twenty_five_bytes_in_this_order() -> None:
    hs2 = _hs2(features=0x01020304, rx_frag_max=0x0102, max_msg=0x0A0B, nonce=bytes(range(16)))
    assert hs2.encode() == bytes([1, 1, 2, 3, 4, 1, 2, 10, 11, *range(16)])
    assert decode_hs2(hs2.encode()) == hs2


@pytest.mark.parametrize(("decode", "payload"), [(decode_hs1, _hs1()), (decode_hs2, _hs2())])
def test_a_payload_may_be_longer_and_not_shorter(decode, payload) -> None:
    data = payload.encode()
    assert decode(data + b"later versions") == payload
    for length in range(len(data)):
        with _refused(Code.HANDSHAKE_MALFORMED):
            decode(data[:length])


@pytest.mark.parametrize(
    "changes",
    [
        {"min_version": 0},
        {"min_version": 2, "max_version": 1},
        {"min_version": 0, "max_version": 0},
        {"rx_frag_max": 17},
        {"rx_frag_max": 0},
    ],
)
def test_hs1_with_an_impossible_field_is_refused(changes: dict[str, int]) -> None:
    with _refused(Code.HANDSHAKE_MALFORMED):
        decode_hs1(_hs1(**changes).encode())


@pytest.mark.parametrize("changes", [{"rx_frag_max": 17}, {"max_msg": 1284}, {"max_msg": 0}])
def test_hs2_with_an_impossible_field_is_refused(changes: dict[str, int]) -> None:
    with _refused(Code.HANDSHAKE_MALFORMED):
        decode_hs2(_hs2(**changes).encode())


@pytest.mark.parametrize(
    ("theirs", "ours", "chosen"),
    [
        ((1, 1), (1, 1), 1),
        ((1, 9), (1, 3), 3),
        ((1, 2), (1, 3), 2),
        ((2, 9), (1, 3), 3),
        ((4, 9), (1, 3), 0),
        ((1, 1), (2, 3), 0),
        ((3, 3), (1, 3), 3),
        ((1, 255), (1, 255), 255),
    ],
)
def test_the_highest_version_of_both_is_chosen(theirs, ours, chosen: int) -> None:
    hs1 = _hs1(min_version=theirs[0], max_version=theirs[1])
    assert choose_version(hs1, first=ours[0], last=ours[1]) == chosen


def test_a_till_that_is_too_new_is_told_so_and_nothing_else(beacon, entropy, false_till) -> None:
    device = beacon()
    with _refused(Code.HANDSHAKE_VERSION) as caught:
        device.answer(false_till.write_first(_hs1(min_version=2, max_version=9).encode()), entropy=entropy("device"))
    assert isinstance(caught.value, VersionRefused)
    assert false_till.read_second(caught.value.hs2)[:5] == bytes(5)
    with pytest.raises(Exception, match="one connection"):
        device.finish(bytes(200))


def test_a_till_that_hears_version_zero_knows_why(reader, entropy, false_device) -> None:
    till = reader()
    false_device.read_first(till.start(entropy=entropy("till")))
    with _refused(Code.HANDSHAKE_VERSION):
        till.finish(false_device.write_second(_hs2(version=0).encode()))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"version": 2}, Code.HANDSHAKE_MALFORMED),
        ({"version": 255}, Code.HANDSHAKE_MALFORMED),
        ({"features": 0}, Code.HANDSHAKE_FEATURES),
        ({"features": 1 << 31 | 1}, Code.HANDSHAKE_FEATURES),
        ({"features": 1 | 8}, Code.HANDSHAKE_FEATURES),
    ],
)
def test_an_answer_to_what_was_not_asked_is_refused(reader, entropy, false_device, changes, code: Code) -> None:
    till = reader()
    false_device.read_first(till.start(entropy=entropy("till")))
    with _refused(code):
        till.finish(false_device.write_second(_hs2(**changes).encode()))


def test_features_of_the_future_are_not_answered(beacon, entropy, false_till) -> None:
    hs2 = beacon().answer(false_till.write_first(_hs1(features=2**32 - 1).encode()), entropy=entropy("device"))
    assert decode_hs2(false_till.read_second(hs2)).features == FEATURES


def test_hellos_have_room_for_later_versions_up_to_their_limit(beacon, reader, entropy, key) -> None:
    def first(room: int) -> bytes:
        false = Initiator(static=key, ephemeral=X25519Key(entropy("e")(32)), psk=ZERO)
        return false.write_first(_hs1().encode() + bytes(room))

    beacon().answer(first(256 - 88), entropy=entropy("device"))
    with _refused(Code.HANDSHAKE_MALFORMED):
        beacon().answer(first(256 - 87), entropy=entropy("device"))

    def second(room: int) -> None:
        till, false = reader(), Responder(ephemeral=X25519Key(entropy("e")(32)), psk=ZERO)
        false.read_first(till.start(entropy=entropy("till")))
        till.finish(false.write_second(_hs2().encode() + bytes(room)))

    second(256 - 73)
    with _refused(Code.HANDSHAKE_MALFORMED):
        second(256 - 72)


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_device_refuses_a_key_that_gives_zero(beacon, entropy, key, point: str) -> None:
    false = Initiator(static=key, ephemeral=_Point(point), psk=ZERO)
    with _refused(Code.HANDSHAKE_WEAK_KEY):
        beacon().answer(false.write_first(_hs1().encode()), entropy=entropy("device"))


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_till_refuses_a_key_that_gives_zero(reader, entropy, point: str) -> None:
    till, false = reader(), Responder(ephemeral=_Point(point), psk=ZERO)
    false.read_first(till.start(entropy=entropy("till")))
    with _refused(Code.HANDSHAKE_WEAK_KEY):
        till.finish(false.write_second(_hs2().encode()))


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_device_refuses_a_static_key_that_gives_zero(beacon, entropy, point: str) -> None:
    weak = _Point(point)
    false = Initiator(static=weak, ephemeral=X25519Key(entropy("false till")(32)), psk=ZERO)
    payload = bytes(16) + OFFER
    hs1 = false.write_first(_hs1(commit=commitment(bytes(16), weak.public, payload)).encode())
    device = beacon()
    false.read_second(device.answer(hs1, entropy=entropy("device")))
    with _refused(Code.HANDSHAKE_WEAK_KEY):
        device.finish(false.write_third(payload)[0])


def _finish(false_till: Initiator, device, entropy, *, committed: bytes, sent: bytes, key: X25519Key) -> None:
    hs1 = false_till.write_first(_hs1(commit=commitment(committed[:16], key.public, committed)).encode())
    false_till.read_second(device.answer(hs1, entropy=entropy("device")))
    device.finish(false_till.write_third(sent)[0])


def test_each_byte_of_hs3_is_committed_to(beacon, entropy, key) -> None:
    committed = bytes(range(16)) + OFFER[:40]
    for position in range(len(committed)):
        changed = bytearray(committed)
        changed[position] ^= 1
        false = Initiator(static=key, ephemeral=X25519Key(entropy("e")(32)), psk=ZERO)
        with _refused(Code.COMMITMENT_BROKEN):
            _finish(false, beacon(), entropy, committed=committed, sent=bytes(changed), key=key)


@pytest.mark.parametrize("sent", [lambda payload: payload + b"\0", lambda payload: payload[:-1]])
def test_the_length_of_hs3_is_committed_to(beacon, entropy, key, false_till, sent) -> None:
    committed = bytes(range(16)) + OFFER
    with _refused(Code.COMMITMENT_BROKEN):
        _finish(false_till, beacon(), entropy, committed=committed, sent=sent(committed), key=key)


def test_the_static_key_is_committed_to(beacon, entropy, false_till) -> None:
    payload = bytes(range(16)) + OFFER
    with _refused(Code.COMMITMENT_BROKEN):
        _finish(false_till, beacon(), entropy, committed=payload, sent=payload, key=X25519Key(entropy("other")(32)))


@pytest.mark.parametrize("length", range(17))
def test_hs3_without_a_message_is_refused(beacon, entropy, key, false_till, length: int) -> None:
    with _refused(Code.HANDSHAKE_MALFORMED):
        _finish(false_till, beacon(), entropy, committed=bytes(length), sent=bytes(length), key=key)


@pytest.mark.parametrize("message", [b"\x14\x02", b"\x12abc", b"\x17\x01", b"\x1a\x06", b"\x11", b"\0"])
def test_hs3_of_a_first_meeting_carries_an_offer(beacon, entropy, key, false_till, message: bytes) -> None:
    payload = bytes(16) + message
    with _refused(Code.BAD_STATE):
        _finish(false_till, beacon(), entropy, committed=payload, sent=payload, key=key)


def test_a_device_reads_no_hs3_above_its_limit(beacon, entropy, key, false_till) -> None:
    payload = bytes(16) + OFFER + bytes(1285 - 80 - len(OFFER) + 1)
    with _refused(Code.MESSAGE_TOO_LARGE):
        _finish(false_till, beacon(max_msg=1285), entropy, committed=payload, sent=payload, key=key)


def _every_change(message: bytes):
    """Yield the message with each bit flipped, cut at each length, and with a byte more at either end."""
    for bit in range(len(message) * 8):
        changed = bytearray(message)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)
    yield from (message[:length] for length in range(len(message)))
    yield from (message + b"\0", b"\0" + message)


def test_any_change_of_hs1_ends_the_handshake_at_the_device_or_at_the_till(reader, beacon, entropy) -> None:
    hs1 = reader().start(entropy=entropy("till"))
    for changed in _every_change(hs1):
        with pytest.raises(PeerError):
            beacon().answer(changed, entropy=entropy("device"))


def test_any_change_of_hs2_ends_the_handshake_at_the_till(reader, under_way, entropy) -> None:
    *_, hs2 = under_way
    for changed in _every_change(hs2):
        till = reader()
        till.start(entropy=entropy("till"))
        with pytest.raises(PeerError):
            till.finish(changed)


def test_any_change_of_hs3_ends_the_handshake_at_the_device(beacon, under_way, entropy) -> None:
    till, _, hs1, hs2 = under_way
    hs3, _ = till.finish(hs2)
    for changed in _every_change(hs3):
        device = beacon()
        device.answer(hs1, entropy=entropy("device"))
        with pytest.raises(PeerError):
            device.finish(changed)


@pytest.mark.parametrize("changes", [{"features": 1}, {"max_version": 1}, {"rx_frag_max": 18}, {"commit": bytes(32)}])
def test_what_hs1_says_cannot_be_rewritten_although_everybody_knows_the_key(
    reader, beacon, entropy, key, changes
) -> None:
    """In the open anybody can seal an HS1 with the till's own ephemeral key; the till sees it in HS2's tag."""
    till = reader()
    honest = till.start(entropy=entropy("till"))
    payload = decode_hs1(Responder(ephemeral=key, psk=ZERO).read_first(honest))
    rewritten = Hs1(**{name: getattr(payload, name) for name in Hs1.__slots__} | {"rx_frag_max": 494} | changes)
    same_ephemeral = X25519Key(entropy("till")(32))
    forged = Initiator(static=key, ephemeral=same_ephemeral, psk=ZERO).write_first(rewritten.encode())
    assert forged[:32] == honest[:32]
    hs2 = beacon().answer(forged, entropy=entropy("device"))
    with _refused(Code.HANDSHAKE_FAILED):
        till.finish(hs2)
