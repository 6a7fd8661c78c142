"""The handshake and the channel under any input: against a second implementation, and against anybody."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis.strategies import binary, booleans, data, integers, just, lists, one_of, sampled_from, tuples

from bled.codes import Code
from bled.errors import PeerError, Refused
from bled.gatt.code_limits import OPEN_TRIES, OPEN_TRIES_SECONDS, OpenTries
from bled.gatt.engagement import Engagement, OpenMeeting, Resumption, fingerprint
from bled.gatt.handshake import Beacon, Reader
from bled.gatt.handshake_payloads import Feature, Hs1, Hs2, decode_hs1, decode_hs2
from bled.gatt.noise import Initiator, Responder
from bled.gatt.primitives import X25519Key
from bled.gatt.secure_channel import SecureChannel
from bled_codec.units import UnixTime

KEYS = binary(min_size=32, max_size=32)
NONCES = binary(min_size=16, max_size=16)
MESSAGES = binary(max_size=1200).map(lambda data: b"\x10" + data)
STATIC = X25519Key(b"\x07" * 32)
ENGAGEMENT = Engagement(secret=b"s" * 16, fingerprint=fingerprint(STATIC.public))
RESUMPTION = Resumption(psk=b"p" * 32, reader_key=STATIC.public, session_id=b"i" * 16)
MEETINGS = sampled_from([OpenMeeting(), ENGAGEMENT, RESUMPTION])
PLAIN = {
    OpenMeeting(): {"kind": "open"},
    ENGAGEMENT: {"kind": "engaged", "secret": (b"s" * 16).hex(), "fingerprint": ENGAGEMENT.fingerprint.hex()},
    RESUMPTION: {
        "kind": "resumed",
        "psk": (b"p" * 32).hex(),
        "reader_key": STATIC.public.hex(),
        "session_id": (b"i" * 16).hex(),
    },
}


@pytest.fixture(scope="module")
def second() -> ModuleType:
    """The implementation on noiseprotocol that the vectors are checked with."""
    path = Path(__file__).resolve().parents[2] / "vectors" / "gatt" / "second.py"
    spec = importlib.util.spec_from_file_location("bled_properties_gatt_second", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _entropy(*parts: bytes):
    left = list(parts)
    return lambda _: left.pop(0)


@given(meeting=MEETINGS, keys=tuples(KEYS, KEYS), nonces=tuples(NONCES, NONCES), message=MESSAGES)
def test_our_till_and_the_other_device_understand_each_other(second, meeting, keys, nonces, message: bytes) -> None:
    reader = Reader(static=STATIC, meeting=meeting, message=message)
    device = second.Device(meeting=PLAIN[meeting], ephemeral=keys[1], nonce=nonces[1])
    hs2 = device.answer(reader.start(entropy=_entropy(keys[0], nonces[0])))
    hs3, secured = reader.finish(hs2)
    heard, results = device.finish(hs3)
    assert heard == message
    assert results["compare_code"] == secured.code
    assert results["session_id"] == secured.session_id.hex()
    assert results["resume_psk"] == secured.resumption.psk.hex()
    assert device.open(secured.channel.seal(b"to the device")) == b"to the device"
    assert secured.channel.open(device.seal(b"to the till")) == b"to the till"


@given(meeting=MEETINGS, keys=tuples(KEYS, KEYS), nonces=tuples(NONCES, NONCES), message=MESSAGES)
def test_the_other_till_and_our_device_understand_each_other(second, meeting, keys, nonces, message: bytes) -> None:
    beacon = Beacon(meeting=meeting)
    till = second.Till(
        meeting=PLAIN[meeting], ephemeral=keys[0], nonce=nonces[0], static=STATIC.reveal(), message=message
    )
    hs2 = beacon.answer(till.start(), entropy=_entropy(keys[1], nonces[1]))
    hs3, results = till.finish(hs2)
    heard, secured = beacon.finish(hs3)
    assert heard == message
    assert results["compare_code"] == secured.code
    assert results["resume_uuid"] == str(secured.resumption.uuid)
    assert till.open(secured.channel.seal(b"to the till")) == b"to the till"
    assert secured.channel.open(till.seal(b"to the device")) == b"to the device"


ANY_BYTES = one_of(binary(max_size=300), binary(min_size=64, max_size=400))


@given(meeting=MEETINGS, garbage=ANY_BYTES)
def test_no_garbage_gets_past_either_side_or_breaks_it(meeting, garbage: bytes) -> None:
    with pytest.raises(PeerError):
        Beacon(meeting=meeting).answer(garbage, entropy=_entropy(b"d" * 32, b"n" * 16))
    reader = Reader(static=STATIC, meeting=meeting, message=b"\x10")
    hs1 = reader.start(entropy=_entropy(b"t" * 32, b"n" * 16))
    with pytest.raises(PeerError):
        reader.finish(garbage)
    beacon = Beacon(meeting=meeting)
    beacon.answer(hs1, entropy=_entropy(b"d" * 32, b"n" * 16))
    with pytest.raises(PeerError):
        beacon.finish(garbage)


@given(payload=binary(max_size=120))
def test_any_sealed_payload_is_answered_or_refused_by_a_device(payload: bytes) -> None:
    """The zero key is everybody's: whatever can be sealed under it reaches the parser."""
    hs1 = Initiator(static=STATIC, ephemeral=X25519Key(b"t" * 32), psk=bytes(32)).write_first(payload)
    beacon = Beacon(meeting=OpenMeeting())
    try:
        hs2 = beacon.answer(hs1, entropy=_entropy(b"d" * 32, b"n" * 16))
    except PeerError:
        return
    assert len(hs2) == 73
    assert decode_hs1(payload).min_version == 1


