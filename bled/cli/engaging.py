"""The till's code as the buyer's device takes it: pasted, or typed in."""

import sys

from bled.cli.output import note
from bled.gatt.engagement import Engagement

FROM_INPUT = "-"
"""In place of the text: read it from standard input, so that it stands in no list of processes."""


def read_engagement(text: str) -> Engagement:
    """Return the engagement that a till shows as `text`. Raises `PeerError` (`ENGAGEMENT_BAD`) for anything else."""
    if text == FROM_INPUT:
        if sys.stdin.isatty():
            note("The till's code: ")
        text = sys.stdin.readline()
    return Engagement.parse(text)
