"""A lightningd of a few lines: real pipes to a real plugin process, a real unix socket, and payments as told."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bled.sandbox.offers_plugin import make_onion
from bled_codec.crypto import SecretKey, parse_point, sha256
from bled_codec.invoice import Invoice
from bled_codec.onion_message import OnionPayload, Received, open_onion_message
from bled_codec.units import Point

HOME, HOP, RELAY = (SecretKey(sha256(name)) for name in (b"home", b"hop", b"relay"))
_KEYS = {key.public_key: key for key in (HOME, HOP, RELAY)}


class RpcError(Exception):
    """What a command answers instead of a result."""

    def __init__(self, code: int, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(message)


class Lightningd:
    """One node. `xpay` is what its command does; `rows` are its sendpays by payment hash.

    `warm` starts the plugin from a parent that has imported it; None: as lightningd does.
    """

    def __init__(self, folder: Path, warm=None) -> None:
        self.folder, self._warm = folder, warm
        self.preimages: dict[str, bytes] = {}
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.version = "v26.06"
        self.datastore: dict[tuple[str, ...], tuple[str, int]] = {}
        self.xpay_calls: list[dict[str, Any]] = []
        self.xpay: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]] = self.pays
        self.logs: list[str] = []
        self.words: list[bytes] = []
        self._ids = 0
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._plugin: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._server: asyncio.Server | None = None
        self._sending: list[asyncio.Future[Any]] = []
        self.offers_first = False
        self._connections: set[asyncio.StreamWriter] = set()

    @property
    def plugin_pid(self) -> int:
        assert self._plugin is not None
        return self._plugin.pid

    @property
    def rpc(self) -> Path:
        return self.folder / "lightning-rpc"

    # The socket

    async def listen(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self.rpc)

    async def close_socket(self) -> None:
        """Let the socket go, and everybody who waits at it."""
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._connections):
                writer.close()
            await self._server.wait_closed()
            self._server = None
        self.rpc.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            text = (await reader.readuntil(b"\n\n")).decode()
            asked = json.loads(text)
            writer.write(json.dumps(await self._answer(asked)).encode() + b"\n\n")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        head = {"jsonrpc": "2.0", "id": asked["id"]}
        try:
            return head | {"result": await self._run(asked["method"], asked["params"])}
        except RpcError as error:
            return head | {"error": {"code": error.code, "message": error.message}}

    async def _run(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "getinfo":
                return {"id": HOME.public_key.hex(), "network": "regtest", "version": self.version}
            case "listpeerchannels":
                row = {"peer_connected": True, "state": "CHANNELD_NORMAL"}
                return {"channels": [row | {"peer_id": key.public_key.hex()} for key in (HOP, RELAY)]}
            case "listnodes":
                facts = {"alias": "peer", "features": "808898880a8a59a1", "addresses": [{"type": "ipv4"}]}
                return {"nodes": [facts | {"nodeid": params["id"]}]}
            case "listchannels":
                return {"channels": []}
            case "injectonionmessage":
                self._pass_on(HOME, bytes.fromhex(params["message"]), parse_point(bytes.fromhex(params["path_key"])))
                return {}
            case "listsendpays":
                if "payment_hash" in params:
                    return {"payments": self.rows.get(params["payment_hash"], [])}
                rows = [row for group in self.rows.values() for row in group]
                return {"payments": [row for row in rows if row["created_index"] >= params["start"]]}
            case "listdatastore":
                kept = self.datastore.get(tuple(params["key"]))
                shown = {} if kept is None else {"key": params["key"], "string": kept[0], "generation": kept[1]}
                return {"datastore": [shown] if shown else []}
            case "datastore":
                return self._keep(tuple(params["key"]), params)
            case "xpay":
                self.xpay_calls.append(params)
                return await self.xpay(params)
        raise RpcError(-32601, f"Unknown command '{method}'")

    def _keep(self, key: tuple[str, ...], params: dict[str, Any]) -> dict[str, Any]:
        _, generation = self.datastore.get(key, ("", -1))
        if params["mode"] == "must-create" and generation >= 0:
            raise RpcError(1202, "Key already exists")
        if params.get("generation", generation) != generation:
            raise RpcError(1204, "generation is different")
        self.datastore[key] = (params["string"], generation + 1)
        return {"key": params["key"], "string": params["string"], "generation": generation + 1}

    def _pass_on(self, key: SecretKey, onion: bytes, path_key: Point) -> None:
        """Peel an onion message at one node after the other; it ends at the hook, or at a node that nobody knows."""
        opened = open_onion_message(onion, path_key, key)
        if isinstance(opened, Received):
            self._show(opened)
        elif opened.next_node_id in _KEYS:
            self._pass_on(_KEYS[opened.next_node_id], opened.onion, opened.next_path_key)

    def _show(self, received: Received) -> None:
        """Show a message to the plugin, and before that to the node's own one if that is first."""
        invoice, back = received.payload.invoice, received.payload.reply_path
        if self.offers_first and invoice is not None and back is not None:
            self._pass_on(HOME, make_onion(back, OnionPayload(invoice_error=b"\x05\x02no")), back.first_path_key)
        message: dict[str, object] = {"pathsecret": (received.path_id or b"").hex(), "unknown_fields": []}
        if invoice is not None:
            message["invoice"] = invoice.hex()
        hook = self.send("onion_message_recv_secret", {"onion_message": message})
        self._sending.append(asyncio.ensure_future(hook))

    async def pays(self, params: dict[str, Any]) -> dict[str, Any]:
        """Pay as the real one does."""
        row = self.part(params, "complete")
        preimage, amount = row["payment_preimage"], row["amount_msat"]
        return {"payment_preimage": preimage, "amount_msat": amount, "amount_sent_msat": row["amount_sent_msat"]}

    def part(self, params: dict[str, Any], status: str) -> dict[str, Any]:
        """Add a row to the sendpays."""
        invoice = Invoice.from_string(params["invstring"])
        payment_hash = invoice.invoice_payment_hash.hex()
        row: dict[str, Any] = {
            "payment_hash": payment_hash,
            "amount_msat": invoice.invoice_amount,
            "amount_sent_msat": invoice.invoice_amount + 1,
            "status": status,
            "label": params.get("label"),
            "bolt12": params["invstring"],
            "created_index": 1 + sum(len(group) for group in self.rows.values()),
            "created_at": int(time.time()),
        }
        if status == "complete":
            row["payment_preimage"] = self.preimages[payment_hash].hex()
        self.rows.setdefault(payment_hash, []).append(row)
        return row

    def completes(self, payment_hash: bytes) -> None:
        """Let every part that is under way arrive."""
        for row in self.rows[payment_hash.hex()]:
            row.update(status="complete", payment_preimage=self.preimages[payment_hash.hex()].hex())

    # The plugin

    async def start_plugin(
        self, *, failpoint: str | None = None, startup: bool = True, options: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Start the plugin process; return its answer to `init`."""
        if self._warm is None:
            self._plugin = await _run_plugin(failpoint)
        else:
            self._plugin = await self._warm.plugin(self.folder, failpoint=failpoint)
        self._reading = asyncio.create_task(self._read())
        self.manifest = await self.ask("getmanifest", {"allow-deprecated-apis": False})
        configuration = {
            "lightning-dir": str(self.folder),
            "rpc-file": "lightning-rpc",
            "startup": startup,
            "network": "regtest",
        }
        return await self.ask("init", {"options": options or {}, "configuration": configuration})

    async def _read(self) -> None:
        assert self._plugin is not None
        assert self._plugin.stdout is not None
        while line := await self._plugin.stdout.readline():
            if not line.strip():
                continue
            self.words.append(line)
            message = json.loads(line)  # stdout is JSON-RPC and nothing else
            assert message["jsonrpc"] == "2.0"
            if "id" not in message:
                assert message["method"] == "log"
                self.logs.append(message["params"]["message"])
                continue
            self._answers.pop(message["id"]).set_result(message)
        for waiting in self._answers.values():
            waiting.cancel()
        self._answers.clear()

    async def send(self, method: str, params: object) -> "asyncio.Future[Any]":
        assert self._plugin is not None
        assert self._plugin.stdin is not None
        self._ids += 1
        id_ = f"cln:{method}#{self._ids}"
        answer = self._answers[id_] = asyncio.get_running_loop().create_future()
        request = {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}
        self._plugin.stdin.write(json.dumps(request).encode() + b"\n\n")
        await self._plugin.stdin.drain()
        return answer

    async def ask(self, method: str, params: object) -> dict[str, Any]:
        """Call the plugin. Raises `RpcError`."""
        message = await asyncio.wait_for(await self.send(method, params), 20)
        if "error" in message:
            raise RpcError(message["error"]["code"], message["error"]["message"])
        return message["result"]

    async def hook(self, invoice: bytes, secret: bytes) -> str:
        """Bring an invoice to the plugin; return what it says."""
        onion_message = {"pathsecret": secret.hex(), "invoice": invoice.hex(), "unknown_fields": []}
        return (await self.ask("onion_message_recv_secret", {"onion_message": onion_message}))["result"]

    async def plugin_ended(self) -> int:
        """Wait until the plugin process is gone; return its exit status."""
        assert self._plugin is not None
        assert self._reading is not None
        status = await asyncio.wait_for(self._plugin.wait(), 20)
        await self._reading
        if self._plugin.stdin is not None:
            self._plugin.stdin.close()
        self._plugin = None
        return status

    async def kill_plugin(self) -> None:
        """End the plugin in the middle of whatever it does."""
        if self._plugin is not None:
            self._plugin.kill()
            await self.plugin_ended()

    async def stop(self) -> None:
        """Shut everything down."""
        if self._plugin is not None:
            if self._plugin.returncode is None and self._plugin.stdin is not None:
                self._plugin.stdin.write(b'{"jsonrpc":"2.0","method":"shutdown","params":{"shutdown":{}}}\n\n')
            await self.plugin_ended()
        await self.close_socket()

    async def decision(self, code: str, *, since: int = 0) -> dict[str, Any]:
        """Wait for a decision with this code; fail with what was decided instead."""
        return (await self.decisions(1, code=code, since=since))[-1]

    async def decisions(self, count: int, *, code: str, since: int = 0, seconds: float = 15) -> list[dict[str, Any]]:
        """Wait for at least `count` decisions with this code."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            decisions = (await self.ask("bled-decisions", {"since": since, "limit": 1000}))["decisions"]
            found = [each for each in decisions if each["code"] == code]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(f"no {code}, but {[each['code'] for each in decisions][-20:]}, logs {self.logs[-5:]}")

    async def logged(self, words: str, *, seconds: float = 15) -> None:
        """Wait until the plugin has logged a line with these words."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if any(words in line for line in self.logs):
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"nobody said {words}, logs {self.logs[-5:]}")

    async def settled_claims(self, count: int, *, seconds: float = 15) -> list[dict[str, Any]]:
        """Wait until there are `count` claims and each has come to its end."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            claims = await self.claims()
            if len(claims) == count and not {claim["state"] for claim in claims} & {"claimed", "sent"}:
                return claims
            await asyncio.sleep(0.02)
        raise AssertionError(f"{[claim['state'] for claim in claims]}, logs {self.logs[-5:]}")

    async def claims(self) -> list[dict[str, Any]]:
        return (await self.ask("bled-claims", {}))["claims"]


async def _run_plugin(failpoint: str | None) -> asyncio.subprocess.Process:
    environment = {name: value for name, value in os.environ.items() if name != "BLED_FAILPOINT"}
    if failpoint is not None:
        environment["BLED_FAILPOINT"] = failpoint
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bled.home.main",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
        limit=2**24,
    )
