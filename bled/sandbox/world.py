"""The sandbox: four Lightning nodes in one process. Its money is not real and its network is seen by nobody else.

    merchant --- hop --- home --- relay

The relay holds no money: it is the second peer over which messages come home.

What is real: keys and signatures, BOLT 12 messages, onions that each node really peels, the merchant's gRPC with mutual
TLS, the home plugin as a child process over lightningd's plugin protocol, and a ledger that survives a kill.
"""

import fcntl
import os
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bled.clock import Clock, SystemClock
from bled.codes import Code
from bled.errors import ConfigurationError, Unavailable
from bled.node.opening import NodeKind
from bled.sandbox.accounts import Accounts
from bled.sandbox.books import Books
from bled.sandbox.books_store import BookStore
from bled.sandbox.channels import Channel
from bled.sandbox.datastore import Datastore
from bled.sandbox.grpc_server import GrpcServer
from bled.sandbox.home_commands import HomeCommands
from bled.sandbox.lnd_books import LndBooks
from bled.sandbox.lnd_server import LndServer
from bled.sandbox.network import Network
from bled.sandbox.node import SandboxNode
from bled.sandbox.node_data import VERSION, Address
from bled.sandbox.node_keys import load_or_make_key
from bled.sandbox.payments import Payments
from bled.sandbox.plugin_host import PluginHost
from bled.sandbox.plugin_manifest import RPC_FILE
from bled.sandbox.rpc_socket import RpcSocket
from bled_codec.crypto import SecretKey
from bled_codec.units import Msat

FIRST_BALANCE: Final = Msat(1_000_000_000)
"""What each node owns in a new sandbox: a million toy satoshi."""

HOME_CHANNEL: Final = "102x1x0"
MERCHANT_CHANNEL: Final = "103x1x0"
RELAY_CHANNEL: Final = "104x1x0"

_ALIASES: Final = ("merchant", "hop", "home", "relay")
_FIRST_PORT: Final = 19735


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A running sandbox.

    Attributes:
        grpc_target: where the merchant's node listens, `127.0.0.1:PORT`.
        credentials: folder with `ca.pem`, `client.pem` and `client-key.pem` for it, or LND's files.
        home_rpc: the home node's `lightning-rpc`.
        grpc_server: the merchant's interface, which a test may let die.
    """

    folder: Path
    merchant: SandboxNode
    hop: SandboxNode
    home: SandboxNode
    grpc_target: str
    credentials: Path
    home_rpc: Path
    plugin: PluginHost
    payments: Payments
    grpc_server: GrpcServer | LndServer

    @property
    def node_address(self) -> str:
        """The merchant's node as a till is told of it: `cln://127.0.0.1:PORT`, or `lnd://...`."""
        kind = NodeKind.LND if isinstance(self.grpc_server, LndServer) else NodeKind.CLN
        return f"{kind}://{self.grpc_target}"

    @property
    def plugin_pid(self) -> int:
        """Process id of the home plugin's present life. Raises `Unavailable` (`NODE_DIED`) before its first."""
        if self.plugin.pid is None:
            raise Unavailable(Code.NODE_DIED, detail="the home plugin is not running")
        return self.plugin.pid

    def balances(self) -> dict[str, Msat]:
        """Return what each node owns, by alias. The sum never changes."""
        return self.home.network.accounts.balances()

    @classmethod
    @asynccontextmanager
    async def run(
        cls,
        folder: Path,
        *,
        clock: Clock | None = None,
        plugin: Sequence[str] | None = None,
        grpc_port: int = 0,
        version: str = VERSION,
        merchant: NodeKind = NodeKind.CLN,
        commit_seconds: float = 0.0,
    ) -> AsyncIterator["Sandbox"]:
        """Run a sandbox in `folder`: a new one, or the one that was there, with all it knew.

        `plugin` is the command of the home plugin, started in the home node's folder; None: this project's own.
        `version` is what the home node claims to be, and behaves like as far as a plugin can tell. `merchant` is the
        kind of the merchant's node. `commit_seconds` is how long each node waits before it signs a commitment: see
        `bled.sandbox.commit_time`.

        Raises `ConfigurationError` (`CONFIG_BAD`) when the folder cannot be used, its path is too long for a socket,
        the port is taken or the plugin does not start; `Unavailable` (`STORE_LOCKED`) when a sandbox runs there.
        """
        command = plugin or (sys.executable, "-m", "bled.home.main")
        async with AsyncExitStack() as stack:
            folder = stack.enter_context(_own_folder(folder))
            network = await _open_network(stack, folder, clock or SystemClock(), commit_seconds)
            kinds = {_ALIASES[0]: merchant}
            seller, hop, home, relay = (
                _open_node(stack, folder, network, alias, kinds.get(alias, NodeKind.CLN)) for alias in _ALIASES
            )
            _open_channels(network, seller, hop, home)
            network.add_channel(Channel(scid=RELAY_CHANNEL, ends=(home.node_id, relay.node_id)))
            payments = Payments(network)
            payments.recover()
            host, rpc = await _open_home(stack, home, payments, command, version)
            server = LndServer() if merchant is NodeKind.LND else GrpcServer()
            stack.push_async_callback(server.stop)
            yield cls(
                folder=folder,
                merchant=seller,
                hop=hop,
                home=home,
                grpc_target=await _listen(server, seller, grpc_port),
                credentials=seller.lightning_dir,
                home_rpc=rpc,
                plugin=host,
                payments=payments,
                grpc_server=server,
            )


