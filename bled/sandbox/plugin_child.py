"""One life of a plugin's process: requests to it, answers from it, and its end."""

import asyncio
import logging
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

from bled.errors import PeerError
from bled.node.json_stream import JsonObject, encode_message, read_messages

_log = logging.getLogger(__name__)

_FAREWELL_SECONDS: Final = 5.0
"""How long a plugin may take to end once it was told; then it is killed."""


class PluginError(Exception):
    """The plugin answered a request with an error; `error` is that object as it came."""

    def __init__(self, error: JsonObject) -> None:
        self.error = error
        super().__init__(error.get("message"))


class PluginGone(Exception):
    """The plugin ended before it answered."""


class PluginChild:
    """A running process. Its stderr and its `log` notifications go to a file."""

    def __init__(self, process: Process, *, log_file: Path, on_gone: Callable[[], None]) -> None:
        """Take a process that was just started; use `start`."""
        self._process = process
        self._log_file = log_file
        self._on_gone = on_gone
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._numbers = count(1)
        self._gone = False

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        folder: Path,
        log_file: Path,
        env: Mapping[str, str],
        on_gone: Callable[[], None],
    ) -> Self:
        """Start `command` in `folder`, apart from our own terminal's signals. Raises `OSError`.

        `on_gone` is called as soon as the child closes its end, before the calls under way fail.
        """
        descriptor = os.open(log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=descriptor, cwd=folder, env=env, start_new_session=True
            )
        finally:
            os.close(descriptor)
        return cls(process, log_file=log_file, on_gone=on_gone)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    async def listen(self) -> int:
        """Hand out answers until the plugin closes its end; return its exit status. To be run once, as a task."""
        if self._process.stdout is None:
            raise PluginGone
        try:
            async for message in read_messages(self._process.stdout):
                self._take(message)
        except PeerError:
            _log.error("the plugin wrote something that is no JSON object: it is stopped")
            self._kill()
        self._fail_open_requests()
        await self._close_stdin()
        return await self._ended()

    async def call(self, method: str, params: object, *, asked_by: str | None = None) -> Any:
        """Send a request and return the result; `asked_by` is the id of the RPC request behind it.

        Raises `PluginError`, `PluginGone`.
        """
        own = f"cln:{method}#{next(self._numbers)}"
        request_id = own if asked_by is None else f"{asked_by}/{own}"
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers[request_id] = answer
        try:
            await self._send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
            return await answer
        finally:
            self._answers.pop(request_id, None)

    async def stop(self, *, told: bool) -> None:
        """Say `shutdown` to a plugin that wants to be `told`, close its stdin, and see it out of the world."""
        if told:
            with suppress(PluginGone):
                await self._send({"jsonrpc": "2.0", "method": "shutdown", "params": {"shutdown": {}}})
        await self._close_stdin()
        await self._ended()

    async def _send(self, message: JsonObject) -> None:
        stdin = self._process.stdin
        if stdin is None or self._gone:
            raise PluginGone
        stdin.write(encode_message(message))
        try:
            await stdin.drain()
        except ConnectionError as error:
            raise PluginGone from error

    def _take(self, message: JsonObject) -> None:
        if "id" not in message:
            self._notified(message)
            return
        answer = self._answers.get(str(message["id"]))
        if answer is None or answer.done():
            _log.warning("the plugin answered something that it was not asked")
        elif isinstance(message.get("error"), dict):
            answer.set_exception(PluginError(message["error"]))
        else:
            answer.set_result(message.get("result"))

    def _notified(self, message: JsonObject) -> None:
        params = message.get("params")
        if message.get("method") == "log" and isinstance(params, dict):
            with self._log_file.open("a", encoding="utf-8") as log:
                log.write(f"{params.get('level', 'info')}: {params.get('message', '')}\n")

    def _fail_open_requests(self) -> None:
        self._gone = True
        self._on_gone()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(PluginGone())

    async def _close_stdin(self) -> None:
        stdin = self._process.stdin
        if stdin is not None:
            stdin.close()
            with suppress(ConnectionError):
                await stdin.wait_closed()

    async def _ended(self) -> int:
        try:
            async with asyncio.timeout(_FAREWELL_SECONDS):
                return await self._process.wait()
        except TimeoutError:
            _log.warning("the plugin did not end when told: it is killed")
            self._kill()
            return await self._process.wait()

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
