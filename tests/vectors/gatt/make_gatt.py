"""Recipe of handshake.json, refusals.json and engagement.json: with fixed keys and nonces the same files come out.

See `make.py`, which runs it. `test_gatt_vectors.py` holds that the recipe still makes the committed files, and that
`second.py`, which shares no code with ours, makes and refuses the same bytes.

A meeting is open, engaged (secret and fingerprint) or resumed (pre-shared key, reader's key, session id). Entropy is
the ephemeral secret key (32 bytes) followed by the nonce, Nm or Nb (16 bytes). All bytes are in hexadecimal.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bled.errors import PeerError
from bled.gatt.compare_code import commitment, compare_code
from bled.gatt.engagement import Engagement, Meeting, OpenMeeting, Resumption, fingerprint
from bled.gatt.handshake import Beacon, Reader, VersionRefused
from bled.gatt.handshake_payloads import Feature, Hs1, Hs2
from bled.gatt.messages import encode_message
from bled.gatt.noise import Initiator, Responder
from bled.gatt.primitives import X25519Key
from bled.gatt.profile import ADVERTISEMENT, SERVICE_UUID
from bled.gatt.secure_channel import SecureChannel
from bled.gatt.vocabulary import (
    Abort,
    AbortReason,
    ErrorMessage,
    InvreqMessage,
    OfferMessage,
    StatusAck,
    StatusCode,
    StatusMessage,
    Wait,
    WaitReason,
)

FOLDER = Path(__file__).parent


def fixed(name: str, length: int = 32) -> bytes:
    """Return bytes that anybody can make again."""
    return hashlib.sha256(f"bled vector: {name}".encode()).digest()[:length]


STATIC = X25519Key(fixed("reader"))
OTHER_STATIC = X25519Key(fixed("other reader"))
OFFER = encode_message(OfferMessage(valid_for=300, offer=fixed("offer") * 4))
PAID = encode_message(StatusMessage(code=StatusCode.PAID, preimage=fixed("preimage")))
ENGAGEMENT = Engagement(secret=fixed("secret", 16), fingerprint=fingerprint(STATIC.public))
RESUMPTION = Resumption(psk=fixed("resume psk"), reader_key=STATIC.public, session_id=fixed("session", 16))
CONVERSATION = (
    ("device", Wait(reason=WaitReason.USER_DECIDING)),
    ("device", InvreqMessage(request=fixed("request") * 8)),
    ("till", StatusMessage(code=StatusCode.RECEIVED)),
    ("till", Wait(reason=WaitReason.WAITING_FOR_PAYMENT)),
    ("till", StatusMessage(code=StatusCode.PAID, preimage=fixed("preimage"), text="Thank you")),
    ("device", StatusAck(code=StatusCode.PAID)),
    ("till", ErrorMessage(code=14, text="late")),
    ("device", Abort(reason=AbortReason.DONE)),
)


class Script:
    """Entropy from a list: the ephemeral secret key, then the nonce."""

    def __init__(self, name: str) -> None:
        self.parts = [fixed(f"{name} ephemeral"), fixed(f"{name} nonce", 16)]
        self.hex = b"".join(self.parts).hex()
        self._left = list(self.parts)

    def __call__(self, length: int) -> bytes:
        return self._left.pop(0)[:length]


def plain(meeting: Meeting) -> dict[str, str]:
    """Return a meeting as the files write it."""
    match meeting:
        case OpenMeeting():
            return {"kind": "open"}
        case Engagement():
            return {"kind": "engaged", "secret": meeting.secret.hex(), "fingerprint": meeting.fingerprint.hex()}
        case Resumption():
            values = {"psk": meeting.psk, "reader_key": meeting.reader_key, "session_id": meeting.session_id}
            return {"kind": "resumed"} | {name: value.hex() for name, value in values.items()}


def handshake(name: str, meeting: Meeting, message: bytes, *, features: tuple[int, int] = (7, 7)) -> dict[str, Any]:
    """Return one whole handshake and a conversation under its keys."""
    till_entropy, device_entropy = Script(f"{name} till"), Script(f"{name} device")
    reader = Reader(static=STATIC, meeting=meeting, message=message, features=Feature(features[0]), rx_frag_max=495)
    beacon = Beacon(meeting=meeting, features=Feature(features[1]), rx_frag_max=180)
    hs1 = reader.start(entropy=till_entropy)
    hs2 = beacon.answer(hs1, entropy=device_entropy)
    hs3, till = reader.finish(hs2)
    _, device = beacon.finish(hs3)
    keys = Initiator(static=STATIC, ephemeral=X25519Key(till_entropy.parts[0]), psk=meeting.psk)
    keys.write_first(_hello_payload(message, till_entropy, features[0]))
    keys.read_second(hs2)
    _, split = keys.write_third(till_entropy.parts[1] + message)
    resumption = (
        meeting
        if isinstance(meeting, Resumption)
        else Resumption.of(
            chaining_key=split.chaining_key, handshake_hash=split.handshake_hash, reader_key=STATIC.public
        )
    )
    return {
        "name": name,
        "meeting": plain(meeting),
        "till": {"static": STATIC.reveal().hex(), "entropy": till_entropy.hex, "message": message.hex(),
                 "features": features[0], "rx_frag_max": 495},
        "device": {"entropy": device_entropy.hex, "features": features[1], "rx_frag_max": 180, "max_msg": 4096},
        "hs1_payload": _hello_payload(message, till_entropy, features[0]).hex(),
        "hs1": hs1.hex(),
        "hs2": hs2.hex(),
        "hs3": hs3.hex(),
        "features": int(till.features),
        "results": {
            "handshake_hash": split.handshake_hash.hex(),
            "chaining_key": split.chaining_key.hex(),
            "reader_key": STATIC.public.hex(),
            "compare_code": device.code,
            "session_id": device.session_id.hex(),
            "initiator_key": split.initiator_key.hex(),
            "responder_key": split.responder_key.hex(),
            "resume_psk": resumption.psk.hex(),
            "resume_uuid": str(resumption.uuid),
        },
        "conversation": list(_conversation(till.channel, device.channel)),
    }  # fmt: skip


def _hello_payload(message: bytes, entropy: Script, features: int) -> bytes:
    nonce = entropy.parts[1]
    commit = commitment(nonce, STATIC.public, nonce + message)
    return Hs1(min_version=1, max_version=1, features=features, rx_frag_max=495, commit=commit).encode()


def _conversation(till: SecureChannel, device: SecureChannel) -> Iterator[dict[str, str]]:
    for sender, message in CONVERSATION:
        encoded = encode_message(message)
        sealed = (till if sender == "till" else device).seal(encoded)
        yield {"from": sender, "message": encoded.hex(), "sealed": sealed.hex()}


def hs1(*, meeting: Meeting | None = None, room: bytes = b"", ephemeral: Any = None, **changes: Any) -> bytes:
    """Return an HS1 of a till that says what it likes."""
    fields = {"min_version": 1, "max_version": 1, "features": 7, "rx_frag_max": 495, "commit": bytes(32)}
    noise = Initiator(
        static=STATIC,
        ephemeral=ephemeral or X25519Key(fixed("false till ephemeral")),
        psk=(meeting or OpenMeeting()).psk,
    )
    return noise.write_first(Hs1(**fields | changes).encode() + room)


def later_hellos() -> Iterator[dict[str, Any]]:
    """Yield HS1 of tills that know more than this version, and what a device answers."""
    cases = {
        "also a later version": hs1(max_version=2),
        "octets after the fields": hs1(room=b"later"),
        "features of later versions": hs1(features=0xFFFFFFFF),
        "longer frames than there are": hs1(rx_frag_max=65535),
        "256 bytes": hs1(room=bytes(256 - 88)),
    }
    for name, first in cases.items():
        entropy = Script(f"device that hears of {name}")
        answer = Beacon(meeting=OpenMeeting()).answer(first, entropy=entropy)
        yield {
            "name": name, "meeting": plain(OpenMeeting()), "entropy": entropy.hex, "hs1": first.hex(),
            "hs2": answer.hex(),
        }  # fmt: skip


class Point:
    """In place of a key: a point of small order."""

    def __init__(self, public: str) -> None:
        self.public = bytes.fromhex(public)

    def exchange(self, public: bytes) -> bytes:
        """Return what any key makes of it."""
        return bytes(32)


def flipped(data: bytes, byte: int) -> bytes:
    """Return the data with one bit changed."""
    return data[:byte] + bytes([data[byte] ^ 1]) + data[byte + 1 :]


def device_refusals() -> Iterator[dict[str, Any]]:
    """Yield what a device refuses of HS1 and of HS3."""
    good = hs1()
    weak = Point("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")
    firsts: list[tuple[str, Meeting, bytes]] = [
        ("a bit of the key flipped", OpenMeeting(), flipped(good, 0)),
        ("a bit of the payload flipped", OpenMeeting(), flipped(good, 40)),
        ("a bit of the tag flipped", OpenMeeting(), flipped(good, 87)),
        ("cut short", OpenMeeting(), good[:47]),
        ("cut inside the tag", OpenMeeting(), good[:87]),
        ("empty", OpenMeeting(), b""),
        ("257 bytes", OpenMeeting(), hs1(room=bytes(257 - 88))),
        ("zero key towards an engaged device", ENGAGEMENT, good),
        ("zero key towards a device that resumes", RESUMPTION, good),
        ("engaged key towards an open device", OpenMeeting(), hs1(meeting=ENGAGEMENT)),
        ("versions from 0", OpenMeeting(), hs1(min_version=0)),
        ("versions that end before they begin", OpenMeeting(), hs1(min_version=2)),
        ("only later versions", OpenMeeting(), hs1(min_version=2, max_version=5)),
        ("frames of 17 bytes", OpenMeeting(), hs1(rx_frag_max=17)),
        ("no compare code", OpenMeeting(), hs1(features=6)),
        ("a resume without the feature", RESUMPTION, hs1(meeting=RESUMPTION, features=3)),
        ("an ephemeral key of small order", OpenMeeting(), hs1(ephemeral=weak)),
        ("an ephemeral key of zero", OpenMeeting(), hs1(ephemeral=Point("00" * 32))),
    ]
    for name, meeting, data in firsts:
        yield device_refusal(f"HS1: {name}", meeting, data)
    yield from late_device_refusals(weak)


def late_device_refusals(weak: Point) -> Iterator[dict[str, Any]]:
    """Yield what a device refuses of HS3, after a good HS1."""
    payload = fixed("false till nonce", 16) + OFFER
    status, wait = payload[:16] + PAID, payload[:16] + encode_message(Wait(reason=WaitReason.SIGNING))
    thirds: list[tuple[str, Meeting, Any, bytes, bytes, Callable[[bytes], bytes]]] = [
        ("another nonce than promised", OpenMeeting(), STATIC, payload, flipped(payload, 0), bytes),
        ("another offer than promised", OpenMeeting(), STATIC, payload, flipped(payload, 40), bytes),
        ("one byte more than promised", OpenMeeting(), STATIC, payload, payload + b"\0", bytes),
        ("one byte less than promised", OpenMeeting(), STATIC, payload, payload[:-1], bytes),
        ("no message", OpenMeeting(), STATIC, payload[:16], payload[:16], bytes),
        ("half a nonce", OpenMeeting(), STATIC, payload[:8], payload[:8], bytes),
        ("a status to a stranger", OpenMeeting(), STATIC, status, status, bytes),
        ("a status to an engaged device", ENGAGEMENT, STATIC, status, status, bytes),
        ("a wait on a resume", RESUMPTION, STATIC, wait, wait, bytes),
        ("another reader than the engagement names", ENGAGEMENT, OTHER_STATIC, payload, payload, bytes),
        ("another reader than the meeting began with", RESUMPTION, OTHER_STATIC, payload, payload, bytes),
        ("a static key of small order", OpenMeeting(), weak, payload, payload, bytes),
        ("a bit of the static key flipped", OpenMeeting(), STATIC, payload, payload, lambda data: flipped(data, 0)),
        ("a bit of the payload flipped", OpenMeeting(), STATIC, payload, payload, lambda data: flipped(data, 60)),
        ("cut short", OpenMeeting(), STATIC, payload, payload, lambda data: data[:63]),
        ("the last byte cut", OpenMeeting(), STATIC, payload, payload, lambda data: data[:-1]),
        ("4097 bytes", OpenMeeting(), STATIC, payload, payload, lambda data: data + bytes(4097 - len(data))),
    ]  # fmt: skip
    for name, meeting, static, promised, said, change in thirds:
        false = Initiator(static=static, ephemeral=X25519Key(fixed("false till ephemeral")), psk=meeting.psk)
        commit = commitment(promised[:16], static.public, promised)
        first = Hs1(min_version=1, max_version=1, features=7, rx_frag_max=495, commit=commit)
        data = false.write_first(first.encode())
        false.read_second(Beacon(meeting=meeting).answer(data, entropy=Script("refusing device")))
        yield device_refusal(f"HS3: {name}", meeting, data, change(false.write_third(said)[0]))
    promised = fixed("false till nonce", 16) + OFFER
    first = hs1(commit=commitment(promised[:16], STATIC.public, promised))
    yield device_refusal("HS3: sealed by nobody", OpenMeeting(), first, bytes(200))
    yield device_refusal("HS3: HS1 again", OpenMeeting(), first, first)


def device_refusal(name: str, meeting: Meeting, first: bytes, third: bytes | None = None) -> dict[str, Any]:
    """Return what a device refuses, and with which outcome."""
    entropy = Script("refusing device")
    made: dict[str, Any] = {
        "name": name, "meeting": plain(meeting), "entropy": entropy.hex, "hs1": first.hex(), "hs2": None,
        "hs3": None if third is None else third.hex(),
    }  # fmt: skip
    beacon = Beacon(meeting=meeting)
    try:
        made["hs2"] = beacon.answer(first, entropy=entropy).hex()
        beacon.finish(third or b"")
    except PeerError as error:
        if isinstance(error, VersionRefused):
            made["hs2"] = error.hs2.hex()
        return made | {"code": error.code.value}
    raise ValueError(name)


def till_refusals() -> Iterator[dict[str, Any]]:
    """Yield what a till refuses of HS2."""
    echo = Reader(static=STATIC, meeting=OpenMeeting(), message=OFFER).start(entropy=Script("refusing till"))
    plain_hs2 = {"version": 1, "features": 7, "rx_frag_max": 495, "max_msg": 4096, "nonce": fixed("false Nb", 16)}
    cases: list[tuple[str, dict[str, Any], Callable[[bytes], bytes]]] = [
        ("version 0", {"version": 0}, bytes),
        ("version 2", {"version": 2}, bytes),
        ("a feature that was not offered", {"features": 15}, bytes),
        ("an unnamed feature that was not offered", {"features": 1 << 31 | 7}, bytes),
        ("no compare code", {"features": 6}, bytes),
        ("frames of 17 bytes", {"rx_frag_max": 17}, bytes),
        ("messages of 1284 bytes", {"max_msg": 1284}, bytes),
        ("a bit of the key flipped", {}, lambda data: flipped(data, 0)),
        ("a bit of the payload flipped", {}, lambda data: flipped(data, 40)),
        ("the last byte cut", {}, lambda data: data[:-1]),
        ("cut short", {}, lambda data: data[:47]),
        ("empty", {}, lambda _: b""),
        ("257 bytes", {}, lambda data: data + bytes(257 - len(data))),
        ("HS1 sent back", {}, lambda _: echo),
    ]
    for name, changes, change in cases:
        yield till_refusal(name, lambda said=plain_hs2 | changes: Hs2(**said), change=change)
    weak = Point("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")
    yield till_refusal("an ephemeral key of small order", lambda: Hs2(**plain_hs2), ephemeral=weak)
    yield till_refusal("the zero key towards an engaged till", lambda: Hs2(**plain_hs2), meeting=ENGAGEMENT)
    long = OFFER + bytes(1285 - 80 + 1 - len(OFFER))
    short = Hs2(**plain_hs2 | {"max_msg": 1285})
    yield till_refusal("a longest message below HS3", lambda: short, message=long)


def till_refusal(
    name: str,
    said: Callable[[], Hs2],
    *,
    change: Callable[[bytes], bytes] = bytes,
    ephemeral: Any = None,
    meeting: Meeting | None = None,
    message: bytes = OFFER,
) -> dict[str, Any]:
    """Return what a till refuses, and with which outcome; the device answers an HS1 under the zero key."""
    entropy = Script("refusing till")
    reader = Reader(static=STATIC, meeting=meeting or OpenMeeting(), message=message)
    first = reader.start(entropy=entropy)
    false = Responder(ephemeral=ephemeral or X25519Key(fixed("false device ephemeral")), psk=bytes(32))
    heard = (
        first
        if meeting is None
        else Reader(static=STATIC, meeting=OpenMeeting(), message=OFFER).start(entropy=Script("refusing till"))
    )
    false.read_first(heard)
    second = change(false.write_second(said().encode()))
    try:
        reader.finish(second)
    except PeerError as error:
        return {
            "name": f"HS2: {name}", "meeting": plain(meeting or OpenMeeting()), "static": STATIC.reveal().hex(),
            "entropy": entropy.hex, "message": message.hex(), "hs1": first.hex(), "hs2": second.hex(),
            "code": error.code.value,
        }  # fmt: skip
    raise ValueError(name)


def channel_refusals() -> Iterator[dict[str, Any]]:
    """Yield what a channel refuses after it has opened some messages."""
    sealer = SecureChannel(send_key=fixed("channel"), receive_key=fixed("back"))
    first, second, third = (sealer.seal(text) for text in (b"first", b"second", b"third"))
    cases = [
        ("a bit flipped", [], flipped(first, 0)),
        ("a bit of the tag flipped", [first], flipped(second, len(second) - 1)),
        ("cut", [], first[:-1]),
        ("longer", [], first + b"\0"),
        ("shorter than a tag", [], first[:15]),
        ("empty", [], b""),
        ("repeated", [first], first),
        ("repeated later", [first, second], first),
        ("one left out", [first], third),
        ("of the other direction", [], SecureChannel(send_key=fixed("back"), receive_key=fixed("channel")).seal(b"me")),
    ]
    for name, before, data in cases:
        channel = SecureChannel(send_key=fixed("back"), receive_key=fixed("channel"))
        for good in before:
            channel.open(good)
        try:
            channel.open(data)
        except PeerError as error:
            opened = [good.hex() for good in before]
            key = fixed("channel").hex()
            yield {"name": name, "key": key, "opened": opened, "refused": data.hex(), "code": error.code.value}


def engagements() -> Iterator[dict[str, str]]:
    """Yield codes of tills with all that follows from them."""
    extremes = [("zeros", bytes(16)), ("ones", b"\xff" * 16), ("a secret", fixed("secret", 16))]
    for name, secret in extremes:
        made = Engagement.create(STATIC.public, entropy=lambda length, secret=secret: secret[:length])
        yield {
            "name": name, "secret": secret.hex(), "reader_key": STATIC.public.hex(),
            "fingerprint": made.fingerprint.hex(), "text": made.format(), "psk": made.psk.hex(),
            "uuid": str(made.uuid), "advertisement": (bytes.fromhex("0201061107") + made.uuid.bytes[::-1]).hex(),
        }  # fmt: skip


def bad_texts() -> list[str]:
    """Return texts that are no codes of a till."""
    good = ENGAGEMENT.format()
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(good[-1])
    spelled = good[:-1] + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last | 1]
    return [
        "", "bled1:", good[:-1], good + "A", good + "=", good[6:], "BLED1" + good[5:], "bled2" + good[5:],
        good.replace(":", "://"), good[:20] + "+" + good[21:], good[:20] + " " + good[21:], spelled,
    ]  # fmt: skip


def codes() -> Iterator[dict[str, str]]:
    """Yield compare codes, among them some with leading zeros."""
    wanted = {"": 2, "0": 1, "00": 1, "000": 1}
    for number in range(100_000):
        h, nm, nb = fixed(f"h {number}"), fixed(f"Nm {number}", 16), fixed(f"Nb {number}", 16)
        code = compare_code(h, nm, nb)
        zeros = code[: len(code) - len(code.lstrip("0"))]
        if wanted.get(zeros):
            wanted[zeros] -= 1
            yield {"handshake_hash": h.hex(), "nm": nm.hex(), "nb": nb.hex(), "code": code}
        if not any(wanted.values()):
            return


def make() -> dict[str, dict[str, Any]]:
    """Return the content of each file by its name."""
    return {
        "handshake.json": {
            "about": "Whole handshakes with fixed keys, and what is sealed under the keys that they make.",
            "protocol": "Noise_XNpsk0_25519_ChaChaPoly_SHA256", "prologue": b"bled1".hex(),
            "handshakes": [
                handshake("open", OpenMeeting(), OFFER),
                handshake("engaged", ENGAGEMENT, OFFER),
                handshake("resumed with the offer", RESUMPTION, OFFER),
                handshake("resumed with a status", RESUMPTION, PAID),
                handshake("open, without resume", OpenMeeting(), OFFER, features=(3, 5)),
            ],
            "compare_codes": list(codes()), "later": list(later_hellos()),
        },
        "refusals.json": {
            "about": "What each side refuses, and the outcome; with HS3 absent it is HS1 that is refused.",
            "device": list(device_refusals()), "till": list(till_refusals()), "channel": list(channel_refusals()),
        },
        "engagement.json": {
            "about": "Codes of tills: text, key, service UUID and advertisement; texts that are none; the open beacon.",
            "engagements": list(engagements()), "bad_texts": bad_texts(),
            "open": {"uuid": str(SERVICE_UUID), "advertisement": ADVERTISEMENT.hex()},
        },
    }  # fmt: skip


def text(content: dict[str, Any]) -> str:
    """Return a file's text."""
    return json.dumps(content, indent=1) + "\n"
