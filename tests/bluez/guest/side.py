"""One side of a link in the guest: a radio of bled, moved by the host call by call. Arguments: PORT."""

import asyncio
import gc
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).parent))

from port import Port

from bled.codes import Code
from bled.errors import BledError, Unavailable
from bled.gatt.channel import PlainChannel
from bled.gatt.frames import FramingError
from bled.link.radio import open_central, open_peripheral

state: dict[str, Any] = {}
links: dict[int, Any] = {}


def on_step(name: str, facts: Mapping[str, object]) -> None:
    state["port"].say({"step": name, "facts": dict(facts)})


async def open_radio(role: str, radio: str, att_mtu: int) -> None:
    """Open a radio as "central" or "peripheral"."""
    opened = await (open_central if role == "central" else open_peripheral)(radio, att_mtu=att_mtu)
    state["radio"] = opened


async def meet(seconds: float, uuid: str) -> dict[str, object]:
    """Accept; the link stays here and is known by a number. One link at a time is all that a radio has."""
    return _keep(await state["radio"].accept(seconds=seconds, on_step=on_step, uuid=UUID(uuid)))


async def find(seconds: float, uuids: list[str]) -> dict[str, object]:
    """Connect; as `meet`."""
    names = tuple(UUID(uuid) for uuid in uuids)
    uuid, link = await state["radio"].connect_any(seconds=seconds, on_step=on_step, uuids=names)
    return {"uuid": str(uuid), **_keep(link)}


def _keep(link: Any) -> dict[str, object]:
    links.clear()
    state["links"] = number = state.get("links", 0) + 1
    links[number] = link
    return {"link": number, "att_mtu": link.att_mtu, "peer": link.peer}


async def send(link: int, message: str, answered: bool, frame_limit: int) -> None:
    """Send what the host has sealed."""
    _link(link).secure(PlainChannel(), frame_limit=frame_limit)
    await _link(link).send(bytes.fromhex(message), answered=answered)


async def write(link: int, frame: str, last: bool) -> None:
    """Write a frame as it is, however wrong."""
    await _link(link)._bearer.write(bytes.fromhex(frame), last=last)


async def receive(link: int, seconds: float) -> str:
    return (await _link(link).receive(seconds=seconds)).hex()


async def close_link(link: int) -> list[int]:
    """Close a link and return what it has cost."""
    closing = _link(link)
    await closing.close()
    return [closing.stats.att_pdus, closing.stats.bytes_on_air]


def _link(number: int) -> Any:
    if number not in links:
        raise Unavailable(Code.LINK_LOST, detail="a link of an earlier meeting")
    return links[number]


async def close_radio() -> None:
    await state["radio"].close()


async def objects() -> dict[str, int]:
    """Return what this process holds: tasks, and objects of classes whose number must not grow."""
    gc.collect()
    counted = {"FramedLink": 0, "MessageBus": 0, "BleakClient": 0, "Task": len(asyncio.all_tasks())}
    for thing in gc.get_objects():
        name = type(thing).__name__
        if name in counted and name != "Task":
            counted[name] += 1
    return counted


_CALLS = (open_radio, meet, find, send, write, receive, close_link, close_radio, objects)
CALLS = {call.__name__: call for call in _CALLS}


def describe(error: BaseException) -> object:
    if isinstance(error, FramingError):
        return {"violation": error.violation.value}
    if isinstance(error, BledError):
        return {"class": type(error).__name__, "code": error.code.value, "detail": error.detail}
    return {"class": type(error).__name__, "detail": repr(error)}


async def main(name: str) -> None:
    state["port"] = Port(name, CALLS, describe)
    await state["port"].serve()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
