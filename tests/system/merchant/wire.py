"""A wire between a till and its node that can be slow, cut, or refuse."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Wire:
    """Carries bytes on a port of its own, each read `delay` seconds late; `refuses` hangs up on new connections."""

    def __init__(self, target: str) -> None:
        self._host, _, port = target.rpartition(":")
        self._port = int(port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self.delay = 0.0
        self.refuses = False
        self.cuts = 0
        self.target = ""

    @asynccontextmanager
    async def run(self) -> AsyncIterator["Wire"]:
        server = await asyncio.start_server(self._serve, self._host, 0)
        self.target = f"{self._host}:{server.sockets[0].getsockname()[1]}"
        async with server:
            try:
                yield self
            finally:
                self.refuses, self.delay = True, 0.0
                self.cut()
                await asyncio.gather(*self._serving)

    def cut(self) -> None:
        """Break every connection at once, with whatever is on it."""
        self.cuts += 1
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        self._serving.add(task)
        ends = {writer, far_writer}
        self._writers |= ends
        try:
            await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))
        finally:
            self._serving.discard(task)
            self._writers -= ends
            for end in ends:
                end.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65_536):
                await asyncio.sleep(self.delay)
                writer.write(chunk)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.transport.abort()
