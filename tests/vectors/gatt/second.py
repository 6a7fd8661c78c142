"""A second implementation of the secure channel, from the text of the profile alone, on noiseprotocol.

It imports nothing of bled. Meetings, refusals and results are those of the vector files: plain dictionaries and names.
Time, frames and what the messages say are not its business.
"""

import base64
import hashlib
import hmac
import re
import struct
import uuid
import warnings
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from noise.connection import Keypair, NoiseConnection

PROTOCOL = b"Noise_XNpsk0_25519_ChaChaPoly_SHA256"
COMPARE_CODE, RESUME = 1, 4
OFFER, STATUS = 0x10, 0x14


class Refusal(Exception):
    """The handshake ends here; the name is that of the outcome."""

    def __init__(self, name: str, reply: bytes = b"") -> None:
        self.name, self.reply = name, reply
        super().__init__(name)


def hkdf(secret: bytes, info: bytes, length: int, salt: bytes = b"") -> bytes:
    """HKDF-SHA256 of at most 32 bytes."""
    key = hmac.digest(salt or bytes(32), secret, "sha256")
    return hmac.digest(key, info + b"\x01", "sha256")[:length]


def session_uuid(secret: bytes) -> str:
    """The UUID of those who know the secret."""
    number = int.from_bytes(hkdf(secret, b"bled1 uuid", 16), "big")
    number = number & ~(0xF << 76) | 8 << 76
    number = number & ~(3 << 62) | 2 << 62
    return str(uuid.UUID(int=number))


def advertisement(service: str) -> bytes:
    """Flags and one 128-bit service UUID, little endian."""
    return bytes.fromhex("0201061107") + bytes(reversed(uuid.UUID(service).bytes))


def read_engagement(text: str) -> dict[str, Any]:
    """The meeting that a till's code asks for."""
    text = text.strip(" \t\r\n")
    if not re.fullmatch(r"bled1:[A-Za-z0-9_-]{43}", text):
        raise Refusal("engagement-bad")
    data = base64.urlsafe_b64decode(text[6:] + "=")
    if base64.urlsafe_b64encode(data).decode() != text[6:] + "=":
        raise Refusal("engagement-bad")
    return {"kind": "engaged", "secret": data[:16].hex(), "fingerprint": data[16:].hex()}


def psk_of(meeting: dict[str, Any]) -> bytes:
    """The pre-shared key."""
    match meeting["kind"]:
        case "open":
            return bytes(32)
        case "engaged":
            return hkdf(bytes.fromhex(meeting["secret"]), b"bled1 psk", 32)
        case kind:
            if kind != "resumed" or meeting["psk"] == bytes(32).hex():
                raise ValueError(kind)
            return bytes.fromhex(meeting["psk"])


def commitment(static: bytes, payload: bytes) -> bytes:
    """What HS1 says of HS3."""
    return hashlib.sha256(b"bled1 commit" + payload[:16] + static + payload).digest()


def compare_code(handshake_hash: bytes, nm: bytes, nb: bytes) -> str:
    """Six digits."""
    digest = hashlib.sha256(b"bled1 sas" + handshake_hash + nm + nb).digest()
    return str(struct.unpack(">I", digest[:4])[0] % 1_000_000).rjust(6, "0")


@dataclass(kw_only=True)
class Side:
    """What both sides share. `ephemeral` and `nonce` are drawn anew for every handshake."""

    meeting: dict[str, Any]
    ephemeral: bytes
    nonce: bytes
    static: bytes = b""
    message: bytes = b""
    features: int = 7
    rx_frag_max: int = 495
    max_msg: int = 4096
    _noise: NoiseConnection = field(init=False)
    _symmetric: Any = field(init=False)
    _handshake: Any = field(init=False)

    def _begin(self, *, initiator: bool) -> None:
        self._noise = NoiseConnection.from_name(PROTOCOL)
        self._noise.set_psks(psk=psk_of(self.meeting))
        self._noise.set_prologue(b"bled1")
        self._noise.set_keypair_from_private_bytes(Keypair.EPHEMERAL, self.ephemeral)
        if initiator:
            self._noise.set_as_initiator()
            self._noise.set_keypair_from_private_bytes(Keypair.STATIC, self.static)
        else:
            self._noise.set_as_responder()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of an ephemeral key that is given: that is the purpose here
            self._noise.start_handshake()
        self._handshake = self._noise.noise_protocol.handshake_state
        self._symmetric = self._noise.noise_protocol.symmetric_state

    def _read(self, message: bytes, *, least: int, most: int) -> bytes:
        if not least <= len(message) <= most:
            raise Refusal("handshake-malformed")
        try:
            return bytes(self._noise.read_message(message))
        except InvalidTag:
            raise Refusal("handshake-failed") from None
        except ValueError:
            raise Refusal("handshake-weak-key") from None

    def _write(self, payload: bytes) -> bytes:
        try:
            return bytes(self._noise.write_message(payload))
        except ValueError:
            raise Refusal("handshake-weak-key") from None

    @property
    def resuming(self) -> bool:
        return self.meeting["kind"] == "resumed"

    def _agree(self, features: int) -> None:
        if not features & COMPARE_CODE or (self.resuming and not features & RESUME):
            raise Refusal("handshake-features")

    def _results(self, *, nm: bytes, nb: bytes, reader_key: bytes, initiator: bool) -> dict[str, Any]:
        h, ck = bytes(self._noise.get_handshake_hash()), bytes(self._symmetric.ck)
        ours = self._noise.noise_protocol.cipher_state_encrypt.k
        theirs = self._noise.noise_protocol.cipher_state_decrypt.k
        resumed = self.meeting if self.resuming else None
        resume_psk = bytes.fromhex(resumed["psk"]) if resumed else hkdf(ck, b"bled1 resume", 32, salt=h)
        return {
            "handshake_hash": h.hex(),
            "chaining_key": ck.hex(),
            "reader_key": reader_key.hex(),
            "compare_code": compare_code(h, nm, nb) if self.meeting["kind"] == "open" else None,
            "session_id": resumed["session_id"] if resumed else h[:16].hex(),
            "initiator_key": (ours if initiator else theirs).hex(),
            "responder_key": (theirs if initiator else ours).hex(),
            "resume_psk": resume_psk.hex(),
            "resume_uuid": session_uuid(resume_psk),
        }

    def seal(self, message: bytes) -> bytes:
        """The next message of this side."""
        return bytes(self._noise.encrypt(message))

    def open(self, data: bytes) -> bytes:
        """The next message of the other side."""
        return bytes(self._noise.decrypt(data))


