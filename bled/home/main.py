"""`bled-home`: the plugin that lightningd starts. Its stdout belongs to JSON-RPC alone."""

import asyncio
import os
import stat
import sys

from bled.clock import Clock, SystemClock
from bled.codes import EXIT_INTERNAL, EXIT_OK, EXIT_USAGE
from bled.errors import BledError
from bled.home.application import HomeApplication
from bled.home.plugin import Plugin, log_message
from bled.home.version import VERSION_VARIABLE, NodeVersion
from bled.node.json_stream import JsonObject, encode_message


def main(clock: Clock | None = None) -> None:
    """Serve lightningd until it says so or goes away, by the machine's clock unless another is given."""
    if not _is_pipe(sys.stdin.fileno()):
        sys.stderr.write("bled-home is a plugin: name it in lightningd's configuration, plugin=/path/to/bled-home\n")
        sys.exit(EXIT_USAGE)
    sys.exit(asyncio.run(_serve(clock or SystemClock())))


def _is_pipe(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


async def _serve(clock: Clock) -> int:
    # lightningd reads descriptor 1; whatever else prints goes to stderr, where it cannot break the protocol.
    output = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    gone = asyncio.get_running_loop().create_future()

    def send(message: JsonObject) -> None:
        try:
            _write_all(output, encode_message(message))
        except BrokenPipeError:  # whoever speaks goes on with what it does: it may be writing an outcome down
            gone.cancel()

    version = NodeVersion(text=os.environ.get(VERSION_VARIABLE))
    application = HomeApplication(clock=clock, log=lambda level, line: send(log_message(level, line)), version=version)
    plugin = Plugin(application, send)
    work = asyncio.ensure_future(application.work())
    listening = asyncio.ensure_future(plugin.run(await _stdin()))
    try:
        # Neither goes on without the other: a home that cannot pay must not go on taking invoices.
        done, _ = await asyncio.wait({work, listening, gone}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {gone}:
            task.result()
    except BledError as error:
        sys.stderr.write(f"bled-home: {error}\n")
        return EXIT_INTERNAL
    finally:
        await _cancel(work, listening)
        application.close()
    return EXIT_OK


async def _cancel(*tasks: "asyncio.Future[None]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _stdin() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _write_all(descriptor: int, data: bytes) -> None:
    """Write without a buffer: an answer that was given has left, whatever becomes of the process."""
    while data:
        data = data[os.write(descriptor, data) :]


if __name__ == "__main__":
    main()
