"""What a doctor found: one thing that was looked at, how much it matters, and the lines that mend it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters."""

    GOOD = "good"
    ADVICE = "advice"
    """bled works, but slower, less privately or less surely than it could."""
    PROBLEM = "problem"
    """bled cannot work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: how much it matters.
        about: what was looked at, in a word or two.
        detail: what was found, one sentence.
        fix: lines to type, or to put into a file that the line before names.
    """

    level: Level
    about: str
    detail: str
    fix: tuple[str, ...] = ()
