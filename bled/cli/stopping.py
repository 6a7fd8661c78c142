"""What is said of a sale whose till was stopped: where the node's records show that nothing was paid, just that."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bled.codes import Code
from bled.errors import BledError
from bled.progress import OnStep
from bled.sales.ledger import SaleLedger
from bled.sales.states import SaleState

_CLOSED: Final = {f"sale {state.value}" for state in (SaleState.CANCELLED, SaleState.DECLINED, SaleState.EXPIRED)}
_LEFT: Final = {f"sale {state.value}" for state in SaleState} | {"sale left open"}
"""Steps in which a stopped till tells how it leaves its sale."""


class Watched:
    """Passes steps on, and remembers how a stopped till left its sale."""

    def __init__(self, on_step: OnStep) -> None:
        """Take the listener of the steps."""
        self._on_step = on_step
        self.left: str | None = None

    def __call__(self, name: str, facts: Mapping[str, object]) -> None:
        """Take one step."""
        if name in _LEFT:
            self.left = name
        self._on_step(name, facts)


@contextmanager
def told_when_stopped(sale: Watched, ledger: Path) -> Iterator[None]:
    """Turn Ctrl-C inside into `BledError` (`STOPPED`) when the sale was closed, or there is none that may be paid."""
    try:
        yield
    except KeyboardInterrupt:
        if sale.left in _CLOSED or (sale.left is None and not _has_open(ledger)):
            raise BledError(Code.STOPPED) from None
        raise


def _has_open(path: Path) -> bool:
    """Say whether a sale is open in the ledger at `path`; one that cannot be read may have any."""
    if not path.exists():
        return False
    try:
        with SaleLedger.read(path) as ledger:
            return bool(ledger.open_sales())
    except BledError:
        return True
