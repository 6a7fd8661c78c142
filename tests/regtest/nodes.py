"""A bitcoind and Core Lightning nodes of our own on regtest: loopback alone, in a folder that is thrown away."""

import asyncio
import json
import shutil
import socket
import subprocess
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from bled.errors import Unavailable
from bled.node.lightning_rpc import LightningRpc

PROGRAMS = ("bitcoind", "bitcoin-cli", "lightningd")
GRPC_PLUGIN = "cln-grpc"


def _has_grpc() -> bool:
    """Say whether lightningd has its gRPC plugin: on the PATH, or where an installation and a build keep it."""
    lightningd = shutil.which("lightningd")
    if lightningd is None or shutil.which(GRPC_PLUGIN):
        return True  # without lightningd that is what is missing
    real = Path(lightningd).resolve().parent
    places = (real.parent / "libexec" / "c-lightning" / "plugins", real.parent / "plugins", real / "plugins")
    return any((place / GRPC_PLUGIN).exists() for place in places)


MISSING = [name for name in PROGRAMS if shutil.which(name) is None] + ([] if _has_grpc() else [GRPC_PLUGIN])
SECONDS = 90.0
COINS = 1.0
CHANNEL_SAT = 1_000_000


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def until(holds: Callable[[], Awaitable[Any]], what: str, *, pause: float = 0.2) -> Any:
    """Ask again and again until the answer is true; a node that cannot be asked yet is asked again."""
    try:
        async with asyncio.timeout(SECONDS):
            while True:
                try:
                    if found := await holds():
                        return found
                except Unavailable:
                    pass
                await asyncio.sleep(pause)
    except TimeoutError:
        raise AssertionError(f"not within {SECONDS:.0f} s: {what}") from None


async def end(process: Process) -> None:
    """End a program, if it has not ended by itself."""
    if process.returncode is None:
        process.terminate()
    await process.wait()


def check_runs(process: Process, name: str) -> None:
    """Say at once that a program has ended, rather than wait for its answer."""
    assert process.returncode is None, f"{name} ended by itself with exit code {process.returncode}"


