"""A second implementation of a whole connection, from the text of the profile alone: it imports nothing of bled.

From keys, nonces and the messages that are said it makes every ATT PDU of a session again. What it cannot know, where
the device's server has put the table, it reads from the device's answers, as a till does.
"""

import struct
import uuid
from collections.abc import Iterator
from typing import Any

from .second import Device, Till
from .second_wire import Joiner, cut

M2B, B2M = "8d5828fd-0742-4151-a3f6-08353fb7ff7b", "8d5828fe-0742-4151-a3f6-08353fb7ff7b"
Pdu = tuple[str, bytes]


class Connection:
    """One connection. `heard` gives the device's answers to discovery, in their order."""

    def __init__(self, session: dict[str, Any], heard: Iterator[bytes]) -> None:
        self.att_mtu = session["att_mtu"]
        self.service = session["service_uuid"]
        self.heard = heard
        self.sent = {"till": 0, "device": 0}
        self.limit = {"till": 495, "device": 495}
        self.joiners = {"till": Joiner(), "device": Joiner()}
        self.sides = _sides(session)
        self.limits = {"till": session["device"]["rx_frag_max"], "device": session["till"]["rx_frag_max"]}

    def discover(self) -> Iterator[Pdu]:
        """Exchange ATT_MTU, find the service and its characteristics, subscribe."""
        if self.att_mtu > 23:
            yield "till", struct.pack("<BH", 0x02, self.att_mtu)
            yield "device", next(self.heard)
        wanted = bytes(reversed(uuid.UUID(self.service).bytes))
        yield "till", struct.pack("<BHHH", 0x06, 1, 0xFFFF, 0x2800) + wanted
        answer = next(self.heard)
        yield "device", answer
        first, last = struct.unpack("<HH", answer[1:5])
        found: dict[str, int] = {}
        while {M2B, B2M} - set(found):
            yield "till", struct.pack("<BHHH", 0x08, first, last, 0x2803)
            answer = next(self.heard)
            yield "device", answer
            for start in range(2, len(answer), answer[1]):
                declaration, _, value = struct.unpack("<HBH", answer[start : start + 5])
                name = str(uuid.UUID(bytes=bytes(reversed(answer[start + 5 : start + 21]))))
                found[name], first = value, declaration + 1
        if found[B2M] + 1 != last:
            raise ValueError("the attribute after B2M is not the service's last one")
        self.m2b, self.b2m = found[M2B], found[B2M]
        yield "till", struct.pack("<BH", 0x12, last) + b"\x01\x00"
        yield "device", b"\x13"

    def say(self, sender: str, data: bytes, *, answered: bool = False) -> Iterator[Pdu]:
        """Cut one message into PDUs, and hear it at the other side."""
        frames = cut(data, min(self.att_mtu - 5, 495, self.limit[sender]), self.sent[sender])
        self.sent[sender] += len(frames)
        joined: list[bytes] = []
        for index, frame in enumerate(frames):
            joined += self.joiners[sender].take(frame)
            if sender == "device":
                yield sender, struct.pack("<BH", 0x1B, self.b2m) + frame
                continue
            waits = index == len(frames) - 1 and not answered
            yield sender, struct.pack("<BH", 0x12 if waits else 0x52, self.m2b) + frame
            if waits:
                yield "device", b"\x13"
        if joined != [data]:
            raise ValueError("the frames do not make the message")

    def handshake(self) -> Iterator[Pdu]:
        """Say HS1, HS2, HS3."""
        till, device = self.sides["till"], self.sides["device"]
        hs1 = till.start()
        yield from self.say("till", hs1, answered=True)
        hs2 = device.answer(hs1)
        self.limit["device"] = min(self.limits["device"], 495)
        yield from self.say("device", hs2)
        hs3, self.results = till.finish(hs2)
        self.limit["till"] = min(self.limits["till"], 495)
        yield from self.say("till", hs3)
        if device.finish(hs3) != (till.message, self.results):
            raise ValueError("the two sides do not have the same")

    def seal(self, sender: str, message: bytes) -> Iterator[Pdu]:
        """Say a message of the session."""
        other = "device" if sender == "till" else "till"
        sealed = self.sides[sender].seal(message)
        yield from self.say(sender, sealed)
        if self.sides[other].open(sealed) != message:
            raise ValueError("it does not open")


def _sides(session: dict[str, Any]) -> dict[str, Any]:
    said = [pdu["message"] for pdu in session["pdus"] if pdu.get("completes") == "HS3"]
    till, device = session["till"], session["device"]
    keys = {name: bytes.fromhex(side["entropy"]) for name, side in (("till", till), ("device", device))}
    common = {"meeting": session["meeting"]}
    return {
        "till": Till(
            ephemeral=keys["till"][:32],
            nonce=keys["till"][32:],
            static=bytes.fromhex(till["static"]),
            message=bytes.fromhex(said[0]),
            features=till["features"],
            rx_frag_max=till["rx_frag_max"],
            **common,
        ),
        "device": Device(
            ephemeral=keys["device"][:32],
            nonce=keys["device"][32:],
            features=device["features"],
            rx_frag_max=device["rx_frag_max"],
            max_msg=device["max_msg"],
            **common,
        ),
    }


def replay(session: dict[str, Any]) -> tuple[list[Pdu], str | None]:
    """All PDUs of a session, and its compare code."""
    answers = [pdu["pdu"] for pdu in session["pdus"] if pdu["from"] == "device" and pdu["opcode"] in (0x03, 0x07, 0x09)]
    connection = Connection(session, iter(map(bytes.fromhex, answers)))
    made = [*connection.discover(), *connection.handshake()]
    for pdu in session["pdus"]:
        if "message" in pdu and pdu["completes"] != "HS3":
            made += connection.seal(pdu["from"], bytes.fromhex(pdu["message"]))
    return made, connection.results["compare_code"]
