"""The plugin's side of lightningd's JSON-RPC on stdin and stdout."""

import asyncio
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from bled.codes import EXIT_INTERNAL, EXIT_TEMPORARY, EXIT_USAGE, Code
from bled.errors import BledError
from bled.home.hook_message import onion_invoice, onion_reply_path, onion_request, onion_secret
from bled.home.rpc import METHODS
from bled.home.stdin import RequestStream
from bled.node.json_stream import JsonObject
from bled_codec.blinded_path import BlindedPath

HOOK: Final = "onion_message_recv_secret"
ANY_CLOCK: Final = "bled-any-clock"
"""The option of an owner whose clock is kept in step by something that the kernel does not know of."""
DATABASE: Final = "bled-database"
"""The option of a home with workers (`bled home serve`): where its ledger lies."""
_READ_BYTES: Final = 65_536
_INVALID_REQUEST: Final = -32600
_INVALID_PARAMS: Final = -32602
_UNKNOWN_METHOD: Final = -32601
_MOST_CALLS: Final = 64
"""RPC methods under way at once: nobody needs more, and each holds memory."""

MANIFEST: Final[JsonObject] = {
    # A running node that starts the plugin anew keeps no order of hooks; it works all the same.
    "dynamic": True,
    "options": [
        {
            "name": ANY_CLOCK,
            "type": "flag",
            "default": False,
            "description": "pay although the kernel says that nothing keeps its clock in step (NTP)",
        },
        {
            "name": DATABASE,
            "type": "string",
            "description": "PostgreSQL database whose workers (bled home serve) pay what this node receives",
        },
    ],
    "rpcmethods": [
        {"name": name, "usage": method.usage, "description": method.description} for name, method in METHODS.items()
    ],
    "subscriptions": ["shutdown"],
    # Before the node's own offers plugin, which would answer the payee that it never asked for this invoice.
    "hooks": [{"name": HOOK, "before": ["offers"]}],
}

RequestId = str | int
"""What lightningd tells answers apart by."""

Send = Callable[[JsonObject], None]
"""Sends one message to lightningd."""


class Application(Protocol):
    """What the plugin does, once lightningd has said where it runs."""

    def start(self, configuration: JsonObject, options: JsonObject) -> None:
        """Open everything. Raises `BledError`: the plugin is then disabled with that reason."""
        ...

    def receive(self, invoice: bytes, secret: bytes) -> bool:
        """Take an invoice of the hook; say whether it is home's business. Returns at once and raises nothing."""
        ...

    def hear(self, secret: bytes) -> bool:
        """Take the path secret of any message; say whether home itself sent it, to try something. Raises nothing."""
        ...

    def receive_request(self, request: bytes, secret: bytes, reply_path: BlindedPath | None) -> bool:
        """Take an invoice_request of the hook; say whether it is home's business. Returns at once, raises nothing."""
        ...

    async def call(self, method: str, params: object) -> JsonObject:
        """Answer an RPC method of the manifest. Raises `BledError`."""
        ...


class Plugin:
    """Answers lightningd's requests, each in its turn except RPC methods, which may take their time."""

    def __init__(self, application: Application, send: Send) -> None:
        """Take what answers, and the way out."""
        self._application = application
        self._send = send
        self._started = False
        self._calls: set[asyncio.Task[None]] = set()

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Serve until lightningd says `shutdown` or closes the pipe. What is no JSON-RPC is skipped and logged."""
        stream, told = RequestStream(), 0
        while chunk := await reader.read(_READ_BYTES):
            if not self._serve(stream.feed(chunk)):
                break
            if stream.skipped > told:
                told = stream.skipped
                self._send(log_message("unusual", f"{told} messages on stdin were no JSON-RPC and were skipped"))
        for call in self._calls:
            call.cancel()

    def _serve(self, messages: Iterable[JsonObject]) -> bool:
        for message in messages:
            id_, method = message.get("id"), message.get("method")
            if method == "shutdown":
                return False
            if not isinstance(id_, str | int) or isinstance(id_, bool):
                continue  # a notification, or nothing that an answer could be told apart by
            if isinstance(method, str):
                self._answer(id_, method, message.get("params"))
            else:
                self._send_error(id_, _INVALID_REQUEST, "a request needs a method")
        return True

    def _answer(self, id_: RequestId, method: str, params: object) -> None:
        match method:
            case "getmanifest":
                self._send_result(id_, MANIFEST)
            case "init":
                self._send_result(id_, self._init(params))
            case name if name == HOOK:
                self._send_result(id_, {"result": self._hook(params)})
            case name if name in METHODS and len(self._calls) >= _MOST_CALLS:
                self._send_error(id_, EXIT_TEMPORARY, f"{_MOST_CALLS} calls are under way already")
            case name if name in METHODS:
                call = asyncio.ensure_future(self._call(id_, name, params))
                self._calls.add(call)
                call.add_done_callback(lambda done: self._finish(id_, done))
            case _:
                self._send_error(id_, _UNKNOWN_METHOD, f"unknown method {method}")

    def _init(self, params: object) -> JsonObject:
        if self._started:
            return {}  # said twice, it changes nothing
        try:
            self._application.start(_member(params, "configuration"), _member(params, "options"))
        except BledError as error:
            return {"disable": str(error)}
        self._started = True
        return {}

    def _hook(self, params: object) -> str:
        """Answer the hook, whatever it holds: an error in its place would end the node itself."""
        if not self._started:
            return "continue"
        secret, found = onion_secret(params), onion_invoice(params)
        if secret is not None and self._application.hear(secret):
            return "resolve"
        if found is None:
            return "resolve" if secret is not None and self._hook_request(params, secret) else "continue"
        return "resolve" if self._application.receive(*found) else "continue"

    def _hook_request(self, params: object, secret: bytes) -> bool:
        request = onion_request(params)
        return request is not None and self._application.receive_request(request, secret, onion_reply_path(params))

    async def _call(self, id_: RequestId, method: str, params: object) -> None:
        try:
            self._send_result(id_, await self._application.call(method, params))
        except BledError as error:
            number = _INVALID_PARAMS if error.outcome.exit_code == EXIT_USAGE else error.outcome.exit_code
            self._send_error(id_, number, str(error), {"code": error.code.value, "detail": error.detail})

    def _finish(self, id_: RequestId, call: "asyncio.Task[None]") -> None:
        """Answer even a call that met a defect of ours; else lightningd would wait for ever."""
        self._calls.discard(call)
        defect = None if call.cancelled() else call.exception()
        if defect is not None:
            self._send_error(id_, EXIT_INTERNAL, f"{Code.INTERNAL.value}: {type(defect).__name__}")
            traceback.print_exception(defect, file=sys.stderr)

    def _send_result(self, id_: RequestId, result: JsonObject) -> None:
        self._send({"jsonrpc": "2.0", "id": id_, "result": result})

    def _send_error(self, id_: RequestId, code: int, message: str, data: JsonObject | None = None) -> None:
        error: JsonObject = {"code": code, "message": message}
        self._send({"jsonrpc": "2.0", "id": id_, "error": error | ({} if data is None else {"data": data})})


def _member(params: object, name: str) -> JsonObject:
    value = params.get(name) if isinstance(params, dict) else None
    return value if isinstance(value, dict) else {}


def log_message(level: str, line: str) -> JsonObject:
    """Return what has lightningd log a line under the plugin's name; levels are its own: `info`, `unusual`."""
    return {"jsonrpc": "2.0", "method": "log", "params": {"level": level, "message": line}}