class Bitcoin:
    """A chain of blocks that come when they are asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()

    @asynccontextmanager
    async def run(self) -> AsyncIterator["Bitcoin"]:
        self.folder.mkdir()
        process = await asyncio.create_subprocess_exec(
            "bitcoind", "-regtest", f"-datadir={self.folder}", f"-rpcport={self.port}", "-listen=0", "-txindex=1",
            "-fallbackfee=0.00001", "-printtoconsole=0", "-server=1",
        )  # fmt: skip
        try:
            await until(lambda: self._answers(process), "bitcoind answers")
            self.cli("createwallet", "coins")
            self.mine(101)
            yield self
        finally:
            await end(process)

    async def _answers(self, process: Process) -> bool:
        check_runs(process, "bitcoind")
        asking = await asyncio.create_subprocess_exec(*self._command("getblockcount"), stdout=PIPE, stderr=PIPE)
        await asking.communicate()
        return asking.returncode == 0

    def _command(self, *words: str) -> list[str]:
        return ["bitcoin-cli", "-regtest", f"-datadir={self.folder}", f"-rpcport={self.port}", *words]

    def cli(self, *words: str) -> str:
        """Return what bitcoin-cli says."""
        return subprocess.run(self._command(*words), capture_output=True, text=True, check=True).stdout.strip()

    def mine(self, blocks: int) -> None:
        """Make blocks."""
        self.cli("generatetoaddress", str(blocks), self.cli("getnewaddress"))


class Node:
    """One lightningd; `call` is its `lightning-rpc`."""

    def __init__(self, folder: Path, bitcoin: Bitcoin, *options: str) -> None:
        self.folder, self.bitcoin, self.options, self.port = folder, bitcoin, options, free_port()
        self.rpc = LightningRpc(folder / "regtest" / "lightning-rpc")
        self.node_id = ""
        self.grpc_port = free_port()
        self.process: Process | None = None

    @property
    def grpc_target(self) -> str:
        """Where the node's gRPC listens, host:port."""
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def credentials(self) -> Path:
        """Folder with ca.pem, client.pem and client-key.pem, which lightningd makes."""
        return self.folder / "regtest"

    @asynccontextmanager
    async def run(self) -> AsyncIterator["Node"]:
        self.folder.mkdir()
        try:
            await self._start()
            yield self
        finally:
            if self.process is not None:
                await end(self.process)

    async def kill_and_start(self) -> None:
        """End lightningd with SIGKILL and start it again in its folder."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()
        await self._start()

    async def _start(self) -> None:
        self.process = process = await asyncio.create_subprocess_exec(
            "lightningd", f"--lightning-dir={self.folder}", "--network=regtest", f"--addr=127.0.0.1:{self.port}",
            f"--bitcoin-datadir={self.bitcoin.folder}", f"--bitcoin-rpcport={self.bitcoin.port}", "--log-level=debug",
            f"--log-file={self.folder / 'log'}", "--developer", "--dev-fast-gossip", "--dev-bitcoind-poll=1",
            "--dev-allow-localhost", f"--grpc-port={self.grpc_port}",
            *self.options,
        )  # fmt: skip
        self.node_id = (await until(lambda: self._answers(process), "lightningd answers"))["id"]

    async def _answers(self, process: Process) -> dict[str, Any]:
        check_runs(process, "lightningd")
        return await self.call("getinfo")

    async def call(self, method: str, **params: object) -> dict[str, Any]:
        return await self.rpc.call(method, params, seconds=SECONDS)

    async def fund(self) -> None:
        """Give the node a coin."""
        address = await self.call("newaddr", addresstype="bech32")
        self.bitcoin.cli("sendtoaddress", address["bech32"], str(COINS))
        self.bitcoin.mine(1)

        async def has_coin() -> bool:
            return any(each["status"] == "confirmed" for each in (await self.call("listfunds"))["outputs"])

        await until(has_coin, "a coin has arrived")

    async def open_channel(self, other: "Node", *, announce: bool = True) -> None:
        """Open a channel with half of it on the other side; return when both ends know what the other asks for it."""
        await self.call("connect", id=other.node_id, host="127.0.0.1", port=other.port)
        terms = {"amount": CHANNEL_SAT, "push_msat": CHANNEL_SAT * 500, "announce": announce}
        await self.call("fundchannel", id=other.node_id, **terms)
        self.bitcoin.mine(6)
        for end, peer in ((self, other), (other, self)):
            await until(lambda end=end, peer=peer: end.has_channel(peer), "the channel can be used")

    async def has_channel(self, peer: "Node") -> bool:
        """Say whether a channel with `peer` is open, and its ends have told each other their fees."""
        channels = (await self.call("listpeerchannels", id=peer.node_id))["channels"]
        return any(each["state"] == "CHANNELD_NORMAL" and "remote" in each.get("updates", {}) for each in channels)

    async def is_connected(self, peer: "Node") -> bool:
        """Say whether a channel with `peer` can carry something now."""
        channels = (await self.call("listpeerchannels", id=peer.node_id))["channels"]
        return any(each["state"] == "CHANNELD_NORMAL" and each["peer_connected"] for each in channels)

    async def knows_channels(self, count: int) -> bool:
        """Say whether gossip has both directions of so many channels."""
        return len((await self.call("listchannels"))["channels"]) >= 2 * count

    def log(self) -> str:
        """Return what lightningd has written, for a message about a failure."""
        return (self.folder / "log").read_text(errors="replace")[-5_000:]


@asynccontextmanager
async def town(folder: Path, plugin: Path, *, private: bool = False) -> AsyncIterator[tuple[Node, Node, Node]]:
    """Run merchant, hop and home in a row; home has the plugin in its configuration.

    The only channel of a `private` merchant is not announced.
    """
    async with AsyncExitStack() as stack:
        bitcoin = await stack.enter_async_context(Bitcoin(folder / "bitcoin").run())
        merchant = await stack.enter_async_context(Node(folder / "merchant", bitcoin).run())
        hop = await stack.enter_async_context(Node(folder / "hop", bitcoin).run())
        home = await stack.enter_async_context(Node(folder / "home", bitcoin, f"--plugin={plugin}").run())
        await home.fund()
        await hop.fund()
        await home.open_channel(hop)
        await hop.open_channel(merchant, announce=not private)
        announced = 1 if private else 2
        for node in (merchant, hop, home):
            known = f"gossip has come: {json.dumps(node.node_id)}"
            await until(lambda node=node: node.knows_channels(announced), known)
        yield merchant, hop, home
