"""A line from the person at the terminal, without blocking the radio."""

import asyncio
import sys
import termios


def forget_typed() -> None:
    """Throw away what was typed so far: it was meant for another question than the next one, or for none."""
    termios.tcflush(sys.stdin, termios.TCIFLUSH)


async def next_line() -> str:
    """Wait for a line; cancelling it leaves the terminal alone."""
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()

    def take() -> None:
        if not line.done():
            line.set_result(sys.stdin.readline())

    loop.add_reader(sys.stdin, take)
    try:
        return await line
    finally:
        loop.remove_reader(sys.stdin)
