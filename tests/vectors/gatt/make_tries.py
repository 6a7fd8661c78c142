"""Recipe of tries.json: how often a compare code may be formed, and how long a till's code is good. See `make.py`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bled.errors import Refused
from bled.gatt.code_limits import EngagementLife, OpenTries, SaleCodes
from bled_codec.units import UnixTime

from .make_gatt import text
from .scene import NOW

__all__ = ["FOLDER", "make", "text"]

FOLDER = Path(__file__).parent
Event = tuple[int, str]
"""When it happens, in seconds of the device's wall clock, and what."""
HS1, DIFFER, HS2, TAP, ABORT = "HS1 comes", "the codes differ", "HS2 comes", "the cashier taps", "ABORT 2 comes"

AT_DEVICE: dict[str, list[Event]] = {
    "three tries": [(0, HS1), (1, HS1), (2, HS1), (3, HS1)],
    "a try counts for 600 s": [(0, HS1), (10, HS1), (20, HS1), (599, HS1), (600, HS1), (600, HS1), (610, HS1)],
    "what was refused does not count": [(0, HS1), (0, HS1), (0, HS1), (300, HS1), (600, HS1), (600, HS1), (600, HS1)],
    "codes that differ spend all": [(0, HS1), (5, DIFFER), (6, HS1), (604, HS1), (605, HS1), (605, HS1)],
    "a clock that was set back frees nothing": [(1000, HS1), (1001, HS1), (1002, HS1), (0, HS1), (599, HS1)],
    "a try of the future counts as made now": [
        (1000, HS1),
        (400, HS1),
        (999, HS1),
        (999, HS1),
        (1000, HS1),
        (1599, HS1),
    ],
    "a clock that was set forward": [(0, HS1), (0, HS1), (0, HS1), (100_000, HS1)],
}
AT_TILL: dict[str, list[str]] = {
    "one code without a tap": [HS2, HS2],
    "three codes, each with a tap": [HS2, TAP, HS2, TAP, HS2, TAP, HS2],
    "two taps are one": [HS2, TAP, TAP, HS2, HS2],
    "a tap before the first code is none": [TAP, HS2, HS2],
    "ABORT 2 ends the open mode": [HS2, ABORT, TAP, HS2],
}
FAILS, ENDS = "a handshake that fails before HS3", "a handshake that comes to HS3"
OF_A_CODE: dict[str, list[tuple[float, str]]] = {
    "used at once": [(0.0, ENDS)],
    "used at the last moment": [(119.75, ENDS)],
    "too late": [(120.0, ENDS)],
    "used twice": [(10.0, ENDS), (11.0, ENDS)],
    "used, and then a failure": [(10.0, ENDS), (11.0, FAILS), (12.0, ENDS)],
    "a failure does not use it up": [(10.0, FAILS), (11.0, FAILS), (12.0, ENDS), (13.0, FAILS)],
    "a failure makes it no longer": [(119.0, FAILS), (120.0, ENDS)],
}


def at_device(name: str, events: list[Event]) -> dict[str, Any]:
    """Return what a device does at each event: whether HS2 leaves, and how many tries are left."""
    tries, steps = OpenTries(), []
    for at, does in events:
        now = UnixTime(NOW + at)
        step: dict[str, Any] = {"at": at, "does": does}
        if does == DIFFER:
            tries = tries.end(now=now)
        else:
            before, tries = tries, _taken(tries, now)
            step["hs2_leaves"] = tries is not before
        steps.append(step | {"left": tries.left(now=now)})
    return {"name": name, "steps": steps}


def _taken(tries: OpenTries, now: UnixTime) -> OpenTries:
    try:
        return tries.take(now=now)
    except Refused:
        return tries


def at_till(name: str, events: list[str]) -> dict[str, Any]:
    """Return what a till does at each event: whether HS3 leaves."""
    codes, steps = SaleCodes(), []
    for does in events:
        step: dict[str, Any] = {"does": does}
        try:
            codes, leaves = {ABORT: codes.end, TAP: codes.tap, HS2: codes.take}[does](), True
        except Refused:
            leaves = False
        steps.append(step | ({"hs3_leaves": leaves} if does == HS2 else {}))
    return {"name": name, "steps": steps}


def of_a_code(name: str, events: list[tuple[float, str]]) -> dict[str, Any]:
    """Return whether a handshake may begin at each time after the code was shown or read."""
    life, steps = EngagementLife(since=0.0), []
    for at, does in events:
        try:
            life.check(now=at)
            life, begins = life.use(now=at) if does == ENDS else life, True
        except Refused:
            begins = False
        steps.append({"at": at, "does": does, "begins": begins})
    return {"name": name, "steps": steps}


def lists() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield each list by its name."""
    yield "device", [at_device(name, events) for name, events in AT_DEVICE.items()]
    yield "till", [at_till(name, events) for name, events in AT_TILL.items()]
    yield "engagements", [of_a_code(name, times) for name, times in OF_A_CODE.items()]


def make() -> dict[str, dict[str, Any]]:
    """Return the content of each file by its name."""
    about = "How often a compare code may be formed, and how long a till's code is good."
    return {"tries.json": {"about": about} | dict(lists())}