@given(payload=binary(max_size=120))
def test_any_sealed_payload_is_answered_or_refused_by_a_till(payload: bytes) -> None:
    reader = Reader(static=STATIC, meeting=OpenMeeting(), message=b"\x10")
    device = Responder(ephemeral=X25519Key(b"d" * 32), psk=bytes(32))
    device.read_first(reader.start(entropy=_entropy(b"t" * 32, b"n" * 16)))
    try:
        _, secured = reader.finish(device.write_second(payload))
    except PeerError:
        return
    assert decode_hs2(payload).version == secured.version == 1
    assert secured.features & ~7 == 0


@given(payload=binary(max_size=120), promised=booleans())
def test_any_sealed_payload_is_taken_or_refused_as_hs3(payload: bytes, promised: bool) -> None:
    till = Initiator(static=STATIC, ephemeral=X25519Key(b"t" * 32), psk=bytes(32))
    commit = Reader._commitment(payload[:16], STATIC.public, payload) if promised else bytes(32)
    hello = Hs1(min_version=1, max_version=1, features=7, rx_frag_max=495, commit=commit)
    beacon = Beacon(meeting=OpenMeeting())
    till.read_second(beacon.answer(till.write_first(hello.encode()), entropy=_entropy(b"d" * 32, b"n" * 16)))
    try:
        message, _ = beacon.finish(till.write_third(payload)[0])
    except PeerError as error:
        assert error.code in {Code.COMMITMENT_BROKEN, Code.HANDSHAKE_MALFORMED, Code.BAD_STATE}
        return
    assert promised
    assert message == payload[16:]
    assert message[0] == 0x10


BYTE, WORD, LONG = integers(0, 255), integers(0, 2**16 - 1), integers(0, 2**32 - 1)


@given(versions=tuples(BYTE, BYTE), features=LONG, frames=WORD, commit=KEYS, room=binary(max_size=60))
def test_hs1_is_read_as_it_was_written_or_refused(versions, features, frames, commit, room) -> None:
    hs1 = Hs1(min_version=versions[0], max_version=versions[1], features=features, rx_frag_max=frames, commit=commit)
    possible = 1 <= versions[0] <= versions[1] and frames >= 18
    try:
        assert decode_hs1(hs1.encode() + room) == hs1
    except PeerError as error:
        assert error.code is Code.HANDSHAKE_MALFORMED
        assert not possible
    else:
        assert possible


@given(version=BYTE, features=LONG, limits=tuples(WORD, WORD), nonce=NONCES, room=binary(max_size=60))
def test_hs2_is_read_as_it_was_written_or_refused(version, features, limits, nonce, room) -> None:
    hs2 = Hs2(version=version, features=features, rx_frag_max=limits[0], max_msg=limits[1], nonce=nonce)
    possible = version > 0 and limits[0] >= 18 and limits[1] >= 1285
    try:
        assert decode_hs2(hs2.encode() + room) == hs2
    except PeerError as error:
        assert error.code in {Code.HANDSHAKE_MALFORMED, Code.HANDSHAKE_VERSION}
        assert not possible
    else:
        assert possible


@given(till=integers(0, 31), device=integers(0, 31))
def test_both_sides_use_what_both_have_or_nothing(till: int, device: int) -> None:
    reader = Reader(static=STATIC, meeting=OpenMeeting(), message=b"\x10", features=Feature(till))
    beacon = Beacon(meeting=OpenMeeting(), features=Feature(device))
    try:
        hs2 = beacon.answer(
            reader.start(entropy=_entropy(b"t" * 32, b"n" * 16)), entropy=_entropy(b"d" * 32, b"m" * 16)
        )
        hs3, at_till = reader.finish(hs2)
    except PeerError as error:
        assert error.code is Code.HANDSHAKE_FEATURES
        assert not till & device & 1
        return
    _, at_device = beacon.finish(hs3)
    assert at_till.features == at_device.features == till & device


@given(messages=lists(tuples(booleans(), binary(min_size=1, max_size=60)), max_size=30))
def test_a_conversation_arrives_as_it_was_said_and_never_looks_the_same(messages) -> None:
    till = SecureChannel(send_key=b"a" * 32, receive_key=b"b" * 32)
    device = SecureChannel(send_key=b"b" * 32, receive_key=b"a" * 32)
    air = []
    for by_till, message in messages:
        by, to = (till, device) if by_till else (device, till)
        air.append(by.seal(message))
        assert to.open(air[-1]) == message
    assert len(set(air)) == len(air)


@settings(max_examples=50)
@given(sent=lists(binary(min_size=1, max_size=20), min_size=1, max_size=6), choice=data())
def test_what_is_opened_is_a_beginning_of_what_was_said(sent, choice) -> None:
    """Whatever the air drops, repeats, moves, changes or makes up, no other message is taken for one of the peer's."""
    by, to = (
        SecureChannel(send_key=b"a" * 32, receive_key=b"b" * 32),
        SecureChannel(send_key=b"b" * 32, receive_key=b"a" * 32),
    )
    sealed = [by.seal(message) for message in sent]
    arriving = choice.draw(lists(one_of(sampled_from(sealed), binary(max_size=40), just(b"")), max_size=10))
    opened = []
    for piece in arriving:
        try:
            opened.append(to.open(piece))
        except PeerError as error:
            assert error.code is Code.CHANNEL_BROKEN
    assert opened == sent[: len(opened)]


@given(text=one_of(binary(max_size=60).map(lambda data: data.decode("latin-1")), just("bled1:" + "A" * 43)))
def test_any_text_is_a_tills_code_or_refused(text: str) -> None:
    try:
        made = Engagement.parse(text)
    except PeerError as error:
        assert error.code is Code.ENGAGEMENT_BAD
    else:
        assert made.format() == text.strip()


@given(secret=NONCES, mark=NONCES)
def test_a_tills_code_is_read_as_it_was_written(secret: bytes, mark: bytes) -> None:
    made = Engagement(secret=secret, fingerprint=mark)
    assert Engagement.parse(made.format()) == made
    assert made.psk != bytes(32)
    assert (made.uuid.version, made.uuid.bytes[8] >> 6) == (8, 2)


@given(steps=lists(integers(0, 400), max_size=40))
def test_never_more_than_three_tries_in_any_ten_minutes(steps: list[int]) -> None:
    now, tries, taken = 1_800_000_000, OpenTries(), []
    for step in steps:
        now += step
        try:
            tries = tries.take(now=UnixTime(now))
        except Refused:
            assert len([time for time in taken if now - time < OPEN_TRIES_SECONDS]) == OPEN_TRIES
        else:
            taken.append(now)
        assert len(tries.times) <= OPEN_TRIES
    for time in taken:
        assert len([other for other in taken if time <= other < time + OPEN_TRIES_SECONDS]) <= OPEN_TRIES
