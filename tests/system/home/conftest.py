"""The plugin as a process, under a scripted lightningd, with a book that it issued itself."""

import asyncio
import importlib.util
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from bled.grants.book import decode_book
from bled.grants.wrapping import unwrap_book
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.units import UnixTime


def _load(path: Path) -> ModuleType:
    name = f"tests_home_{path.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


HERE = Path(__file__).parent
purchases = _load(HERE.parents[1] / "unit" / "home" / "purchases.py")
scripted = _load(HERE / "lightningd.py")
warm_module = _load(HERE / "warm.py")


class House:
    """A node with the plugin, and the buyer's device with a book from it."""

    def __init__(self, folder: Path, warm=None) -> None:
        self.node = scripted.Lightningd(folder, warm)
        self.RpcError = scripted.RpcError
        self.purchases = purchases

    async def open(self, **issue: object) -> "House":
        await self.node.listen()
        assert await self.node.start_plugin() == {}
        await self.issue(**issue)
        return self

    async def issue(self, **changes: object) -> dict[str, object]:
        order = {"device": "phone", "ids": 5, "total_msat": 1_000_000, "per_payment_msat": 400_000}
        self.issued = await self.node.ask("bled-issue", order | changes)
        clear = unwrap_book(bytes.fromhex(self.issued["book"]), passphrase=self.issued["passphrase"])
        self.book = decode_book(clear, chain=REGTEST_CHAIN, now=self.now)
        return self.issued

    @property
    def now(self) -> UnixTime:
        return UnixTime(int(time.time()))

    def grant(self, index: int = 0):
        return self.book.grants[index]

    def secret(self, index: int = 0) -> bytes:
        """Return the path secret of an id, from the plugin's own master secret."""
        from bled.grants.keys import HomeKeys
        from bled.grants.metadata import path_secret

        master = (self.node.folder / "bled-home" / "master.secret").read_bytes()
        return path_secret(HomeKeys.from_master(master), self.grant(index).payer_id)

    def request(self, index: int = 0, **fields: object):
        to = fields.pop("to", None) or purchases.offer(now=self.now)
        return purchases.request(self.grant(index), to, **fields)

    def invoice(self, to, *, preimage: bytes = b"p" * 32, **fields: object):
        made = purchases.invoice(to, now=self.now, preimage=preimage, **fields)
        self.node.preimages[made.invoice_payment_hash.hex()] = preimage
        return made

    async def budget(self) -> dict[str, int]:
        return await self.node.ask("bled-budget", {"book_id": self.issued["book_id"]})


@pytest.fixture(scope="session")
def issued_once(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house that has issued its book and is closed: what the others are copies of, for the stretching costs time."""
    made = House(tmp_path_factory.mktemp("house"))

    async def issue() -> None:
        try:
            await made.open()
        finally:
            await made.node.stop()

    asyncio.run(issue())
    return made


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Starts plugins in milliseconds."""
    folder = tmp_path_factory.mktemp("warm")
    with warm_module.parent(folder):
        yield warm_module.Warm(folder / "warm")


@pytest.fixture
async def house(tmp_path: Path, issued_once: House, warm) -> AsyncIterator[House]:
    """A house whose node listens and whose plugin runs, with a book of five ids."""
    shutil.copytree(issued_once.node.folder / "bled-home", tmp_path / "bled-home")
    made = House(tmp_path, warm)
    made.issued, made.book = issued_once.issued, issued_once.book
    try:
        await made.node.listen()
        assert await made.node.start_plugin() == {}
        yield made
    finally:
        await made.node.kill_plugin()
        await made.node.stop()
