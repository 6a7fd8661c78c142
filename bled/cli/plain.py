"""Text that strangers wrote, made safe for a terminal: a merchant's description must not move the cursor."""

import unicodedata
from typing import Final

_LONGEST: Final = 300
_REPLACED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Controls, invisible formatting (bidirectional overrides too), surrogates, unassigned, line breaks."""


def printable(text: str, *, limit: int | None = _LONGEST) -> str:
    """Return `text` on one line with every character that could deceive shown as U+FFFD, cut to `limit` characters."""
    safe = "".join("\ufffd" if unicodedata.category(char) in _REPLACED else char for char in text)
    return safe if limit is None or len(safe) <= limit else safe[: limit - 1] + "…"