@contextmanager
def _own_folder(path: Path) -> Iterator[Path]:
    """Make the folders, keep others out of them, and give the whole path."""
    folder = path.resolve()
    try:
        for place in (folder, *(folder / alias for alias in _ALIASES)):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / "sandbox.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{folder} cannot be used: {error.strerror}") from error
    try:
        _lock(descriptor, folder)
        yield folder
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Unavailable(Code.STORE_LOCKED, detail=f"a sandbox runs in {folder} already") from error


async def _open_network(stack: AsyncExitStack, folder: Path, clock: Clock, commit_seconds: float) -> Network:
    accounts = Accounts(folder / "accounts.sqlite")
    stack.callback(accounts.close)
    return await stack.enter_async_context(Network(clock=clock, accounts=accounts, commit_seconds=commit_seconds))


def _open_node(stack: AsyncExitStack, folder: Path, network: Network, alias: str, kind: NodeKind) -> SandboxNode:
    place = folder / alias
    key = load_or_make_key(place)
    books = _open_books(stack, place, key, network, kind)
    address = Address(port=_FIRST_PORT + _ALIASES.index(alias))
    return SandboxNode(alias=alias, key=key, books=books, network=network, lightning_dir=place, address=address)


def _open_books(
    stack: AsyncExitStack, place: Path, key: SecretKey, network: Network, kind: NodeKind
) -> Books | LndBooks:
    if kind is NodeKind.LND:
        invoices = LndBooks(place / "lnd.sqlite", clock=network.clock)
        stack.callback(invoices.close)
        return invoices
    store = BookStore(place / "books.sqlite")
    stack.callback(store.close)
    return Books(key=key, chain=network.chain, store=store, clock=network.clock)


def _open_channels(network: Network, merchant: SandboxNode, hop: SandboxNode, home: SandboxNode) -> None:
    """Open the channels; what hop owns lies towards the merchant, so that home's whole balance can get there."""
    network.add_channel(Channel(scid=HOME_CHANNEL, ends=(home.node_id, hop.node_id)))
    network.add_channel(Channel(scid=MERCHANT_CHANNEL, ends=(hop.node_id, merchant.node_id)))
    shares = ((HOME_CHANNEL, home), (MERCHANT_CHANNEL, hop), (MERCHANT_CHANNEL, merchant))
    for channel, owner in shares:
        network.accounts.fund(channel, owner.alias, FIRST_BALANCE, at=network.clock.now())


async def _open_home(
    stack: AsyncExitStack, home: SandboxNode, payments: Payments, command: Sequence[str], version: str
) -> tuple[PluginHost, Path]:
    """Open home's socket, then start its plugin, which may use the socket at once."""
    path = home.lightning_dir / RPC_FILE
    log_file = home.lightning_dir / "plugin.log"
    host = PluginHost(command, lightning_dir=home.lightning_dir, log_file=log_file, version=version)
    kept = Datastore(home.lightning_dir / "datastore.json")
    socket = RpcSocket(path, HomeCommands(home, payments, host, kept, version=version))
    await socket.start()
    stack.push_async_callback(socket.stop)
    stack.push_async_callback(host.stop)
    await host.start()
    home.hook = host.on_message
    return host, path


async def _listen(server: GrpcServer | LndServer, merchant: SandboxNode, port: int) -> str:
    try:
        return await server.start(merchant, folder=merchant.lightning_dir, port=port)
    except OSError as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail=str(error)) from error
