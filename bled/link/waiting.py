"""Waits for a Bluetooth stack that is another program: each ends, and what its library raises becomes ours."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from bled.codes import Code
from bled.errors import Unavailable

_T = TypeVar("_T")
Lost = asyncio.Future[str]
"""Done, with a sentence, when a connection or an adapter is gone."""


async def bounded(
    work: Coroutine[Any, Any, _T], *, lost: Lost, seconds: float | None, errors: tuple[type[Exception], ...]
) -> _T:
    """Return the result of a call of a Bluetooth library.

    Args:
        work: the call. It is cancelled when it is not waited for any more.
        lost: ends the wait as soon as it is done.
        seconds: longest wait; None when the caller sets a limit.
        errors: what the library raises for what a peer or a daemon did.

    Raises `Unavailable`: `LINK_LOST` when `lost` is done or the library fails, `PEER_TIMEOUT` after `seconds`.
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(_retrieve)
    either: set[asyncio.Future[Any]] = {task, lost}
    try:
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()
    if task.done() and not task.cancelled():
        try:
            return task.result()
        except errors as error:
            raise Unavailable(Code.LINK_LOST, detail=_why(lost, error)) from error
    if lost.done() or task.done():
        detail = lost.result() if lost.done() else "the Bluetooth stack gave up"
        raise Unavailable(Code.LINK_LOST, detail=detail)
    raise Unavailable(Code.PEER_TIMEOUT, detail=f"no answer over the air within {seconds} s")


async def attempt(work: Coroutine[Any, Any, _T], *, seconds: float) -> _T:
    """Return the result of a call of a library that raises bare exceptions, and others that it does not document.

    Raises `Unavailable` (`RADIO_UNAVAILABLE`) with what it says, or after `seconds`.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
    if not task.done():
        task.add_done_callback(_retrieve)
        raise Unavailable(Code.RADIO_UNAVAILABLE, detail=f"no answer within {seconds:g} s")
    error = task.exception()
    if error is not None:
        raise Unavailable(Code.RADIO_UNAVAILABLE, detail=str(error) or type(error).__name__) from error
    return task.result()


def _why(lost: Lost, error: Exception) -> str:
    return lost.result() if lost.done() else f"the Bluetooth stack says: {said(error)}"


def said(error: Exception) -> str:
    """Return what an error says; its name when it says nothing."""
    return str(error) or type(error).__name__


def _retrieve(task: "asyncio.Task[Any]") -> None:
    """Look at the result of a task that nobody may be waiting for any more, so that asyncio does not complain."""
    if not task.cancelled():
        task.exception()


def new_lost() -> Lost:
    """Return a future that nothing has ended yet."""
    return asyncio.get_running_loop().create_future()


def lose(lost: Lost, detail: str) -> None:
    """End `lost` with a sentence; only the first counts."""
    if not lost.done():
        lost.set_result(detail)


def now() -> float:
    """Return the time of the running loop in seconds."""
    return asyncio.get_running_loop().time()
