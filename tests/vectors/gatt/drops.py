"""A purchase whose link breaks somewhere, with any two machines: who says what, before and after. Knows no protocol."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

AWAY = 5.0
"""Seconds for which the link is away."""
STEP = 10.0


class Side(Protocol):
    """One machine. What it says is in `outbox`, in octets, until it is taken."""

    outbox: list[bytes]
    state: str

    def hear(self, data: bytes, now: float) -> None:
        """Take a message."""
        ...

    def drop(self, now: float) -> None:
        """The link is lost."""
        ...

    def wait(self, now: float) -> None:
        """So late is it."""
        ...


class Buyer(Side, Protocol):
    """The device."""

    def approve(self, now: float) -> None:
        """The person says yes."""
        ...


class Seller(Side, Protocol):
    """The till."""

    def start(self, now: float) -> bytes:
        """What HS3 carries has left; return it."""
        ...

    def invoice(self, now: float) -> None:
        """The invoice was sent."""
        ...

    def settle(self, now: float) -> None:
        """The money is there."""
        ...

    def opening(self, now: float) -> bytes:
        """Return what HS3 carries on a new link."""
        ...

    def rejoin(self, now: float) -> None:
        """That has left."""
        ...


@dataclass(kw_only=True)
class Broken:
    """How a purchase went on.

    Attributes:
        first: who said what before the link broke, HS3's message among it.
        states: of both sides while the link is away.
        opening: what HS3 carried on the second link; None when there was none.
        then: who said what on the second link.
        ends: the states of both sides in the end.
    """

    first: list[tuple[str, bytes]]
    states: dict[str, str]
    opening: bytes | None = None
    then: list[tuple[str, bytes]] = field(default_factory=list)
    ends: dict[str, str] = field(default_factory=dict)


class World:
    """Brings what one side says to the other, until the link breaks."""

    def __init__(self, device: Buyer, till: Seller, *, left: int, came: bool) -> None:
        self.device, self.till = device, till
        self.left, self.came = left, came
        self.now = 0.0
        self.log: list[tuple[str, bytes]] = []
        self.is_up = True
        self.script: list[Callable[[], None]] = [
            lambda: self._later(device.wait),
            lambda: device.approve(self.now),
            lambda: till.invoice(self.now),
            lambda: self._later(till.wait),
            lambda: till.settle(self.now),
        ]

    def _later(self, wait: Callable[[float], None]) -> None:
        self.now += STEP
        wait(self.now)

    def run(self, *, meanwhile: bool) -> Broken:
        """Return how it went; with `meanwhile` the sale goes on while the link is away."""
        self._carry("till", self.till.start(self.now))
        while self.script and self.is_up:
            self.script.pop(0)()
            self._pump()
        broken = Broken(first=self.log, states={})
        self.device.drop(self.now)
        self.till.drop(self.now)
        broken.states = {"device": self.device.state, "till": self.till.state}
        if {self.device.state in ("PAUSED", "LOST"), self.till.state in ("LOST", "SEVERED")} == {True}:
            self._go_on(broken, meanwhile=meanwhile)
        else:
            self.now += 100 * STEP
            self.device.wait(self.now)
            self.till.wait(self.now)
        broken.ends = {"device": self.device.state, "till": self.till.state}
        return broken

    def _go_on(self, broken: Broken, *, meanwhile: bool) -> None:
        # The two keep-alives of the script belong to a link that is up.
        rest = [step for index, step in enumerate(self.script, start=5 - len(self.script)) if index not in (0, 3)]
        if meanwhile and self.till.state == "SEVERED":
            for step in rest:
                step()
            rest = []
        self.now += AWAY
        broken.opening = self.till.opening(self.now)
        self.log = broken.then
        self.left, self.is_up = -1, True
        self.till.outbox.clear()
        self.device.outbox.clear()
        self.device.hear(broken.opening, self.now)
        self.till.rejoin(self.now)
        self._pump()
        for step in rest:
            step()
            self._pump()

    def _pump(self) -> None:
        while self.device.outbox or self.till.outbox:
            sender = "device" if self.device.outbox else "till"
            self._carry(sender, getattr(self, sender).outbox.pop(0))

    def _carry(self, sender: str, data: bytes) -> None:
        if not self.is_up:
            return
        self.log.append((sender, data))
        self.is_up = len(self.log) != self.left
        if self.is_up or self.came:
            other = self.till if sender == "device" else self.device
            other.hear(data, self.now)


def every_drop(make: Callable[[], tuple[Buyer, Seller]], *, messages: int) -> list[tuple[dict[str, Any], Broken]]:
    """Return what happens when the link breaks after each of `messages` messages, come or not."""
    found = []
    for left in range(1, messages + 1):
        for came in (False, True):
            for meanwhile in (False, True):
                broken = World(*make(), left=left, came=came).run(meanwhile=meanwhile)
                if not meanwhile or broken != found[-1][1]:
                    found.append(({"left": left, "came": came, "sale_goes_on_meanwhile": meanwhile}, broken))
    return found
