"""Recipe of handshake.json and engagement.json: with fixed keys and nonces the same files come out.

See `make.py`, which runs it. `test_gatt_vectors.py` holds that the recipe still makes the committed files, and that
`second.py`, which shares no code with ours, makes and refuses the same bytes.

A meeting is open, engaged (secret and fingerprint) or resumed (pre-shared key, reader's key, session id). Entropy is
the ephemeral secret key (32 bytes) followed by the nonce, Nm or Nb (16 bytes). All bytes are in hexadecimal.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bled.gatt.compare_code import commitment, compare_code
from bled.gatt.engagement import Engagement, Meeting, OpenMeeting, Resumption, fingerprint
from bled.gatt.handshake import Beacon, Reader
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


NO_WHITE_SPACE = "\v\f\x1c\x85\xa0\u2003\u2028\u3000\ufeff\u200b"
"""What other programs may take for white space, and this profile does not."""


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


def long_offer(octets: int) -> bytes:
    """Return a message that makes HS3 so long; what it says is not the handshake's business."""
    return OFFER + bytes(octets - 80 - len(OFFER))


def handshake(
    name: str, meeting: Meeting, message: bytes, *, features: tuple[int, int] = (7, 7), max_msg: int = 4096
) -> dict[str, Any]:
    """Return one whole handshake and a conversation under its keys."""
    till_entropy, device_entropy = Script(f"{name} till"), Script(f"{name} device")
    reader = Reader(static=STATIC, meeting=meeting, message=message, features=Feature(features[0]), rx_frag_max=495)
    beacon = Beacon(meeting=meeting, features=Feature(features[1]), rx_frag_max=180, max_msg=max_msg)
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
        "device": {"entropy": device_entropy.hex, "features": features[1], "rx_frag_max": 180, "max_msg": max_msg},
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


def hs1(
    *, meeting: Meeting | None = None, room: bytes = b"", cut: int | None = None, ephemeral: Any = None, **changes: Any
) -> bytes:
    """Return an HS1 of a till that says what it likes: with `room` after the fields, or with `cut` of their octets."""
    fields = {"min_version": 1, "max_version": 1, "features": 7, "rx_frag_max": 495, "commit": bytes(32)}
    noise = Initiator(
        static=STATIC,
        ephemeral=ephemeral or X25519Key(fixed("false till ephemeral")),
        psk=(meeting or OpenMeeting()).psk,
    )
    return noise.write_first((Hs1(**fields | changes).encode() + room)[:cut])


def later_hellos() -> Iterator[dict[str, Any]]:
    """Yield HS1 of tills that know more than this version, what a device answers, and the HS3 that it takes then."""
    cases: dict[str, dict[str, Any]] = {
        "also a later version": {"max_version": 2},
        "octets after the fields": {"room": b"later"},
        "features of later versions": {"features": 0xFFFFFFFF},
        "longer frames than there are": {"rx_frag_max": 65535},
        "frames of 18 octets": {"rx_frag_max": 18},
        "256 bytes": {"room": bytes(256 - 88)},
    }
    payload = fixed("later till nonce", 16) + OFFER
    for name, says in cases.items():
        entropy = Script(f"device that hears of {name}")
        noise = Initiator(static=STATIC, ephemeral=X25519Key(fixed("later till ephemeral")), psk=bytes(32))
        fields = {"min_version": 1, "max_version": 1, "features": 7, "rx_frag_max": 495}
        commit = commitment(payload[:16], STATIC.public, payload)
        room = says.pop("room", b"")
        first = noise.write_first(Hs1(**fields | says, commit=commit).encode() + room)
        beacon = Beacon(meeting=OpenMeeting())
        answer = beacon.answer(first, entropy=entropy)
        noise.read_second(answer)
        third, _ = noise.write_third(payload)
        message, secured = beacon.finish(third)
        yield {
            "name": name, "meeting": plain(OpenMeeting()), "entropy": entropy.hex, "hs1": first.hex(),
            "hs2": answer.hex(), "hs3": third.hex(), "message": message.hex(), "compare_code": secured.code,
            "rx_frag_max": secured.frame_limit,
        }  # fmt: skip


