"""What stands between the tills of the campaign and their node: nothing, or a proxy that is killed now and then."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import home_forks
from stage import Shop

from bled.clock import SystemClock
from bled.node.cln_credentials import load_credentials
from bled.proxy.caps import Caps
from bled.proxy.offers import OfferBook
from bled.proxy.server import NodeProxy
from bled.proxy.tills import Tills
from bled_codec.units import Msat

_SPOT = "proxy.address"


class Door:
    """The way to the node: its own gRPC."""

    kills = 0

    def __init__(self, shop: Shop) -> None:
        self.address, self.credentials = shop.address, str(shop.credentials)

    async def open(self, failpoint: str | None = None) -> None:
        """Have it open."""

    async def kill(self) -> None:
        """Kill what may be killed."""


class ProxyDoor(Door):
    """`bled node-proxy` before it, a process of its own, always at one address."""

    def __init__(self, shop: Shop, forks: home_forks.Forks) -> None:
        self._shop, self._forks = shop, forks
        self._folder = shop.folder / "proxy"
        self._pid: int | None = None
        self.address = "127.0.0.1:0"
        self.credentials = str(shop.folder / "kiosk")
        Tills(self._folder).add("kiosk", Path(self.credentials))

    async def open(self, failpoint: str | None = None) -> None:
        """Start the proxy unless it runs; it dies at `failpoint`."""
        if self._pid is not None and not self._forks.has_ended(self._pid):
            return
        (self._folder / _SPOT).unlink(missing_ok=True)
        log = os.open(self._folder / "log", os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self._pid = await self._forks.start(
            "proxy",
            (log, log, log),
            target=self._shop.target,
            credentials=str(self._shop.credentials),
            folder=str(self._folder),
            listen=self.address,
            failpoint=failpoint,
        )
        os.close(log)
        while not (self._folder / _SPOT).exists():
            if self._forks.has_ended(self._pid):
                raise RuntimeError("the proxy did not start: " + (self._folder / "log").read_text()[-2000:])
            await asyncio.sleep(0.005)
        self.address = (self._folder / _SPOT).read_text()

    async def kill(self) -> None:
        """Kill the proxy, unless its failpoint has."""
        if self._pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        self.kills += await self._forks.ended(self._pid) == -signal.SIGKILL
        self._pid = None


def proxy(*, target: str, credentials: str, folder: str, listen: str, failpoint: str | None) -> None:
    """Be the proxy until this process is killed."""
    os.environ.pop("BLED_FAILPOINT", None)
    if failpoint is not None:
        os.environ["BLED_FAILPOINT"] = failpoint
    asyncio.run(_serve(target, Path(credentials), Path(folder), listen))


async def _serve(target: str, credentials: Path, folder: Path, listen: str) -> None:
    caps = Caps.open(folder / "refunds.sqlite", per_day=Msat(0))
    offers = OfferBook.open(folder / "offers.sqlite")
    proof = load_credentials(credentials)
    served = NodeProxy(target, proof, tills=Tills(folder), caps=caps, offers=offers, clock=SystemClock())
    draft = folder / f"{_SPOT}.new"
    draft.write_text(await served.start(listen))
    draft.rename(folder / _SPOT)
    await asyncio.Event().wait()
