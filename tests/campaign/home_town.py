"""The sandbox as a process of its own: home's node, whose plugin is forked, and a till that sends what it is told."""

import asyncio
import os
import secrets
import signal
import time
from asyncio import StreamReader, StreamReaderProtocol, StreamWriter
from asyncio.subprocess import Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import home_forks
from home_till import GivingTill

from bled.grants.refund_offer import refund_offer_record
from bled.node.cln_onions import invoice_onion
from bled.sandbox import world
from bled.sandbox.books_rows import OfferArgs
from bled.sandbox.home_commands import HomeCommands
from bled.sandbox.plugin_child import PluginChild, PluginError, PluginGone
from bled.sandbox.plugin_host import PluginHost
from bled.sandbox.world import Sandbox
from bled_codec.blinded_path import BlindedPath, EncryptedData, decode_paths, unblind
from bled_codec.bolt12_string import parse_string
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey, parse_point, sha256
from bled_codec.invoice import create_invoice
from bled_codec.invoice_request import create_invoice_request
from bled_codec.offer import Offer
from bled_codec.units import Msat, Point, UnixTime

HOOK = "onion_message_recv_secret"
LASTING = 300


class ForkedProcess:
    """As much of an asyncio process as the plugin's keeper uses."""

    def __init__(self, pid: int, forks: home_forks.Forks, reader: StreamReader, writer: StreamWriter) -> None:
        self.pid, self._forks, self.stdout, self.stdin = pid, forks, reader, writer

    async def wait(self) -> int:
        return await self._forks.ended(self.pid)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