def later_answers() -> Iterator[dict[str, Any]]:
    """Yield HS2 of devices that know more or take less than this program's, and what a till makes of them."""
    plain_hs2 = {"version": 1, "features": 7, "rx_frag_max": 495, "max_msg": 4096, "nonce": fixed("Nb", 16)}
    cases: dict[str, tuple[dict[str, int], int]] = {
        "octets after the fields": ({}, 12),
        "256 octets": ({}, 256 - 73),
        "longer frames than there are": ({"rx_frag_max": 65535}, 0),
        "frames of 18 octets": ({"rx_frag_max": 18}, 0),
        "longer messages than there are": ({"max_msg": 65535}, 0),
        "messages of 4095 octets": ({"max_msg": 4095}, 0),
        "messages of 1285 octets": ({"max_msg": 1285}, 0),
        "fewer features": ({"features": 1}, 0),
    }
    for name, (changes, room) in cases.items():
        entropy = Script(f"till that hears of {name}")
        reader = Reader(static=STATIC, meeting=OpenMeeting(), message=OFFER)
        first = reader.start(entropy=entropy)
        noise = Responder(ephemeral=X25519Key(fixed("device ephemeral")), psk=bytes(32))
        noise.read_first(first)
        second = noise.write_second(Hs2(**plain_hs2 | changes).encode() + bytes(range(room)))
        third, secured = reader.finish(second)
        yield {
            "name": name, "meeting": plain(OpenMeeting()), "static": STATIC.reveal().hex(), "entropy": entropy.hex,
            "message": OFFER.hex(), "hs1": first.hex(), "hs2": second.hex(), "hs3": third.hex(),
            "compare_code": secured.code, "rx_frag_max": secured.frame_limit,
            "may_send_invoice": Feature.INVOICE in secured.features, "may_resume": secured.resumption is not None,
        }  # fmt: skip


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


def texts() -> list[str]:
    """Return texts that are the code of the last of the engagements, with white space around it."""
    good = ENGAGEMENT.format()
    return [
        f"{before}{good}{after}" for before, after in (("", ""), (" ", ""), ("", "\n"), ("\t ", "\r\n"), ("\n\n", " "))
    ]


def bad_texts() -> list[str]:
    """Return texts that are no codes of a till."""
    good = ENGAGEMENT.format()
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(good[-1])
    spelled = good[:-1] + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last | 1]
    return [
        "", "bled1:", good[:-1], good + "A", good + "=", good[6:], "BLED1" + good[5:], "bled2" + good[5:],
        good.replace(":", "://"), good[:20] + "+" + good[21:], good[:20] + " " + good[21:], spelled,
        good[:6] + " " + good[6:], good[:20] + "\n" + good[20:], f"{good} {good}", "\0" + good,
        *(f"{good}{white}" for white in NO_WHITE_SPACE), *(f"{white}{good}" for white in NO_WHITE_SPACE),
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
                handshake("open, a message of one octet", OpenMeeting(), OFFER[:1]),
                handshake("open, HS3 of 1285 octets", OpenMeeting(), long_offer(1285), features=(5, 5), max_msg=1285),
                handshake("open, HS3 of 4096 octets", OpenMeeting(), long_offer(4096)),
            ],
            "compare_codes": list(codes()), "later": list(later_hellos()),
            "later_answers": list(later_answers()),
        },
        "engagement.json": {
            "about": "Codes of tills: text, key, service UUID and advertisement; texts that are none; the open beacon.",
            "engagements": list(engagements()), "texts": texts(), "bad_texts": bad_texts(),
            "open": {"uuid": str(SERVICE_UUID), "advertisement": ADVERTISEMENT.hex()},
        },
    }  # fmt: skip


def text(content: dict[str, Any]) -> str:
    """Return a file's text."""
    return json.dumps(content, indent=1) + "\n"
