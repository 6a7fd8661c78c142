"""Recipe of acts.json: what a side does when time passes, a person acts, the node tells, or the link breaks.

See `make.py`. `test_act_vectors.py` holds that a second implementation and the program's whole drivers do the same.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import acts_device, acts_till, machines
from .acting import played
from .acts_steps import Script, lost
from .make_gatt import text
from .scene import INVREQ, NOW, OFFER, OPENING, PAID, REQUEST, bytes_of, content

__all__ = ["FOLDER", "make", "text"]

FOLDER = Path(__file__).parent


def device_in(state: str, *, resumes: bool = True) -> machines.Device:
    """Return a device that comes to a state now."""
    device = machines.Device(clock=NOW, resumes=resumes)
    device.hear(bytes_of(OPENING), 0.0)
    if state == "SENT":
        device.approve(REQUEST.encode(), 0.0)
    return device


def till_in(state: str, *, resumes: bool = True) -> machines.Till:
    """Return a till that comes to a state now."""
    till = machines.Till(offer=OFFER, clock=NOW, resumes=resumes, judges_at_once=state != "JUDGING")
    if state != "READY":
        till.start(0.0)
    if state not in ("READY", "OFFERED"):
        till.hear(bytes_of(INVREQ), 0.0)
    if state == "REPORTING":
        till.tell(machines.merchant_events.Settled(status=PAID), 0.0)
    return till


def case(side: str, script: Script, *, resumes: bool = True) -> dict[str, Any]:
    """Return one script as the file has it."""
    state, name, steps = script
    begun = device_in(state, resumes=resumes) if side == "device" else till_in(state, resumes=resumes)
    told = {"side": side, "state": state, "name": name} | ({} if resumes else {"resumes": False})
    return told | {"steps": played(begun, steps)}


def acts() -> Iterator[dict[str, Any]]:
    """Yield every script."""
    for script in acts_device.scripts():
        yield case("device", script)
    for script in acts_till.scripts():
        yield case("till", script)
    for side, states in (("device", ("SHOWING", "SENT")), ("till", ("OFFERED", "PAYING", "REPORTING"))):
        for state in states:
            script = state, "the link is lost where nothing can be resumed", [lost(1.0, "")]
            yield case(side, script, resumes=False)


def make() -> dict[str, dict[str, Any]]:
    """Return the content of each file by its name."""
    return {
        "acts.json": {
            "about": "What a side does when time passes, a person acts, the node tells, or the link breaks.",
            "purchase": content(),
            "acts": list(acts()),
        },
    }
