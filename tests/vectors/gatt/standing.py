"""Either side of the program in each of its states, as the recipes of answers and acts begin with it."""

from typing import Any

from bled.session import merchant_events
from bled_codec.offer import Offer
from bled_codec.units import UnixTime

from . import machines
from .scene import INVREQ, NOW, OFFER, OPENING, PAID, REQUEST, bytes_of

BEFORE = {"SHOWING": 1, "SENT": 3, "OFFERED": 1, "JUDGING": 3, "PAYING": 4, "REPORTING": 7}
"""How many messages of the purchase have gone before, HS3's among them."""
STATES = {"device": ("SHOWING", "SENT"), "till": ("OFFERED", "PAYING", "REPORTING")}
NO_LINK = ("PAUSED", "LOST", "SEVERED")
AWAY = {"PAUSED": "SHOWING", "LOST": "SENT"}
"""States of the device without a link, and those that they come from."""


def device_in(state: str, *, resumes: bool = True) -> machines.Device:
    """Return a device that has come to a state."""
    device = machines.Device(clock=NOW, resumes=resumes)
    if state == "WAITING":
        return device
    device.hear(bytes_of(OPENING), 0.0)
    if AWAY.get(state, state) == "SENT":
        device.approve(REQUEST.encode(), 1.0)
    if state in AWAY:
        device.drop(2.0)
    device.said.clear()
    return device


def till_in(
    state: str,
    *,
    clock: UnixTime = NOW,
    sold: Offer = OFFER,
    resumes: bool = True,
    tip_max: int = 0,
    payer_ids_before: tuple[bytes, ...] = (),
) -> machines.Till:
    """Return a till that has come to a state."""
    judges = state != "JUDGING"
    till = machines.Till(
        offer=sold,
        clock=clock,
        resumes=resumes,
        judges_at_once=judges,
        tip_max=tip_max,
        payer_ids_before=payer_ids_before,
    )
    till.start(0.0)
    if state != "OFFERED":
        till.hear(bytes_of(INVREQ), 1.0)
    if state == "REPORTING":
        till.tell(merchant_events.Settled(status=PAID), 2.0)
    till.said.clear()
    return till


def answered(side: machines.Device | machines.Till) -> dict[str, Any]:
    """Return what a side has said, whether it closed, and its state."""
    return {
        "answers": [machines.word(said) for said in side.said],
        "closes": side.closed or side.state in NO_LINK,
        "next": side.state,
    }
