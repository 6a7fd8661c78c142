"""Failpoints: places between two durable effects where a test may kill, fail or delay the process.

Armed by the environment only, `BLED_FAILPOINT=name[:nth]=kill|error|delay`; otherwise a no-op.
"""

import os
import signal
import time
from typing import Final

from bled.codes import Code, Failpoint
from bled.errors import BledError

_DELAY_SECONDS: Final = 2.0
_hits: dict[str, int] = {}


def failpoint(name: Failpoint) -> None:
    """Do what `BLED_FAILPOINT` asks for at `name`, on its nth passage (the first unless told).

    `kill` sends SIGKILL to this process, `error` raises `BledError` (`FAILPOINT`), `delay` sleeps 2 s.
    """
    armed = os.environ.get("BLED_FAILPOINT")
    if armed is None:
        return
    where, _, action = armed.partition("=")
    wanted, _, nth = where.partition(":")
    if wanted != name.value:
        return
    _hits[wanted] = _hits.get(wanted, 0) + 1
    if _hits[wanted] == int(nth or "1"):
        _act(action, name)


def _act(action: str, name: Failpoint) -> None:
    match action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "delay":
            time.sleep(_DELAY_SECONDS)
        case _:
            raise BledError(Code.FAILPOINT, detail=f"failpoint {name.value}")
