"""One line of JSON for each call and answer, over a virtio-serial port. Runs in the guest."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

Call = Callable[..., Awaitable[Any]]


class Port:
    """Answers the host's calls, each in a task of its own, until the host says "exit" or goes."""

    def __init__(self, name: str, calls: dict[str, Call], describe: Callable[[BaseException], object]) -> None:
        self._file = os.fdopen(os.open(f"/dev/virtio-ports/{name}", os.O_RDWR), "r+b", buffering=0)
        self._calls = calls
        self._describe = describe
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Answer until the end."""
        reader = asyncio.StreamReader(limit=1 << 20)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), self._file)
        self.say({"ready": os.getpid()})
        while line := await reader.readline():
            request = json.loads(line)
            if request["call"] == "exit":
                return
            if request["call"] == "cancel":
                self._cancel(request["with"]["number"])
                continue
            number = request["id"]
            self._tasks[number] = task = asyncio.ensure_future(self._answer(request))
            task.add_done_callback(lambda _, number=number: self._tasks.pop(number, None))

    def _cancel(self, number: int) -> None:
        if number in self._tasks:
            self._tasks[number].cancel()

    def say(self, message: object) -> None:
        """Send one line; the port is blocking for writers and never full for long."""
        data = json.dumps(message).encode() + b"\n"
        os.set_blocking(self._file.fileno(), True)
        try:
            while data:
                data = data[os.write(self._file.fileno(), data) :]
        finally:
            os.set_blocking(self._file.fileno(), False)

    async def _answer(self, request: dict[str, Any]) -> None:
        try:
            result = await self._calls[request["call"]](**request["with"])
            self.say({"id": request["id"], "result": result})
        except Exception as error:  # noqa: BLE001 - whatever it is, the host is told
            self.say({"id": request["id"], "error": self._describe(error)})