class Till(Side):
    """The initiator."""

    def start(self) -> bytes:
        """HS1."""
        self._begin(initiator=True)
        public = self._noise.noise_protocol.keypairs["s"].public_bytes
        commit = commitment(public, self.nonce + self.message)
        return self._write(struct.pack(">BBIH", 1, 1, self.features, self.rx_frag_max) + commit)

    def finish(self, hs2: bytes) -> tuple[bytes, dict[str, Any]]:
        """HS3 and the results."""
        payload = self._read(hs2, least=48, most=256)
        if len(payload) < 25:
            raise Refusal("handshake-malformed")
        version, features, rx_frag_max, max_msg = struct.unpack(">BIHH", payload[:9])
        if version == 0:
            raise Refusal("handshake-version")
        if version != 1 or rx_frag_max < 18 or max_msg < 1285:
            raise Refusal("handshake-malformed")
        if features & ~self.features:
            raise Refusal("handshake-features")
        self._agree(features)
        if 80 + len(self.message) > min(max_msg, 4096):
            raise Refusal("message-too-large")
        public = self._noise.noise_protocol.keypairs["s"].public_bytes
        hs3 = self._write(self.nonce + self.message)
        self.may_send_invoice = bool(features & 2) and max_msg >= 4096
        self.limit = min(rx_frag_max, 495)
        self.features = features
        return hs3, self._results(nm=self.nonce, nb=payload[9:25], reader_key=public, initiator=True)


class Device(Side):
    """The responder."""

    _commit: bytes
    _hs1: bytes

    def answer(self, hs1: bytes) -> bytes:
        """HS2."""
        self._begin(initiator=False)
        payload = self._read(hs1, least=48, most=256)
        if len(payload) < 40:
            raise Refusal("handshake-malformed")
        lowest, highest, features, rx_frag_max = struct.unpack(">BBIH", payload[:8])
        self._commit = payload[8:40]
        if not 1 <= lowest <= highest or rx_frag_max < 18:
            raise Refusal("handshake-malformed")
        if lowest > 1:
            raise Refusal("handshake-version", self._hello(0, 0))
        self._agree(features & self.features)
        self.limit = min(rx_frag_max, 495)
        return self._hello(1, features & self.features)

    def _hello(self, version: int, features: int) -> bytes:
        return self._write(struct.pack(">BIHH", version, features, self.rx_frag_max, self.max_msg) + self.nonce)

    def finish(self, hs3: bytes) -> tuple[bytes, dict[str, Any]]:
        """The till's message and the results."""
        if len(hs3) > self.max_msg:
            raise Refusal("message-too-large")
        payload = self._read(hs3, least=64, most=4096)
        reader_key = self._handshake.rs.public_bytes
        if len(payload) < 17:
            raise Refusal("handshake-malformed")
        if commitment(reader_key, payload) != self._commit:
            raise Refusal("commitment-broken")
        self._check_reader(reader_key)
        if payload[16] != OFFER and not (self.resuming and payload[16] == STATUS):
            raise Refusal("bad-state")
        results = self._results(nm=payload[:16], nb=self.nonce, reader_key=reader_key, initiator=False)
        return payload[16:], results

    def _check_reader(self, reader_key: bytes) -> None:
        found = {"fingerprint": hashlib.sha256(reader_key).digest()[:16].hex(), "reader_key": reader_key.hex()}
        if any(self.meeting[name] != value for name, value in found.items() if name in self.meeting):
            raise Refusal("reader-mismatch")
