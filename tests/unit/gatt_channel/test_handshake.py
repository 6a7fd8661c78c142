"""The handshake of two honest sides, and of two that want different things."""

import re

import pytest

from bled.codes import Code
from bled.errors import BledError, PeerError
from bled.gatt.compare_code import grouped
from bled.gatt.engagement import Engagement, OpenMeeting, Resumption, fingerprint
from bled.gatt.handshake import Beacon, Reader
from bled.gatt.handshake_payloads import Feature
from bled.gatt.primitives import X25519Key

OFFER = b"\x10" + bytes(range(200))
STATUS = b"\x14\x02"


@pytest.fixture
def engagement(key, entropy) -> Engagement:
    return Engagement.create(key.public, entropy=entropy("engagement"))


def test_both_sides_end_with_the_same_facts_and_the_tills_message(reader, beacon, shake, key) -> None:
    ended = shake(reader(), beacon())
    assert ended.message == OFFER
    assert ended.till.code == ended.device.code
    assert ended.till.session_id == ended.device.session_id
    assert ended.till.resumption == ended.device.resumption
    assert ended.till.reader_key == ended.device.reader_key == key.public


def test_the_sizes_are_those_of_the_profile(reader, beacon, shake) -> None:
    ended = shake(reader(), beacon())
    assert (len(ended.hs1), len(ended.hs2), len(ended.hs3)) == (88, 73, 80 + len(OFFER))
    assert len(ended.till.channel.seal(b"x")) == 17


def test_the_channel_carries_messages_both_ways(reader, beacon, shake) -> None:
    ended = shake(reader(), beacon())
    for message in (b"one", b"two", b"one"):
        assert ended.device.channel.open(ended.till.channel.seal(message)) == message
        assert ended.till.channel.open(ended.device.channel.seal(message)) == message


def test_the_code_has_six_digits_and_two_groups(reader, beacon, shake) -> None:
    code = shake(reader(), beacon()).till.code
    assert re.fullmatch(r"\d{6}", code)
    assert grouped(code) == f"{code[:3]} {code[3:]}"


def test_a_secret_replaces_the_code(reader, beacon, shake, engagement) -> None:
    ended = shake(reader(engagement), beacon(engagement))
    assert ended.till.code is None
    assert ended.device.code is None


def test_a_resume_makes_no_new_code_and_keeps_session_and_key(reader, beacon, shake) -> None:
    first = shake(reader(), beacon())
    again = shake(reader(first.till.resumption, message=STATUS), beacon(first.device.resumption), name="again")
    assert again.message == STATUS
    assert again.till.code is None
    assert again.device.code is None
    assert again.till.session_id == again.device.session_id == first.till.session_id
    assert again.till.resumption == again.device.resumption == first.till.resumption


def test_a_lost_hs3_of_a_resume_does_not_part_the_two_sides(reader, beacon, shake, entropy) -> None:
    first = shake(reader(), beacon())
    till, device = reader(first.till.resumption), beacon(first.device.resumption)
    hs2 = device.answer(till.start(entropy=entropy("a")), entropy=entropy("b"))
    _, unheard = till.finish(hs2)
    assert shake(reader(unheard.resumption), beacon(first.device.resumption), name="third").message == OFFER


def test_each_handshake_has_other_keys_codes_and_names(reader, beacon, shake) -> None:
    ended = [shake(reader(), beacon(), name=name) for name in "abc"]
    assert len({one.till.session_id for one in ended}) == 3
    assert len({one.till.code for one in ended}) == 3
    assert len({one.till.channel.seal(b"same") for one in ended}) == 3


def _refused(code: Code) -> pytest.RaisesExc:
    return pytest.RaisesExc(PeerError, check=lambda error: error.code is code)


def test_a_stranger_cannot_meet_a_device_that_read_a_code(reader, beacon, engagement, entropy) -> None:
    with _refused(Code.HANDSHAKE_FAILED):
        beacon(engagement).answer(reader().start(entropy=entropy("a")), entropy=entropy("b"))


