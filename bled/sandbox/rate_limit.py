"""How many onion messages Core Lightning takes from one connection: the rest is dropped without a word."""

from typing import Final

_TOKENS: Final = 4
_REFILL_SECONDS: Final = 0.25


class OnionRate:
    """Tokens of one connection at the receiver: four to begin with and at most, one more every 250 ms."""

    def __init__(self, now: float) -> None:
        """Begin full at `now`, seconds of a monotonic clock."""
        self._tokens = _TOKENS
        self._refilled_at = now

    def allows(self, now: float) -> bool:
        """Take a token for one message at `now`; False when there is none."""
        earned = int((now - self._refilled_at) / _REFILL_SECONDS)
        self._tokens = min(_TOKENS, self._tokens + earned)
        self._refilled_at += earned * _REFILL_SECONDS
        if self._tokens == 0:
            return False
        self._tokens -= 1
        return True
