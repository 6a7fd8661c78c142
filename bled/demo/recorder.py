"""What happened when: every role of the demo reports its steps here."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bled.progress import OnStep


class Who(StrEnum):
    """Who took a step."""

    TILL = "till"
    BUYER = "buyer"
    HOME = "home"
    ATTACKER = "attacker"
    DEMO = "demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: `at_ms` counts from the moment the buyer opened the pay screen."""

    who: Who
    name: str
    at_ms: float
    facts: Mapping[str, object] = field(default_factory=dict)


class Recorder:
    """Keeps the steps in the order in which they were reported, and passes each on to who shows it."""

    def __init__(self, show: Callable[[Step], None]) -> None:
        """Take the one who shows steps as they happen."""
        self.steps: list[Step] = []
        self._show = show
        self._began = time.monotonic()

    def restart(self) -> None:
        """Count from now on: the buyer opens the pay screen."""
        self._began = time.monotonic()

    def role(self, who: Who) -> OnStep:
        """Return the listener of one role."""

        def listen(name: str, facts: Mapping[str, object]) -> None:
            self.add(who, name, facts)

        return listen

    def add(self, who: Who, name: str, facts: Mapping[str, object] | None = None) -> None:
        """Add a step that happens now."""
        at_ms = (time.monotonic() - self._began) * 1000
        step = Step(who=who, name=name, at_ms=round(at_ms, 1), facts=dict(facts or {}))
        self.steps.append(step)
        self._show(step)

    def at(self, name: str) -> float | None:
        """Return when the first step of this name was taken, in milliseconds."""
        return next((step.at_ms for step in self.steps if step.name == name), None)
