"""The handshake of the secure channel, both sides, pure: bytes and entropy in, bytes and keys out (gatt_profile.md, 6).

    till: Reader                                     buyer's device: Beacon
    hs1 = reader.start(entropy=...)           ->     hs2 = beacon.answer(hs1, entropy=...)
    hs3, secured = reader.finish(hs2)         <-
                                              ->     message, secured = beacon.finish(hs3)

How it is to be wired. The three messages are cut into frames as they are, the first M2B message being HS1; from then on
each message goes through `secured.channel`, and frames stay within `secured.frame_limit` (the device knows it from
`beacon.frame_limit` before it sends HS2, the till from `secured` before it sends HS3). HS3 carries the session's first
message, an encoded OFFER or on a resume also a STATUS: the till hands it to `Reader`, which commits to it before it
knows anything of the device, and the device gives what `Beacon.finish` returns to `decode_message` as if it had come
through the channel. A resumed device checks besides that the offer is byte for byte the one on its screen.

One object serves one connection; a new connection, also for the same sale, takes new objects and fresh entropy, for
whoever has seen Nm or Nb in advance can search for a matching code. An error ends the object; the link is closed
without a word, but for `VersionRefused`. In an `OpenMeeting` each step that lets a code be formed is counted before its
message leaves (`bled.gatt.code_limits`): at the device `answer`, at the till `finish`. If `secured.code` is not None,
nothing is signed until a person has said that the other screen shows it too.
"""

from dataclasses import dataclass
from enum import Enum, auto

from bled.codes import Code
from bled.errors import BledError, PeerError
from bled.gatt.compare_code import CompareCode, commitment, compare_code
from bled.gatt.engagement import Engagement, Entropy, Meeting, OpenMeeting, Resumption
from bled.gatt.handshake_payloads import (
    FEATURES,
    FIRST_VERSION,
    LAST_VERSION,
    NO_VERSION,
    NONCE_BYTES,
    Feature,
    Hs1,
    Hs2,
    check_features,
    check_hello,
    check_opening,
    check_own_limit,
    check_own_message_limit,
    choose_features,
    choose_version,
    decode_hs1,
    decode_hs2,
    frame_limit,
    longest_hs3_message,
    malformed,
    may_open_with,
    split_hs3,
)
from bled.gatt.noise import Initiator, Responder, SplitKeys
from bled.gatt.primitives import KEY_BYTES, X25519Key, is_equal
from bled.gatt.profile import MAX_FRAGMENT_BYTES, MAX_MESSAGE_BYTES
from bled.gatt.secure_channel import SecureChannel


