"""Which Core Lightning home runs in, and what an older one lacks. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from bled.codes import Code
from bled.errors import ConfigurationError

VERSION_VARIABLE: Final = "LIGHTNINGD_VERSION"
"""lightningd tells each of its plugins its version in this variable of the environment."""
_OLDEST: Final = (25, 2)
"""Brought `maxdelay` of `xpay`, without which a payment might be stuck for two weeks."""
_LABELS: Final = (26, 6)
"""Brought `label` of `xpay`, under which the node's own records name the payer id."""
_NUMBERS: Final = re.compile(r"\Av?(?P<year>[0-9]{2})\.(?P<month>[0-9]{2})(?![0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeVersion:
    """A version as the node says it; None when it said none. One built from a branch is taken for the newest."""

    text: str | None

    @property
    def _numbers(self) -> tuple[int, int] | None:
        found = _NUMBERS.match(self.text or "")
        return None if found is None else (int(found["year"]), int(found["month"]))

    @property
    def has_labels(self) -> bool:
        """Whether `xpay` takes a label."""
        return self._numbers is None or self._numbers >= _LABELS

    def check(self) -> None:
        """Refuse a node that is too old to pay safely. Raises `ConfigurationError` (`CONFIG_BAD`)."""
        if self._numbers is not None and self._numbers < _OLDEST:
            detail = f"lightningd {self.text} is too old: bled needs v25.02, whose xpay bounds how long a payment hangs"
            raise ConfigurationError(Code.CONFIG_BAD, detail=detail)

    @property
    def lacks(self) -> tuple[str, ...]:
        """What cannot be done with this version, in sentences."""
        if self.has_labels:
            return ()
        sentence = (
            f"lightningd {self.text} keeps no label with a payment (v26.06 does): after the ledger was lost, or put "
            "back from a copy, home cannot see from the node's records which payer ids it paid for. Keep the ledger "
            "safe, and issue new books after a restore."
        )
        return (sentence,)