def test_a_till_that_shows_a_code_meets_nobody_who_has_not_read_it(reader, beacon, engagement, entropy) -> None:
    hs1 = reader(engagement).start(entropy=entropy("a"))
    with _refused(Code.HANDSHAKE_FAILED):
        beacon().answer(hs1, entropy=entropy("b"))


def test_an_engaged_till_takes_no_answer_under_the_zero_key(reader, beacon, engagement, entropy) -> None:
    till = reader(engagement)
    till.start(entropy=entropy("a"))
    hs2 = beacon().answer(reader().start(entropy=entropy("c")), entropy=entropy("b"))
    with _refused(Code.HANDSHAKE_FAILED):
        till.finish(hs2)


def test_who_only_photographed_the_code_does_not_pass_for_the_till(reader, beacon, engagement, shake, entropy) -> None:
    thief = X25519Key(entropy("thief")(32))
    false = Engagement(secret=engagement.secret, fingerprint=fingerprint(thief.public))
    with _refused(Code.READER_MISMATCH):
        shake(reader(false, static=thief), beacon(engagement))


def test_a_stranger_cannot_resume(reader, beacon, shake, entropy) -> None:
    first = shake(reader(), beacon())
    with _refused(Code.HANDSHAKE_FAILED):
        beacon(first.device.resumption).answer(reader().start(entropy=entropy("a")), entropy=entropy("b"))


def test_another_reader_with_the_resume_key_is_refused(reader, beacon, shake, entropy) -> None:
    first = shake(reader(), beacon()).device.resumption
    other = X25519Key(entropy("other")(32))
    stolen = Resumption(psk=first.psk, reader_key=other.public, session_id=first.session_id)
    with _refused(Code.READER_MISMATCH):
        shake(reader(stolen, static=other), beacon(first))


@pytest.mark.parametrize("meeting", [OpenMeeting(), "engagement"])
def test_a_status_opens_nothing_but_a_resume(reader, meeting, engagement) -> None:
    with pytest.raises(ValueError, match="OFFER"):
        reader(engagement if meeting == "engagement" else meeting, message=STATUS)


@pytest.mark.parametrize("message", [b"", b"\x12abc", b"\x17\x01", b"\x11"])
def test_a_till_opens_with_an_offer(reader, message: bytes) -> None:
    with pytest.raises(ValueError, match="OFFER"):
        reader(message=message)


def test_a_till_does_not_start_for_another_readers_code_or_meeting(reader, beacon, shake, engagement, entropy) -> None:
    other = X25519Key(entropy("other")(32))
    resumption = shake(reader(), beacon()).till.resumption
    for meeting in (engagement, resumption):
        with pytest.raises(ValueError, match="another reader"):
            reader(meeting, static=other)


def test_features_are_those_of_both(reader, beacon, shake) -> None:
    code, invoice, resume = Feature.COMPARE_CODE, Feature.INVOICE, Feature.RESUME
    ended = shake(reader(features=code | invoice), beacon(features=code | resume))
    assert ended.till.features == ended.device.features == code
    assert ended.till.resumption is ended.device.resumption is None


@pytest.mark.parametrize(("till", "device"), [(6, 7), (7, 6), (0, 7), (7, 0)])
def test_without_the_compare_code_there_is_no_handshake(reader, beacon, shake, till: int, device: int) -> None:
    with _refused(Code.HANDSHAKE_FEATURES):
        shake(reader(features=Feature(till)), beacon(features=Feature(device)))


@pytest.mark.parametrize(("till", "device"), [(1, 7), (7, 1)])
def test_who_cannot_resume_does_not(reader, beacon, shake, till: int, device: int) -> None:
    first = shake(reader(), beacon()).till.resumption
    with _refused(Code.HANDSHAKE_FEATURES):
        shake(reader(first, features=Feature(till)), beacon(first, features=Feature(device)))


