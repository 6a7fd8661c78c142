"""Recipe of pairs.json: handshake messages with two faults at once, of which the first in the profile's order counts.

See `make.py`. Every two faults of section 6.6 that one message can have are there, but for those with one outcome.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from bled.gatt.compare_code import commitment
from bled.gatt.engagement import OpenMeeting
from bled.gatt.handshake import Beacon
from bled.gatt.handshake_payloads import Hs1, Hs2
from bled.gatt.noise import Initiator
from bled.gatt.primitives import X25519Key

from .make_gatt import ENGAGEMENT, OFFER, OTHER_STATIC, PAID, STATIC, Script, fixed, hs1, text
from .make_refusals import Point, device_refusal, flipped, till_refusal

__all__ = ["FOLDER", "make", "text"]

FOLDER = Path(__file__).parent
WEAK = Point("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")
LIMIT = 1285


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault, in the order of section 6.6.

    Attributes:
        name: what is wrong.
        code: the outcome that it alone would have.
        makes: what the maker of the message is told to do.
        never_with: names of faults that one message cannot have besides.
    """

    name: str
    code: str
    makes: dict[str, Any] = field(default_factory=dict)
    never_with: tuple[str, ...] = ()


def pairs(faults: list[Fault]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield every two faults: a name, what the maker does (the first fault's word counts), the outcome."""
    for one, other in combinations(faults, 2):
        if one.code != other.code and other.name not in one.never_with:
            yield f"{one.name}, and {other.name}", other.makes | one.makes, one.code


HS1 = [
    Fault(name="257 octets", code="handshake-malformed", makes={"room": bytes(257 - 88)}),
    Fault(name="a wrong tag", code="handshake-failed", makes={"flip": True}),
    Fault(name="a payload of 39 octets", code="handshake-malformed", makes={"cut": 39}),
    Fault(name="versions from 0", code="handshake-malformed", makes={"min_version": 0}, never_with=("later versions",)),
    Fault(name="versions that end before they begin", code="handshake-malformed", makes={"min_version": 3}),
    Fault(name="frames of 17 octets", code="handshake-malformed", makes={"rx_frag_max": 17}),
    Fault(name="later versions", code="handshake-version", makes={"min_version": 2, "max_version": 2}),
    Fault(name="no compare code", code="handshake-features", makes={"features": 6}),
    Fault(name="a weak key", code="handshake-weak-key", makes={"ephemeral": WEAK}),
]
UNANSWERABLE = ("later versions, and a weak key", "handshake-weak-key")
"""HS2 with version 0 cannot be made of such a key, so that this one is not told of versions."""


def first_messages() -> Iterator[dict[str, Any]]:
    """Yield HS1 with two faults."""
    for name, makes, code in pairs(HS1):
        flip = makes.pop("flip", False)
        data = hs1(**makes)
        made = device_refusal(f"HS1: {name}", OpenMeeting(), flipped(data, len(data) - 1) if flip else data)
        yield checked(made, UNANSWERABLE[1] if name == UNANSWERABLE[0] else code)


HS2 = [
    Fault(name="257 octets", code="handshake-malformed", makes={"octets": 257}),
    Fault(name="a weak key", code="handshake-weak-key", makes={"ephemeral": WEAK}),
    Fault(name="a wrong tag", code="handshake-failed", makes={"flip": True}),
    Fault(
        name="a payload of 24 octets", code="handshake-malformed", makes={"cut": 24}, never_with=("no room for HS3",)
    ),
    Fault(name="version 0", code="handshake-version", makes={"version": 0}, never_with=("version 2",)),
    Fault(name="frames of 17 octets", code="handshake-malformed", makes={"rx_frag_max": 17}),
    Fault(name="messages of 1284 octets", code="handshake-malformed", makes={"max_msg": 1284}),
    Fault(name="version 2", code="handshake-malformed", makes={"version": 2}),
    Fault(name="a feature that was not offered", code="handshake-features", makes={"features": 15}),
    Fault(name="no compare code", code="handshake-features", makes={"features": 6}),
    Fault(
        name="no room for HS3",
        code="message-too-large",
        makes={"max_msg": LIMIT, "message": OFFER + bytes(LIMIT + 1 - 80 - len(OFFER))},
    ),
]


def second_messages() -> Iterator[dict[str, Any]]:
    """Yield HS2 with two faults."""
    for name, makes, code in pairs(HS2):
        octets, flip = makes.pop("octets", None), makes.pop("flip", False)
        more = {key: makes.pop(key) for key in ("ephemeral", "cut", "message") if key in makes}
        said = {"version": 1, "features": 7, "rx_frag_max": 495, "max_msg": 4096, "nonce": fixed("false Nb", 16)}

        def change(data: bytes, *, flip: bool = flip, octets: int | None = octets) -> bytes:
            data = flipped(data, len(data) - 1) if flip else data
            return data if octets is None else data + bytes(octets - len(data))

        yield checked(till_refusal(name, lambda said=said | makes: Hs2(**said), change=change, **more), code)


HS3 = [
    Fault(
        name="one octet too long",
        code="message-too-large",
        makes={"long": True},
        never_with=("63 octets", "no message"),
    ),
    Fault(name="63 octets", code="handshake-malformed", makes={"octets": 63}, never_with=("no message",)),
    Fault(name="a wrong tag of the key", code="handshake-failed", makes={"flip_key": True}),
    Fault(name="a weak key", code="handshake-weak-key", makes={"static": WEAK}),
    Fault(name="a wrong tag of the payload", code="handshake-failed", makes={"flip": True}),
    Fault(name="no message", code="handshake-malformed", makes={"message": b""}, never_with=("a status",)),
    Fault(name="another nonce than promised", code="commitment-broken", makes={"breaks": True}),
    Fault(name="another reader", code="reader-mismatch", makes={"static": OTHER_STATIC, "meeting": ENGAGEMENT}),
    Fault(name="a status", code="bad-state", makes={"message": PAID}),
]


def third_messages() -> Iterator[dict[str, Any]]:
    """Yield HS3 with two faults."""
    for name, makes, code in pairs(HS3):
        yield checked(third_message(name, **makes), code)


def third_message(
    name: str,
    *,
    meeting: Any = None,
    static: Any = STATIC,
    message: bytes = OFFER,
    long: bool = False,
    octets: int | None = None,
    flip_key: bool = False,
    flip: bool = False,
    breaks: bool = False,
) -> dict[str, Any]:
    """Return what a device refuses of an HS3 that is made so."""
    meeting = meeting or OpenMeeting()
    limit = LIMIT if long else 4096
    payload = fixed("false till nonce", 16) + message + bytes(limit + 1 - 80 - len(message) if long else 0)
    promised = flipped(payload, 0) if breaks else payload
    noise = Initiator(static=static, ephemeral=X25519Key(fixed("false till ephemeral")), psk=meeting.psk)
    commit = commitment(promised[:16], static.public, promised)
    first = noise.write_first(Hs1(min_version=1, max_version=1, features=7, rx_frag_max=495, commit=commit).encode())
    noise.read_second(Beacon(meeting=meeting, max_msg=limit).answer(first, entropy=Script("refusing device")))
    third, _ = noise.write_third(payload)
    third = flipped(third, 47) if flip_key else third
    third = flipped(third, len(third) - 1) if flip else third
    return device_refusal(f"HS3: {name}", meeting, first, third[:octets], limit)


def checked(made: dict[str, Any], code: str) -> dict[str, Any]:
    """Return a refusal whose outcome is that of the fault which comes first."""
    if made["code"] != code:
        raise ValueError(made["name"], made["code"], code)
    return made


def make() -> dict[str, dict[str, Any]]:
    """Return the content of each file by its name."""
    return {
        "pairs.json": {
            "about": "Handshake messages with two faults at once; the first in the order of section 6.6 counts.",
            "device": [*first_messages(), *third_messages()],
            "till": list(second_messages()),
        },
    }
