"""Whether something keeps the machine's clock in step with the world's, as far as its kernel says."""

import ctypes
from collections.abc import Callable
from typing import Final

_TIMEX_BYTES: Final = 512
"""More than any `struct timex`; all zero, it asks for the state and changes nothing."""
_TIME_ERROR: Final = 5
"""What `adjtimex` returns while the clock is not synchronised."""


def nobody_asks() -> bool:
    """Call no clock adrift: on a chain without value, and where the owner answers for the clock."""
    return False


def is_clock_adrift(adjtimex: Callable[[object], int] | None = None) -> bool:
    """Say whether the kernel knows that nothing keeps its clock in step.

    Where it does not say, as on other systems than Linux or in a container that forbids the question, it is not
    known, and this is false. `adjtimex` stands in for the C library's.
    """
    ask = adjtimex or getattr(ctypes.CDLL(None), "adjtimex", None)
    return ask is not None and ask(ctypes.create_string_buffer(_TIMEX_BYTES)) == _TIME_ERROR