class VersionRefused(PeerError):
    """The till speaks no version that we speak.

    Attributes:
        hs2: send this, then close: it tells the till why. It counts as a try, as any HS2 does.
    """

    def __init__(self, hs1: Hs1, hs2: bytes) -> None:
        self.hs2 = hs2
        super().__init__(Code.HANDSHAKE_VERSION, detail=f"the till speaks {hs1.min_version} to {hs1.max_version}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secured:
    """What a handshake gives each side.

    Attributes:
        channel: seals and opens every message from now on.
        code: to be compared by the two people; None where a secret or a resume replaces it.
        reader_key: the till's static public key, 32 bytes, proven: what the device pins and the till already has.
        session_id: 16 bytes that name the meeting; a resume keeps those of its first handshake.
        resumption: how to go on after a lost link; None when one side cannot.
        version: the protocol's version in use.
        features: the bits in use; no other may be used.
        frame_limit: longest frame that the peer takes, in bytes, 18 to 495.
    """

    channel: SecureChannel
    code: CompareCode | None
    reader_key: bytes
    session_id: bytes
    resumption: Resumption | None
    version: int
    features: Feature
    frame_limit: int


class _Step(Enum):
    FIRST = auto()
    LAST = auto()
    SPENT = auto()


class Reader:
    """The till's side of one handshake."""

    _commitment = staticmethod(commitment)

    def __init__(
        self,
        *,
        static: X25519Key,
        meeting: Meeting,
        message: bytes,
        rx_frag_max: int = MAX_FRAGMENT_BYTES,
        features: Feature = FEATURES,
    ) -> None:
        """Take all that the till will say.

        Args:
            static: the reader's lasting key.
            meeting: open, engaged by the code that this till shows, or resumed.
            message: an encoded OFFER, or on a resume a STATUS; it cannot be changed once HS1 has left.
            rx_frag_max: longest frame that this host can receive, in bytes; 18 to 512.
            features: what this till can do.

        Raises `ValueError` for another message, and for a meeting that belongs to another reader's key.
        """
        if not message or not may_open_with(message, resuming=isinstance(meeting, Resumption)):
            raise ValueError("HS3 carries an OFFER, or on a resume a STATUS")
        if not meeting.is_of(static.public):
            raise ValueError("this engagement or resumption names another reader's key")
        check_own_limit(rx_frag_max)
        self._static = static
        self._meeting = meeting
        self._message = message
        self._rx_frag_max = rx_frag_max
        self._features = features
        self._step = _Step.FIRST

    def start(self, *, entropy: Entropy) -> bytes:
        """Return HS1. Draws 32 bytes (the key e), then 16 (Nm)."""
        self._step = _enter(self._step, _Step.FIRST)
        ephemeral = X25519Key(entropy(KEY_BYTES))
        self._noise = Initiator(static=self._static, ephemeral=ephemeral, psk=self._meeting.psk)
        self._nonce = entropy(NONCE_BYTES)
        self._payload = self._nonce + self._message
        hello = Hs1(
            min_version=FIRST_VERSION,
            max_version=LAST_VERSION,
            features=self._features,
            rx_frag_max=self._rx_frag_max,
            commit=self._commitment(self._nonce, self._static.public, self._payload),
        )
        hs1 = self._noise.write_first(hello.encode())
        self._step = _Step.LAST
        return hs1

    def finish(self, hs2: bytes) -> tuple[bytes, Secured]:
        """Return HS3 and what the till has from now on.

        Raises `PeerError`: `HANDSHAKE_MALFORMED`, `HANDSHAKE_FAILED`, `HANDSHAKE_WEAK_KEY`, `HANDSHAKE_VERSION`,
        `HANDSHAKE_FEATURES`, and `MESSAGE_TOO_LARGE` when the device does not take a message as long as HS3.
        """
        self._step = _enter(self._step, _Step.LAST)
        check_hello(hs2, "HS2")
        answer = decode_hs2(self._noise.read_second(hs2))
        if not FIRST_VERSION <= answer.version <= LAST_VERSION:
            raise malformed(f"version {answer.version} was not offered")
        features = _usable(check_features(answer.features, offered=self._features), self._meeting)
        if answer.max_msg < MAX_MESSAGE_BYTES:  # a STATUS with an invoice may be as long as a message can be
            features &= ~Feature.INVOICE
        if len(self._message) > longest_hs3_message(answer.max_msg):
            raise PeerError(Code.MESSAGE_TOO_LARGE, detail=f"the device takes at most {answer.max_msg} bytes at once")
        hs3, keys = self._noise.write_third(self._payload)
        return hs3, _secured(
            keys,
            meeting=self._meeting,
            channel=SecureChannel(
                send_key=keys.initiator_key, receive_key=keys.responder_key, peer_limit=answer.max_msg
            ),
            nonces=(self._nonce, answer.nonce),
            reader_key=self._static.public,
            version=answer.version,
            features=features,
            rx_frag_max=answer.rx_frag_max,
        )


class Beacon:
    """The buyer's side of one handshake."""

    _commitment = staticmethod(commitment)

    def __init__(
        self,
        *,
        meeting: Meeting,
        rx_frag_max: int = MAX_FRAGMENT_BYTES,
        max_msg: int = MAX_MESSAGE_BYTES,
        features: Feature = FEATURES,
    ) -> None:
        """Take how the device meets the till, and what it can take and do.

        Args:
            meeting: open, engaged by the code that the device read, or resumed; also what it advertises.
            rx_frag_max: longest frame that this host can receive, in bytes; 18 to 512.
            max_msg: longest sealed message that it takes, in bytes; 1285 to 4096.
            features: what this device can do.

        Raises `ValueError` for a limit outside its range.
        """
        check_own_limit(rx_frag_max)
        check_own_message_limit(max_msg)
        self._meeting = meeting
        self._rx_frag_max = rx_frag_max
        self._max_msg = max_msg
        self._features = features
        self._step = _Step.FIRST

    @property
    def frame_limit(self) -> int:
        """Longest frame that the till takes, in bytes; known once `answer` has returned."""
        return frame_limit(self._hello.rx_frag_max)

    def answer(self, hs1: bytes, *, entropy: Entropy) -> bytes:
        """Return HS2. Draws 32 bytes (the key e), then 16 (Nb).

        Raises `PeerError`: `HANDSHAKE_MALFORMED`, `HANDSHAKE_FAILED`, `HANDSHAKE_WEAK_KEY`, `HANDSHAKE_FEATURES`, and
        `VersionRefused`, whose `hs2` is still to be sent.
        """
        self._step = _enter(self._step, _Step.FIRST)
        check_hello(hs1, "HS1")
        self._noise = Responder(ephemeral=X25519Key(entropy(KEY_BYTES)), psk=self._meeting.psk)
        self._hello = decode_hs1(self._noise.read_first(hs1))
        self._nonce = entropy(NONCE_BYTES)
        self._version = choose_version(self._hello)
        if self._version == NO_VERSION:
            raise VersionRefused(self._hello, self._write(Feature(0)))
        self._agreed = _usable(choose_features(self._hello.features, self._features), self._meeting)
        hs2 = self._write(self._agreed)
        self._step = _Step.LAST
        return hs2

    def finish(self, hs3: bytes) -> tuple[bytes, Secured]:
        """Return the till's first message, encoded, and what the device has from now on.

        Raises `PeerError`: `HANDSHAKE_MALFORMED`, `HANDSHAKE_FAILED`, `HANDSHAKE_WEAK_KEY`, `MESSAGE_TOO_LARGE`;
        `COMMITMENT_BROKEN` when HS3 is not what HS1 promised; `READER_MISMATCH` when the till is not the one whose code
        was read, or with which the meeting began; `BAD_STATE` for a message that HS3 may not carry.
        """
        self._step = _enter(self._step, _Step.LAST)
        if len(hs3) > self._max_msg:
            raise PeerError(Code.MESSAGE_TOO_LARGE, detail="HS3 is too long")
        reader_key, payload, keys = self._noise.read_third(hs3)
        reader_nonce, message = split_hs3(payload)
        if not is_equal(self._commitment(reader_nonce, reader_key, payload), self._hello.commit):
            raise PeerError(Code.COMMITMENT_BROKEN, detail="HS3 is not what the till committed to")
        if not self._meeting.is_of(reader_key):
            raise PeerError(Code.READER_MISMATCH, detail=_mismatch(self._meeting))
        check_opening(message, resuming=isinstance(self._meeting, Resumption))
        return message, _secured(
            keys,
            meeting=self._meeting,
            channel=SecureChannel(send_key=keys.responder_key, receive_key=keys.initiator_key, own_limit=self._max_msg),
            nonces=(reader_nonce, self._nonce),
            reader_key=reader_key,
            version=self._version,
            features=self._agreed,
            rx_frag_max=self._hello.rx_frag_max,
        )

    def _write(self, features: Feature) -> bytes:
        answer = Hs2(
            version=self._version,
            features=features,
            rx_frag_max=self._rx_frag_max,
            max_msg=self._max_msg,
            nonce=self._nonce,
        )
        return self._noise.write_second(answer.encode())


def _enter(step: _Step, expected: _Step) -> _Step:
    """Return `SPENT`: whoever fails in a step stays so, and only a first step that ends well opens the last one."""
    if step is not expected:
        raise BledError(Code.INTERNAL, detail="a handshake serves one connection, its steps once and in order")
    return _Step.SPENT


def _usable(features: Feature, meeting: Meeting) -> Feature:
    if isinstance(meeting, Resumption) and Feature.RESUME not in features:
        raise PeerError(Code.HANDSHAKE_FEATURES, detail="a resume with a peer that cannot resume")
    return features


def _mismatch(meeting: Meeting) -> str:
    if isinstance(meeting, Engagement):
        return "the reader's key is not the one in the till's code"
    return "the reader's key is not the one with which the meeting began"


def _secured(
    keys: SplitKeys,
    *,
    meeting: Meeting,
    channel: SecureChannel,
    nonces: tuple[bytes, bytes],
    reader_key: bytes,
    version: int,
    features: Feature,
    rx_frag_max: int,
) -> Secured:
    begun = meeting if isinstance(meeting, Resumption) else _resumption(keys, reader_key)
    return Secured(
        channel=channel,
        code=compare_code(keys.handshake_hash, *nonces) if isinstance(meeting, OpenMeeting) else None,
        reader_key=reader_key,
        session_id=begun.session_id,
        resumption=begun if Feature.RESUME in features else None,
        version=version,
        features=features,
        frame_limit=frame_limit(rx_frag_max),
    )


def _resumption(keys: SplitKeys, reader_key: bytes) -> Resumption:
    return Resumption.of(chaining_key=keys.chaining_key, handshake_hash=keys.handshake_hash, reader_key=reader_key)
