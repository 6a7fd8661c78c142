"""How long work reports what it does: names of steps and facts a person may see, never secrets."""

from collections.abc import Callable, Mapping

OnStep = Callable[[str, Mapping[str, object]], None]
"""Told of each step as it happens: its name, and what belongs to it. Must return at once."""


def ignore_steps(name: str, facts: Mapping[str, object]) -> None:
    """Listen to nothing."""