class ForkingHost(PluginHost):
    """Starts the plugin when told, armed as told, and never by itself."""

    forks: home_forks.Forks
    clock: str
    defect: str | None
    database: str | None

    async def start(self) -> None:
        """Begin without a plugin: whoever plays with this town starts it."""

    async def stop(self) -> None:
        await self._end_child()

    async def launch(self, *, failpoint: str | None, startup: bool, kill_after: float | None) -> int:
        """Start the plugin; return its pid, also when it died while it started."""
        if self._listening is not None:
            await self._listening
        process = await self._fork(failpoint)
        if kill_after is not None:
            asyncio.get_running_loop().call_later(kill_after, process.kill)
        self._child = PluginChild(cast("Process", process), log_file=self._log_file, on_gone=self._ready.clear)
        self._listening = asyncio.create_task(self._child.listen())
        try:
            self._manifest = await self._handshake(self._child, startup=startup)
            self._ready.set()
        except PluginGone:
            pass
        return process.pid

    async def _fork(self, failpoint: str | None) -> ForkedProcess:
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        log = os.open(self._log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        how = {"folder": str(self._folder), "failpoint": failpoint, "clock": self.clock, "defect": self.defect}
        pid = await self.forks.start("home", (theirs_in, theirs_out, log), **how, database=self.database)
        for each in (theirs_in, theirs_out, log):
            os.close(each)
        loop, reader = asyncio.get_running_loop(), StreamReader()
        await loop.connect_read_pipe(lambda: StreamReaderProtocol(reader), os.fdopen(ours_out, "rb", 0))
        protocol = StreamReaderProtocol(StreamReader())  # nothing is read here, but it knows when a pipe is closed
        transport, _ = await loop.connect_write_pipe(lambda: protocol, os.fdopen(ours_in, "wb", 0))
        return ForkedProcess(pid, self.forks, reader, StreamWriter(transport, protocol, None, loop))


class TownCommands(HomeCommands):
    """Home's own commands, and those of the campaign."""

    town: "Town"

    async def call(self, method: str, params: object, *, request_id: object) -> Any:
        if method.startswith("town-"):
            return await getattr(self.town, method.removeprefix("town-"))(**cast("Mapping[str, Any]", params))
        return await super().call(method, params, request_id=request_id)


class Town:
    """What the campaign can ask for."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._host = cast("ForkingHost", sandbox.plugin)
        self._till = GivingTill(sandbox, self)
        self._busy: set[asyncio.Task[Any]] = set()

    async def start(self, failpoint: str | None, startup: bool, kill_after: float | None) -> dict[str, Any]:
        """Start the plugin."""
        return {"pid": await self._host.launch(failpoint=failpoint, startup=startup, kill_after=kill_after)}

    async def arm(self, failpoint: str | None) -> dict[str, Any]:
        """Have this process die at a failpoint of its own."""
        os.environ.pop("BLED_FAILPOINT", None)
        if failpoint is not None:
            os.environ["BLED_FAILPOINT"] = failpoint
        return {}

    async def buy(self, grant: dict[str, Any], amount: int, invoices: int) -> dict[str, Any]:
        """Make an offer, have the device sign for it, and answer with several invoices; also say how they come home."""
        merchant, now = self._sandbox.merchant, UnixTime(int(time.time()))
        args = OfferArgs(
            amount=f"{amount}msat",
            description=secrets.token_hex(8),
            absolute_expiry=UnixTime(now + LASTING),
            single_use=invoices == 1,
        )
        offer = Offer.from_string(merchant.books.offer(args).bolt12)
        paths = list(decode_paths(bytes.fromhex("".join(grant["paths"]))))
        refund_offer = grant["refund_offer"]
        request = create_invoice_request(
            offer,
            metadata=bytes.fromhex(grant["metadata"]),
            payer_id=parse_point(bytes.fromhex(grant["payer_id"])),
            amount=Msat(amount),
            chain=REGTEST_CHAIN,
            paths=paths,
            extra=() if refund_offer is None else (refund_offer_record(Offer.decode(bytes.fromhex(refund_offer))),),
        ).sign(SecretKey(bytes.fromhex(grant["secret"])), aux=bytes(32))
        made = []
        for _ in range(invoices):
            preimage = secrets.token_bytes(32)
            draft = create_invoice(
                request,
                payment_hash=sha256(preimage),
                created_at=now,
                node_id=merchant.node_id,
                amount=Msat(amount),
                relative_expiry=LASTING,
            )
            row = merchant.books.create_invoice(draft.string, secrets.token_hex(8), preimage)
            made.append(row.bolt12)
        return {"invoices": made, "secret": self._path_id(paths[0]).hex(), "path": grant["paths"][0]}

    def _path_id(self, path: BlindedPath) -> bytes:
        """Return what home's node finds at the end of a path."""
        nodes = self._sandbox.home.network.nodes
        node, key = nodes[cast("Point", self._sandbox.home.network.resolve(path.first_node_id))], path.first_path_key
        for hop in path.hops:
            opened = unblind(node.key, key, hop.encrypted_recipient_data)
            data = EncryptedData.decode(opened.data)
            if data.path_id is not None:
                return data.path_id
            channel = None if data.short_channel_id is None else node.network.channel(data.short_channel_id)
            following = data.next_node_id if channel is None else channel.other(node.node_id)
            node, key = nodes[cast("Point", following)], opened.next_path_key
        raise SystemExit("home_town: a reply path without an end")

    async def bring(self, invoices: list[str], secret: str, times: int) -> dict[str, Any]:
        """Bring invoices to the hook, each so many times, all at once: without the network, which takes four."""
        for invoice in invoices:
            message = {"pathsecret": secret, "invoice": parse_string(invoice)[1].hex(), "unknown_fields": []}
            for _ in range(times):
                self._spawn(self.hook({"onion_message": message}))
        return {}

    async def refund(self, orders: list[dict[str, Any]]) -> dict[str, Any]:
        """Have the till ask for refunds, all at once, and pay what answers."""
        for order in orders:
            self._spawn(self._till.ask(order))
        return {}

    async def repay(self) -> dict[str, Any]:
        """Have the till pay again what it was ever told for refunds."""
        self._spawn(self._till.pay_all_again())
        return {}

    async def send(self, invoices: list[str], path: str) -> dict[str, Any]:
        """Send invoices along a reply path, as a till does: onions, of which the network may lose any."""
        sender, along = self._sandbox.merchant, decode_paths(bytes.fromhex(path))[0]
        for invoice in invoices:
            onion = invoice_onion(
                sender.node_id,
                parse_string(invoice)[1],
                path=along,
                path_session=SecretKey(secrets.token_bytes(32)),
                onion_session=SecretKey(secrets.token_bytes(32)),
            )
            sender.inject_onion(onion.path_key, onion.onion)
        return {}

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    async def hook(self, params: object) -> None:
        """Show a message to the plugin, which answers as lightningd understands or is gone."""
        try:
            answer = await self._host.call(HOOK, params)
        except PluginGone:
            return
        except PluginError as error:
            os.write(2, f"BROKEN hook answered with an error: {error}\n".encode())
            return
        if answer not in ({"result": "resolve"}, {"result": "continue"}):
            os.write(2, f"BROKEN hook answered with {answer}\n".encode())


def main(*, folder: str, forks: str, clock: str, defect: str | None, database: str | None) -> None:
    """Run the sandbox in `folder` until this process is killed."""
    asyncio.run(_run(Path(folder), Path(forks), clock, defect, database))


async def _run(folder: Path, forks: Path, clock: str, defect: str | None, database: str | None) -> None:
    ForkingHost.forks, ForkingHost.clock, ForkingHost.defect = home_forks.Forks(forks), clock, defect
    ForkingHost.database = database
    commands: list[TownCommands] = []

    class Commands(TownCommands):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            commands.append(self)

    # The world puts its parts together itself; these two are exchanged for the campaign's.
    vars(world).update(PluginHost=ForkingHost, HomeCommands=Commands)
    async with Sandbox.run(folder) as sandbox:
        commands[0].town = Town(sandbox)
        (folder / "ready").touch()
        await asyncio.Event().wait()
