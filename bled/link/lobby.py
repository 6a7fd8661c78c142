"""Centrals that are connected to a buyer's device while none is bound yet."""

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

MAX_GUESTS: Final = 4
"""Connections beside each other before one is bound; the oldest gives way to a fifth."""
SUBSCRIBE_SECONDS: Final = 10.0
"""How long a central may be connected without subscribing."""
OFFER_SECONDS: Final = 75.0
"""How long a central may be subscribed without writing: its node may be slow."""
TURN_AWAY_SECONDS: Final = 1.0
"""How long a central stays that is not welcome. Linux 6.1 has a fault by which the program that drives its Bluetooth is
killed when a link ends while it is still being set up, and an honest till may run it."""

_Handle = TypeVar("_Handle")


@dataclass(slots=True, kw_only=True)
class _Guest:
    deadline: float
    entered: float
    subscribed: bool = False
    condemned: bool = False


class Lobby(Generic[_Handle]):
    """Who may become the one that is bound: whoever subscribed, by its first write.

    Time is the caller's: seconds of any monotonic clock.
    """

    def __init__(self) -> None:
        """Nobody is here."""
        self._guests: dict[_Handle, _Guest] = {}

    def enter(self, guest: _Handle, *, now: float) -> None:
        """A central has connected."""
        self._guests[guest] = _Guest(deadline=now + SUBSCRIBE_SECONDS, entered=now)

    def subscribe(self, guest: _Handle, *, on: bool, now: float) -> None:
        """A central has switched notifications on or off."""
        entry = self._guests.get(guest)
        if entry is not None and not entry.condemned:
            entry.subscribed = on
            entry.deadline = now + (OFFER_SECONDS if on else SUBSCRIBE_SECONDS)

    def may_write(self, guest: _Handle) -> bool:
        """Return whether a write of this central binds it."""
        entry = self._guests.get(guest)
        return entry is not None and entry.subscribed and not entry.condemned

    def condemn(self, guest: _Handle, *, now: float) -> None:
        """A central has broken the profile: it is overdue from now on, whatever it does."""
        entry = self._guests.get(guest)
        if entry is not None:
            entry.condemned = True
            entry.deadline = now

    def turn_away(self, guest: _Handle, *, now: float) -> None:
        """A central that has just connected is not welcome: it is overdue in a moment, whatever it does."""
        self.condemn(guest, now=now + TURN_AWAY_SECONDS)

    def settles_in(self, guest: _Handle, *, now: float) -> float:
        """Return for how many seconds yet this central should not be disconnected, whatever the reason; 0 for none."""
        entry = self._guests.get(guest)
        return 0.0 if entry is None else max(0.0, entry.entered + TURN_AWAY_SECONDS - now)

    def is_condemned(self, guest: _Handle) -> bool:
        """Return whether this central is about to be disconnected for what it did."""
        entry = self._guests.get(guest)
        return entry is not None and entry.condemned

    def leave(self, guest: _Handle) -> None:
        """A central has disconnected."""
        self._guests.pop(guest, None)

    def guests(self) -> tuple[_Handle, ...]:
        """Return everybody who is here, the oldest first."""
        return tuple(self._guests)

    def to_drop(self, *, now: float) -> tuple[_Handle, ...]:
        """Return who is to be disconnected: the overdue, and the oldest above the limit."""
        overdue = [guest for guest, entry in self._guests.items() if now >= entry.deadline]
        rest = [guest for guest in self._guests if guest not in overdue]
        return (*overdue, *rest[: max(0, len(rest) - MAX_GUESTS)])

    def deadline(self) -> float | None:
        """Return when the next guest is overdue; None while nobody is here."""
        return min((entry.deadline for entry in self._guests.values()), default=None)
