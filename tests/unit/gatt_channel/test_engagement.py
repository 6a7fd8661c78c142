"""The till's code as text, and what is derived from a shared secret."""

import base64
import hashlib
import hmac

import pytest

from bled.codes import Code
from bled.errors import PeerError
from bled.gatt.engagement import Engagement, OpenMeeting, Resumption, session_uuid
from bled.gatt.profile import SERVICE_UUID


@pytest.fixture
def engagement() -> Engagement:
    return Engagement(secret=bytes(range(16)), fingerprint=bytes(range(16, 32)))


def _hkdf(secret: bytes, info: bytes, salt: bytes = bytes(32)) -> bytes:
    return hmac.digest(hmac.digest(salt, secret, "sha256"), info + b"\1", "sha256")


def test_the_text_is_the_secret_and_the_fingerprint_in_43_characters(engagement: Engagement) -> None:
    text = engagement.format()
    assert len(text) == 6 + 43
    assert base64.urlsafe_b64decode(text.removeprefix("bled1:") + "=") == bytes(range(32))
    assert Engagement.parse(text) == engagement


@pytest.mark.parametrize("around", ["{}", " {}", "{}\n", "\t{} \r\n"])
def test_a_pasted_text_may_have_spaces_around_it(engagement: Engagement, around: str) -> None:
    assert Engagement.parse(around.format(engagement.format())) == engagement


def test_letters_of_the_url_alphabet_are_read() -> None:
    engagement = Engagement(secret=b"\xff" * 16, fingerprint=b"\xfb" * 16)
    assert {"_", "-"} <= set(engagement.format())
    assert Engagement.parse(engagement.format()) == engagement


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text[:-1],
        lambda text: text + "A",
        lambda text: text + "=",
        lambda text: text.replace("bled1:", "bled2:"),
        lambda text: text.replace("bled1:", "BLED1:"),
        lambda text: text.removeprefix("bled1:"),
        lambda text: text.replace("bled1:", "bled1://"),
        lambda text: text[:20] + " " + text[21:],
        lambda text: text[:20] + "+" + text[21:],
        lambda text: text[:20] + "é" + text[21:],
        lambda text: text[:20] + "\uff11" + text[21:],
        lambda text: text[:-1] + chr(ord(text[-1]) + 1),
        lambda text: text * 1000,
    ],
)
def test_another_text_is_no_code_of_a_till(engagement: Engagement, change) -> None:
    with pytest.raises(PeerError) as caught:
        Engagement.parse(change(engagement.format()))
    assert caught.value.code is Code.ENGAGEMENT_BAD


def test_key_and_uuid_are_hkdf_of_the_secret(engagement: Engagement) -> None:
    assert engagement.psk == _hkdf(engagement.secret, b"bled1 psk")
    uuid = engagement.uuid
    plain = bytearray(_hkdf(engagement.secret, b"bled1 uuid")[:16])
    assert (uuid.version, uuid.variant) == (8, "specified in RFC 4122")
    plain[6], plain[8] = plain[6] & 15 | 128, plain[8] & 63 | 128
    assert uuid.bytes == bytes(plain)


def test_the_resume_key_is_hkdf_of_the_chaining_key_with_the_handshake_hash() -> None:
    made = Resumption.of(chaining_key=b"c" * 32, handshake_hash=b"h" * 32, reader_key=b"k" * 32)
    assert made.psk == _hkdf(b"c" * 32, b"bled1 resume", b"h" * 32)
    assert made.session_id == b"h" * 16
    assert made.uuid == session_uuid(made.psk)


def test_strangers_meet_under_the_public_uuid_with_the_zero_key() -> None:
    assert (OpenMeeting().psk, OpenMeeting().uuid) == (bytes(32), SERVICE_UUID)


def test_an_engagement_names_its_reader(engagement: Engagement) -> None:
    made = Engagement.create(b"k" * 32, entropy=lambda length: b"s" * length)
    assert made.secret == b"s" * 16
    assert made.fingerprint == hashlib.sha256(b"k" * 32).digest()[:16]
    assert made.is_of(b"k" * 32)
    assert not made.is_of(b"l" * 32)


def test_a_resume_under_the_zero_key_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="zero key"):
        Resumption(psk=bytes(32), reader_key=b"k" * 32, session_id=b"s" * 16)


@pytest.mark.parametrize("lengths", [(31, 32, 16), (32, 31, 16), (32, 32, 15), (33, 32, 16), (0, 0, 0)])
def test_a_resumption_has_its_lengths(lengths: tuple[int, int, int]) -> None:
    psk, key, session = (b"x" * length for length in lengths)
    with pytest.raises(ValueError, match="resumption"):
        Resumption(psk=psk, reader_key=key, session_id=session)


@pytest.mark.parametrize("lengths", [(15, 16), (16, 15), (16, 32), (0, 16)])
def test_an_engagement_has_its_lengths(lengths: tuple[int, int]) -> None:
    secret, fingerprint = (b"x" * length for length in lengths)
    with pytest.raises(ValueError, match="16 bytes"):
        Engagement(secret=secret, fingerprint=fingerprint)


def test_a_secret_is_not_shown(engagement: Engagement) -> None:
    assert "\\x01\\x02\\x03\\x04" not in repr(engagement)
    assert "secret" not in repr(engagement)