def test_each_side_keeps_its_frames_within_what_the_other_takes(reader, beacon, shake) -> None:
    device = beacon(rx_frag_max=18)
    ended = shake(reader(rx_frag_max=512), device)
    assert ended.till.frame_limit == 18
    assert ended.device.frame_limit == device.frame_limit == 495


@pytest.mark.parametrize("limit", [0, 17, 513])
def test_a_limit_that_no_frame_has_is_refused_at_once(reader, beacon, limit: int) -> None:
    for side in (reader, beacon):
        with pytest.raises(ValueError, match="rx_frag_max"):
            side(rx_frag_max=limit)


def test_a_till_says_no_more_than_the_device_takes(reader, beacon, shake) -> None:
    longest = b"\x10" + bytes(1285 - 81)
    assert len(shake(reader(message=longest), beacon(max_msg=1285)).hs3) == 1285
    with _refused(Code.MESSAGE_TOO_LARGE):
        shake(reader(message=longest + b"x"), beacon(max_msg=1285))


@pytest.mark.parametrize(("max_msg", "takes"), [(4095, False), (4096, True)])
def test_a_device_that_does_not_take_the_longest_message_is_sent_no_invoice(
    reader, beacon, shake, max_msg: int, takes: bool
) -> None:
    assert (Feature.INVOICE in shake(reader(), beacon(max_msg=max_msg)).till.features) is takes


def test_the_tills_channel_knows_the_devices_limit(reader, beacon, shake) -> None:
    channel = shake(reader(), beacon(max_msg=1285)).till.channel
    channel.seal(bytes(1285 - 16))
    with pytest.raises(BledError) as caught:
        channel.seal(bytes(1285 - 15))
    assert caught.value.code is Code.MESSAGE_TOO_LARGE


def _spent(action) -> None:
    with pytest.raises(BledError) as caught:
        action()
    assert caught.value.code is Code.INTERNAL


def test_no_step_is_made_twice(reader, beacon, shake, entropy) -> None:
    till, device = reader(), beacon()
    ended = shake(till, device)
    for action in (
        lambda: till.start(entropy=entropy("a")),
        lambda: till.finish(ended.hs2),
        lambda: device.answer(ended.hs1, entropy=entropy("b")),
        lambda: device.finish(ended.hs3),
    ):
        _spent(action)


def test_a_side_that_has_failed_is_spent(reader, beacon, entropy) -> None:
    till, device = reader(), beacon()
    hs1 = till.start(entropy=entropy("a"))
    hs2 = device.answer(hs1, entropy=entropy("b"))
    for side, good in ((till, hs2), (device, bytes(200))):
        with pytest.raises(PeerError):
            side.finish(bytes(len(good)))
        _spent(lambda side=side, good=good: side.finish(good))


def test_a_device_that_refused_hs1_goes_no_further(reader, beacon, entropy) -> None:
    for hs1 in (reader(features=Feature(1)).start(entropy=entropy("a")), bytes(88)):
        device = beacon(features=Feature(6))
        with pytest.raises(PeerError):
            device.answer(hs1, entropy=entropy("b"))
        _spent(lambda device=device: device.finish(bytes(200)))
        _spent(lambda device=device, hs1=hs1: device.answer(hs1, entropy=entropy("b")))


@pytest.mark.parametrize("limit", [0, 1284, 4097])
def test_a_device_takes_what_every_device_must_and_no_more_than_frames_carry(beacon, limit: int) -> None:
    with pytest.raises(ValueError, match="max_msg"):
        beacon(max_msg=limit)


def test_no_step_comes_before_the_one_before(reader: type[Reader], beacon: type[Beacon]) -> None:
    _spent(lambda: reader().finish(bytes(73)))
    _spent(lambda: beacon().finish(bytes(200)))


def test_nothing_secret_is_shown(reader, beacon, shake, key) -> None:
    ended = shake(reader(), beacon())
    shown = repr((ended.till, key)) + str(ended.till)
    for secret in (ended.till.resumption.psk, key.reveal()):
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown
