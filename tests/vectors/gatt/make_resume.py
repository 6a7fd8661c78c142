"""Recipe of resume.json: a purchase whose link breaks after each of its messages, and how it goes on. See `make.py`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bled.gatt.engagement import Meeting, OpenMeeting, Resumption
from bled.gatt.handshake import Beacon, Reader, Secured
from bled.gatt.messages import decode_message, encode_message
from bled.gatt.vocabulary import OfferMessage
from bled.session import merchant_events

from . import machines
from .drops import Broken, every_drop
from .make_gatt import STATIC, Script, plain, text
from .scene import NOW, OFFER, OPENING, PAID, PURCHASE, REQUEST, SENT, VALID_FOR, bytes_of, content, name_of

__all__ = ["FOLDER", "make", "text"]

FOLDER = Path(__file__).parent


class Device(machines.Device):
    """The buyer's machine in a purchase that breaks."""

    def __init__(self) -> None:
        super().__init__(clock=NOW)

    @property
    def outbox(self) -> list[bytes]:
        """What was said, encoded; taken from here once it left."""
        self.said[:] = [said if isinstance(said, bytes) else encode_message(said) for said in self.said]
        return self.said

    def approve(self, now: float) -> None:
        """The person says yes."""
        super().approve(REQUEST.encode(), now)


class Till(machines.Till):
    """The till's machine in a purchase that breaks."""

    def __init__(self) -> None:
        super().__init__(offer=OFFER, clock=NOW)

    @property
    def outbox(self) -> list[bytes]:
        """What was said, encoded; taken from here once it left."""
        self.said[:] = [said if isinstance(said, bytes) else encode_message(said) for said in self.said]
        return self.said

    def start(self, now: float) -> bytes:
        """HS3 has left."""
        super().start(now)
        return bytes_of(OPENING)

    def invoice(self, now: float) -> None:
        """The invoice was sent."""
        self.tell(merchant_events.InvoiceSent(payment_hash=SENT.payment_hash), now)

    def settle(self, now: float) -> None:
        """The money is there."""
        self.tell(merchant_events.Settled(status=PAID), now)

    def opening(self, now: float) -> bytes:
        """What HS3 carries on a new link."""
        self._news = self.session.news
        again = OfferMessage(valid_for=VALID_FOR - int(now), offer=OPENING.offer)
        return bytes_of(again if self._news is None else self._news)

    def rejoin(self, now: float) -> None:
        """That has left."""
        self.tell(merchant_events.Rejoined(said=self._news), now)


@dataclass(kw_only=True)
class Link:
    """A handshake of the program, and both sides of what it made."""

    till: Secured
    device: Secured
    told: dict[str, Any]

    def seal(self, said: list[tuple[str, bytes]]) -> Iterator[dict[str, str]]:
        """Yield messages as the file has them."""
        for sender, message in said:
            sealed = (self.till if sender == "till" else self.device).channel.seal(message)
            name = name_of(decode_message(message))
            yield {"from": sender, "name": name, "message": message.hex(), "sealed": sealed.hex()}


def link(name: str, meeting: Meeting, opening: bytes) -> Link:
    """Shake hands with fixed entropy."""
    entropies = Script(f"{name} till"), Script(f"{name} device")
    reader, beacon = Reader(static=STATIC, meeting=meeting, message=opening), Beacon(meeting=meeting)
    hs1 = reader.start(entropy=entropies[0])
    hs2 = beacon.answer(hs1, entropy=entropies[1])
    hs3, till = reader.finish(hs2)
    _, device = beacon.finish(hs3)
    told = {
        "till_entropy": entropies[0].hex,
        "device_entropy": entropies[1].hex,
        "opening": {"name": name_of(decode_message(opening)), "message": opening.hex()},
        "hs1": hs1.hex(),
        "hs2": hs2.hex(),
        "hs3": hs3.hex(),
    }
    return Link(till=till, device=device, told=told)


def first() -> tuple[Link, Resumption]:
    """Return the first link of every purchase here, and what it leaves for the next one."""
    made = link("first", OpenMeeting(), bytes_of(OPENING))
    if made.till.resumption is None:
        raise ValueError("the two can resume")
    return made, made.till.resumption


def drop(case: dict[str, Any], broken: Broken, resumption: Resumption) -> dict[str, Any]:
    """Return one purchase that breaks as the file has it."""
    sender, last = broken.first[-1]
    came = "came" if case["came"] else "did not come"
    more = ", and the sale goes on meanwhile" if case["sale_goes_on_meanwhile"] else ""
    name = f"{name_of(decode_message(last))} left the {sender} and {came}{more}"
    second = None
    if broken.opening is not None:
        again = link(f"second {name}", resumption, broken.opening)
        second = again.told | {"messages": list(again.seal(broken.then))}
    return {"name": name} | case | {"states": broken.states, "second": second, "ends": broken.ends}


def make() -> dict[str, dict[str, Any]]:
    """Return the content of each file by its name."""
    made, resumption = first()
    whole = [(sender, bytes_of(message)) for sender, message in PURCHASE[1:]]
    drops = every_drop(lambda: (Device(), Till()), messages=len(PURCHASE))
    return {
        "resume.json": {
            "about": "A purchase whose link breaks after each of its messages, and how it goes on.",
            "purchase": content(),
            "till": {"static": STATIC.reveal().hex(), "features": 7, "rx_frag_max": 495},
            "device": {"features": 7, "rx_frag_max": 495, "max_msg": 4096},
            "first": {"meeting": plain(OpenMeeting())} | made.told | {"messages": list(made.seal(whole))},
            "resumption": plain(resumption) | {"uuid": str(resumption.uuid)},
            "drops": [drop(case, broken, resumption) for case, broken in drops],
        },
    }  # fmt: skip
