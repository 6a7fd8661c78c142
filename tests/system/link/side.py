"""One side of a link as a process of its own: `side.py till|buyer ADDRESS PLAN`; prints what happens, a line each.

PLAN is words joined by commas: `send:N` a message of N bytes, `receive`, `wait` for ever, `kill:N` this process with
SIGKILL before its Nth frame from now on.
"""

import asyncio
import os
import signal
import sys

from bled.errors import BledError
from bled.link.base import MessageLink
from bled.link.radio import open_central, open_peripheral
from bled.progress import ignore_steps


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def kill_before(link: MessageLink, frame: int) -> None:
    """Make the process die when it is about to write its `frame`th frame."""
    write = link._bearer.write
    left = frame

    async def write_or_die(data: bytes, *, last: bool) -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        await write(data, last=last)

    link._bearer.write = write_or_die


async def act(link: MessageLink, plan: str) -> None:
    for step in plan.split(","):
        word, _, number = step.partition(":")
        match word:
            case "send":
                await link.send(bytes(int(number)))
                say("sent", number)
            case "receive":
                say("received", len(await link.receive(seconds=20)))
            case "wait":
                say("waiting")
                await link.receive(seconds=60)
            case "kill":
                kill_before(link, int(number))


async def main(role: str, address: str, plan: str) -> None:
    if role == "till":
        radio = await open_central(f"virtual:{address}", att_mtu=23)
        link = await radio.connect(seconds=10, on_step=ignore_steps)
    else:
        radio = await open_peripheral(f"virtual:{address}")
        link = await radio.accept(seconds=10, on_step=ignore_steps)
    say("linked", link.peer)
    try:
        await act(link, plan)
    except BledError as error:
        say("ended", error.code.value)
    await link.close()
    await radio.close()
    say("closed")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
