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
    """One step: `at_ms` counts from the moment the buyer opened the pay screen; before it nothing is measured."""

    who: Who
    name: str
    at_ms: float
    is_setup: bool
    facts: Mapping[str, object] = field(default_factory=dict)


class Recorder:
    """Keeps the steps in the order in which they were reported, and passes each on to who shows it."""

    def __init__(self, show: Callable[[Step], None]) -> None:
        """Take the one who shows steps as they happen."""
        self.steps: list[Step] = []
        self._show = show
        self._began: float | None = None

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
        at_ms = 0.0 if self._began is None else (time.monotonic() - self._began) * 1000
        is_setup = self._began is None
        step = Step(who=who, name=name, at_ms=round(at_ms, 1), is_setup=is_setup, facts=dict(facts or {}))
        self.steps.append(step)
        self._show(step)

    def facts(self, name: str) -> Mapping[str, object]:
        """Return what belongs to the last step of this name, nothing when there was none."""
        return next((step.facts for step in reversed(self.steps) if step.name == name), {})

    def at(self, name: str) -> float | None:
        """Return when the first step of this name was taken, in milliseconds."""
        return next((step.at_ms for step in self.steps if step.name == name), None)
