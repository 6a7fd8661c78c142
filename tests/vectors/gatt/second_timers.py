"""The second implementation's machines with their timers and persons, from sections 8, 10 and 13 of the profile alone.

It imports nothing of bled. `now` is set before anything happens; a person who speaks while the link is away is heard
when it is back.
"""

from typing import Any

from . import second_session
from .second_bolt12 import number, records
from .second_session import Said

T_KEEP_ALIVE, T_APPROVE, T_STATUS, T_AFTER_EXPIRY, T_RESUME = 10, 60, 90, 15, 60
T_REQUEST, T_SILENCE, T_ACK = 75, 15, 3
REJOINS_MAX = 5
INTERNAL = 0x000E
ON_AIR = {"payment-failed": 0x000B, "node-died": 0x000C, "internal": INTERNAL}


class Device(second_session.Device):
    """Section 8.1 in time."""

    def __init__(self, *, chain: bytes, clock: int) -> None:
        super().__init__(chain=chain, clock=clock)
        self.now = self.decide_by = self.word_at = self.heard_at = self.lost_at = 0.0
        self.said_away: str | None = None
        self.rejoins = 0

    def take(self, message: dict[str, Any]) -> Said:
        """One row of the table, and what the times are then."""
        before = self.state
        said = super().take(message)
        self.heard_at = self.now
        if self.state == "SHOWING" and before != "SHOWING":
            self.decide_by = self.now + T_APPROVE if before == "WAITING" else self.decide_by + self.now - self.lost_at
            self.word_at = self.now + T_KEEP_ALIVE
        if self.state == "SHOWING" and self.said_away is not None:
            said += self.person(self.said_away)
        return said

    def person(self, word: str) -> Said:
        """The person has spoken: a request, `no` or `differ`."""
        if self.state == "PAUSED":
            self.said_away = word
        if self.state != "SHOWING":
            return []
        if word in ("no", "differ"):
            return self.give_up({"is": "abort", "reason": 1 if word == "no" else 2})
        self.heard_at = self.now
        return self.approve(word)

    def lose(self) -> None:
        """The link is lost, and found again so often at most."""
        self.resumes = self.resumes and self.rejoins < REJOINS_MAX
        self.rejoins += 1
        self.lost_at = self.now
        super().lose()

    def wait(self) -> Said:
        """It is `now`."""
        expiry = number(records(bytes.fromhex(self.offer))[14]) - self.clock
        match self.state:
            case "SHOWING" if self.now >= self.decide_by:
                return self.give_up({"is": "abort", "reason": 3})
            case "SHOWING" if self.now >= self.word_at:
                self.word_at = self.now + T_KEEP_ALIVE
                return [{"is": "wait", "reason": 1}]
            case "SENT" if self.now >= min(self.heard_at + T_STATUS, expiry + T_AFTER_EXPIRY):
                self.end("CLOSED")
            case "PAUSED" | "LOST" if self.now >= self.lost_at + T_RESUME:
                self.nobody_came()
        return []

    @property
    def told(self) -> str:
        """What the person is told in the end."""
        if self.state == "DONE":
            return "is told what the till says"
        return f"is told that {'the outcome is unknown' if self.request else 'nothing was signed'}"


class Till(second_session.Till):
    """Section 8.2 in time."""

    def __init__(self, *, offer: str, chain: bytes, clock: int) -> None:
        super().__init__(offer=offer, chain=chain, clock=clock)
        self.now = self.offered_at = self.heard_at = self.said_at = self.reported_at = self.lost_at = 0.0
        self.rejoins = 0
        self.sale = ""
        self.unread: list[bytes] = []

    def start(self) -> None:
        """HS3 has left."""
        super().start()
        self.offered_at = self.heard_at = self.now

    def take(self, message: dict[str, Any]) -> Said:
        """One row of the table."""
        said = super().take(message)
        self.heard_at = self.now
        return said

    def end(self, state: str) -> None:
        """Close. Without a request the sale is cancelled."""
        self.sale = "goes on" if state == "DETACHED" else self.sale if self.request else "is cancelled"
        super().end(state)

    def tell(self, status: dict[str, Any]) -> Said:
        """Say a status now, or when the device is back."""
        said = super().tell(status)
        self.said_at = self.now
        self.reported_at = self.now if self.is_settled else 0.0
        if self.state == "DETACHED" and self.is_settled:
            self.state, self.sale = "CLOSED", ""
        return said

    def stop(self, outcome: str) -> Said:
        """The till goes away. A sale without a request is cancelled by its cashier, not by a node that is away."""
        had = self.state
        self.end(self.gone())
        if outcome in ON_AIR and not self.request:
            self.sale = ""
        if had in ("LOST", "SEVERED"):
            return []
        return [{"is": "error", "code": ON_AIR[outcome]} if outcome in ON_AIR else {"is": "abort", "reason": 6}]

    def lose(self) -> None:
        """The link is lost, and found again so often at most."""
        self.resumes = self.resumes and self.rejoins < REJOINS_MAX
        self.rejoins += 1
        self.lost_at = self.now
        super().lose()

    def back(self, carried: dict[str, Any]) -> Said:
        """HS3 has left on a new link, with what it carried."""
        self.rejoin()
        self.offered_at += self.now - self.lost_at
        self.heard_at = self.said_at = self.reported_at = self.now
        return [] if self.news is None or self.news == carried else [self.news]

    def anew(self) -> None:
        """HS3 of a first handshake has left once more, section 10.5."""
        self.start()

    def wait(self) -> Said:
        """It is `now`."""
        match self.state:
            case "OFFERED" if self.now >= min(self.offered_at + T_REQUEST, self.heard_at + T_SILENCE):
                return self.give_up({"is": "abort", "reason": 3})
            case "PAYING" if self.now >= self.said_at + T_KEEP_ALIVE:
                self.said_at = self.now
                return [{"is": "wait", "reason": 3}]
            case "REPORTING" if self.now >= self.reported_at + T_ACK:
                self.end("CLOSED")
            case "LOST" | "SEVERED" if self.now >= self.lost_at + T_RESUME:
                self.nobody_came()
        return []
