"""Recipe of refusals.json: what each side refuses in the handshake, and what a channel does not open. See `make.py`.

`test_gatt_vectors.py` holds that our code and `second.py`, which shares no code with it, refuse the same bytes.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bled.errors import PeerError
from bled.gatt.compare_code import commitment
from bled.gatt.engagement import Meeting, OpenMeeting
from bled.gatt.handshake import Beacon, Reader, VersionRefused
from bled.gatt.handshake_payloads import Hs1, Hs2
from bled.gatt.messages import encode_message
from bled.gatt.noise import CipherState, Initiator, Responder
from bled.gatt.primitives import X25519Key
from bled.gatt.secure_channel import SecureChannel
from bled.gatt.vocabulary import Wait, WaitReason

from .make_gatt import ENGAGEMENT, OFFER, OTHER_STATIC, PAID, RESUMPTION, STATIC, Script, fixed, hs1, plain, text

__all__ = ["FOLDER", "make", "text"]

FOLDER = Path(__file__).parent


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
        ("a payload of 39 octets", OpenMeeting(), hs1(cut=39)),
        ("no payload", OpenMeeting(), hs1(cut=0)),
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
    again = hs1(
        ephemeral=X25519Key(fixed("another ephemeral")), commit=commitment(promised[:16], STATIC.public, promised)
    )
    yield device_refusal("HS3: another HS1", OpenMeeting(), first, again)
    yield from _above_max_msg()


def _above_max_msg() -> Iterator[dict[str, Any]]:
    """Yield an HS3 that is one octet longer than a device takes which takes less than the most."""
    for limit in (1285, 4095):
        message = OFFER + bytes(limit + 1 - 80 - len(OFFER))
        promised = fixed("false till nonce", 16) + message
        false = Initiator(static=STATIC, ephemeral=X25519Key(fixed("false till ephemeral")), psk=bytes(32))
        commit = commitment(promised[:16], STATIC.public, promised)
        first = false.write_first(
            Hs1(min_version=1, max_version=1, features=7, rx_frag_max=495, commit=commit).encode()
        )
        false.read_second(Beacon(meeting=OpenMeeting(), max_msg=limit).answer(first, entropy=Script("refusing device")))
        third, _ = false.write_third(promised)
        yield device_refusal(
            f"HS3: {limit + 1} octets to a device that takes {limit}", OpenMeeting(), first, third, limit
        )


def device_refusal(
    name: str, meeting: Meeting, first: bytes, third: bytes | None = None, max_msg: int = 4096
) -> dict[str, Any]:
    """Return what a device refuses, and with which outcome."""
    entropy = Script("refusing device")
    made: dict[str, Any] = {
        "name": name, "meeting": plain(meeting), "entropy": entropy.hex, "hs1": first.hex(), "hs2": None,
        "hs3": None if third is None else third.hex(), **({} if max_msg == 4096 else {"max_msg": max_msg}),
    }  # fmt: skip
    beacon = Beacon(meeting=meeting, max_msg=max_msg)
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
        ("what is no HS2 at all", {}, lambda _: fixed("noise") * 3),
    ]
    for name, changes, change in cases:
        yield till_refusal(name, lambda said=plain_hs2 | changes: Hs2(**said), change=change)
    weak = Point("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")
    yield till_refusal("an ephemeral key of small order", lambda: Hs2(**plain_hs2), ephemeral=weak)
    yield till_refusal("the zero key towards an engaged till", lambda: Hs2(**plain_hs2), meeting=ENGAGEMENT)
    long = OFFER + bytes(1285 - 80 + 1 - len(OFFER))
    short = Hs2(**plain_hs2 | {"max_msg": 1285})
    yield till_refusal("a longest message below HS3", lambda: short, message=long)
    longest = OFFER + bytes(4097 - 80 - len(OFFER))
    roomy = Hs2(**plain_hs2 | {"max_msg": 65535})
    yield till_refusal("HS3 of 4097 octets, whatever the device takes", lambda: roomy, message=longest)
    yield till_refusal("a payload of 24 octets", lambda: Hs2(**plain_hs2), cut=24)
    yield till_refusal("no payload", lambda: Hs2(**plain_hs2), cut=0)
    other = Reader(static=STATIC, meeting=OpenMeeting(), message=OFFER).start(entropy=Script("another till"))
    yield till_refusal("the answer to another HS1", lambda: Hs2(**plain_hs2), heard=other)


def till_refusal(
    name: str,
    said: Callable[[], Hs2],
    *,
    change: Callable[[bytes], bytes] = bytes,
    ephemeral: Any = None,
    meeting: Meeting | None = None,
    message: bytes = OFFER,
    cut: int | None = None,
    heard: bytes | None = None,
) -> dict[str, Any]:
    """Return what a till refuses, and with which outcome; the device answers an HS1 under the zero key.

    `cut` is how many octets of the payload are said, `heard` an HS1 that the device answers in place of the till's.
    """
    entropy = Script("refusing till")
    reader = Reader(static=STATIC, meeting=meeting or OpenMeeting(), message=message)
    first = reader.start(entropy=entropy)
    false = Responder(ephemeral=ephemeral or X25519Key(fixed("false device ephemeral")), psk=bytes(32))
    if meeting is not None:
        heard = Reader(static=STATIC, meeting=OpenMeeting(), message=OFFER).start(entropy=Script("refusing till"))
    false.read_first(heard or first)
    second = change(false.write_second(said().encode()[:cut]))
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
        yield channel_refusal(name, before, data)
    for limit in (1285, 4096):
        sealer = SecureChannel(send_key=fixed("channel"), receive_key=fixed("back"))
        longest = sealer.seal(bytes(limit - 16))
        one_more = CipherState(fixed("channel"))
        one_more.encrypt(bytes(limit - 16))
        too_long = one_more.encrypt(bytes(limit - 15))
        yield channel_refusal(f"{limit + 1} octets where {limit} are taken", [longest], too_long, limit)


def channel_refusal(name: str, before: list[bytes], data: bytes, max_msg: int = 4096) -> dict[str, Any]:
    """Return what a channel refuses after it has opened some messages, and with which outcome."""
    channel = SecureChannel(send_key=fixed("back"), receive_key=fixed("channel"), own_limit=max_msg)
    for good in before:
        channel.open(good)
    limit = {} if max_msg == 4096 else {"max_msg": max_msg}
    try:
        channel.open(data)
    except PeerError as error:
        opened = [good.hex() for good in before]
        return {"name": name, "key": fixed("channel").hex(), **limit, "opened": opened, "refused": data.hex(),
                "code": error.code.value}  # fmt: skip
    raise ValueError(name)


def make() -> dict[str, dict[str, Any]]:
    """Return the content of each file by its name."""
    return {
        "refusals.json": {
            "about": "What each side refuses, and the outcome; with HS3 absent it is HS1 that is refused.",
            "device": list(device_refusals()), "till": list(till_refusals()), "channel": list(channel_refusals()),
        },
    }  # fmt: skip
