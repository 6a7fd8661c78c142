"""Recipe of sessions.json: whole purchases as the ATT PDUs between two real host stacks on a virtual air.

See `make.py`. A transcript is what the till's host sends and receives, from the first PDU of a connection to the last.
The program's own links, handshake, channel and frames make it; entropy is fixed, and nothing else is random in it.
"""

import asyncio
from pathlib import Path
from typing import Any

from bumble.snoop import Snooper

from bled.gatt.engagement import Meeting, OpenMeeting
from bled.gatt.handshake import Secured
from bled.gatt.messages import decode_message
from bled.link.base import MessageLink
from bled.link.handshaking import be_greeted, greet
from bled.link.virtual import VirtualAir
from bled.progress import ignore_steps

from .make_gatt import ENGAGEMENT, STATIC, Script, plain, text
from .scene import OPENING, PURCHASE, bytes_of, content, name_of

__all__ = ["FOLDER", "make", "text"]

FOLDER = Path(__file__).parent
OPCODES = {
    0x01: "Error Response",
    0x02: "Exchange MTU Request",
    0x03: "Exchange MTU Response",
    0x04: "Find Information Request",
    0x05: "Find Information Response",
    0x06: "Find By Type Value Request",
    0x07: "Find By Type Value Response",
    0x08: "Read By Type Request",
    0x09: "Read By Type Response",
    0x12: "Write Request",
    0x13: "Write Response",
    0x1B: "Handle Value Notification",
    0x52: "Write Command",
}
_HANDLED = (0x12, 0x1B, 0x52)
_CONTINUES = 0x01
SECONDS = 20.0


class Recorder(Snooper):
    """Keeps the ATT PDUs of one host's connection, whole."""

    def __init__(self) -> None:
        self.pdus: list[tuple[str, bytes]] = []
        self._parts: dict[object, bytearray] = {}

    def snoop(self, hci_packet: bytes, direction: Snooper.Direction) -> None:
        """Put HCI's pieces of an L2CAP frame together; keep those of the ATT channel."""
        if hci_packet[0] != 0x02:
            return
        flags = int.from_bytes(hci_packet[1:3], "little") >> 12 & 0x03
        part = self._parts.setdefault(direction, bytearray())
        if flags != _CONTINUES:
            part.clear()
        part += hci_packet[5:]
        if len(part) == 4 + int.from_bytes(part[:2], "little") and part[2:4] == b"\x04\x00":
            sender = "till" if direction is Snooper.Direction.HOST_TO_CONTROLLER else "device"
            self.pdus.append((sender, bytes(part[4:])))


async def record(
    *, meeting: Meeting, att_mtu: int, till_entropy: Script, device_entropy: Script
) -> tuple[list[tuple[str, bytes]], Secured]:
    """Run one purchase; return its PDUs and what the handshake gave."""
    recorder = Recorder()
    async with VirtualAir() as air, asyncio.timeout(SECONDS):
        central, peripheral = await air.central(att_mtu), await air.peripheral()
        accepting = asyncio.ensure_future(peripheral.accept(seconds=SECONDS, on_step=ignore_steps, uuid=meeting.uuid))
        central._radio.device.host.snooper = recorder
        till = await central.connect(seconds=SECONDS, on_step=ignore_steps, uuid=meeting.uuid)
        answering = asyncio.ensure_future(_answer(accepting, meeting, device_entropy))
        secured = await greet(
            till, static=STATIC, meeting=meeting, message=bytes_of(OPENING), before_hs3=_nothing, entropy=till_entropy
        )
        await _converse({"till": till, "device": await answering})
    return recorder.pdus, secured


def _nothing(_: Secured) -> None:
    """Nothing is counted here."""


async def _answer(accepting: "asyncio.Future[Any]", meeting: Meeting, entropy: Script) -> MessageLink:
    link = await accepting
    message, _ = await be_greeted(link, meeting=meeting, before_hs2=lambda: None, entropy=entropy)
    if message != bytes_of(OPENING):
        raise ValueError("HS3 brought something else")
    return link


async def _converse(links: dict[str, MessageLink]) -> None:
    """Say each message when the one before it has come."""
    for sender, message in PURCHASE[1:]:
        await links[sender].send(bytes_of(message))
        heard = await links["device" if sender == "till" else "till"].receive(seconds=SECONDS)
        if decode_message(heard) != message:
            raise ValueError(sender)


def session(name: str, meeting: Meeting, att_mtu: int) -> dict[str, Any]:
    """Return one transcript as the file has it."""
    entropies = Script(f"{name} till"), Script(f"{name} device")
    pdus, secured = asyncio.run(
        record(meeting=meeting, att_mtu=att_mtu, till_entropy=entropies[0], device_entropy=entropies[1])
    )
    return {
        "name": name,
        "att_mtu": att_mtu,
        "meeting": plain(meeting),
        "service_uuid": str(meeting.uuid),
        "till": {"static": STATIC.reveal().hex(), "entropy": entropies[0].hex, "features": 7,
                 "rx_frag_max": min(att_mtu - 5, 495)},
        "device": {"entropy": entropies[1].hex, "features": 7, "rx_frag_max": 495, "max_msg": 4096},
        "compare_code": secured.code,
        "pdus": told(pdus),
    }  # fmt: skip


def told(pdus: list[tuple[str, bytes]]) -> list[dict[str, Any]]:
    """Return the PDUs with their parts named, and beside each message's last frame what the message is."""
    roles: dict[int, str] = {}
    said = {"till": ["HS1", "HS3"], "device": ["HS2"]}
    for sender, message in PURCHASE:
        said[sender].append(name_of(message))
    said["till"].remove("OFFER")  # it is in HS3
    plaintext = {name_of(message): bytes_of(message).hex() for _, message in PURCHASE}
    plaintext["HS3"] = plaintext.pop("OFFER")
    return [_told(sender, pdu, roles, said, plaintext) for sender, pdu in pdus]


def _told(
    sender: str, pdu: bytes, roles: dict[int, str], said: dict[str, list[str]], plaintext: dict[str, str]
) -> dict[str, Any]:
    made: dict[str, Any] = {"from": sender, "opcode": pdu[0], "name": OPCODES[pdu[0]], "pdu": pdu.hex()}
    if pdu[0] not in _HANDLED:
        return made
    handle, value = int.from_bytes(pdu[1:3], "little"), pdu[3:]
    if handle not in roles:  # the subscription is the first write
        roles[handle] = "B2M" if pdu[0] == 0x1B else "M2B" if roles else "CCCD"
    made |= {"role": roles[handle], "value": value.hex()}
    if roles[handle] != "CCCD" and value[0] & 0x40:
        name = said[sender].pop(0)
        made |= {"completes": name} | ({"message": plaintext[name]} if name in plaintext else {})
    return made


def make() -> dict[str, dict[str, Any]]:
    """Return the content of each file by its name."""
    return {
        "sessions.json": {
            "about": "Whole purchases as ATT PDUs, from the connection on, at the till's host.",
            "purchase": content(),
            "sessions": [
                session("open, ATT_MTU 23", OpenMeeting(), 23),
                session("open, ATT_MTU 185", OpenMeeting(), 185),
                session("open, ATT_MTU 517", OpenMeeting(), 517),
                session("engaged, ATT_MTU 185", ENGAGEMENT, 185),
            ],
        },
    }  # fmt: skip
