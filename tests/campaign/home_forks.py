"""Starts processes in a few milliseconds: a parent that has imported everything forks one for each request.

Every process is one of its own, with its own pipes, and dies of SIGKILL alone. Clients talk to the parent over a unix
socket; it tells all of them when a process has ended.
"""

import array
import asyncio
import contextlib
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

MESSAGE_BYTES = 65_536

Roles = dict[str, Callable[..., None]]
"""What a process can be, by name."""


class Forks:
    """A client of the parent. Its owner needs a running loop."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.connect(str(path))
        self._socket.setblocking(False)
        self._started: list[asyncio.Future[int]] = []
        self._ended: dict[int, asyncio.Future[int]] = {}
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        message = json.loads(self._socket.recv(MESSAGE_BYTES) or b"{}")
        if "ended" in message:
            future = self._end_of(message["ended"])
            if not future.done():
                future.set_result(message["status"])
        elif "started" in message:
            self._ended.pop(message["started"], None)  # an earlier process may have had the same number
            if message["is_yours"]:
                self._started.pop(0).set_result(message["started"])

    def _end_of(self, pid: int) -> "asyncio.Future[int]":
        return self._ended.setdefault(pid, asyncio.get_running_loop().create_future())

    async def start(self, role: str, files: tuple[int, int, int], **args: object) -> int:
        """Fork a process that plays `role` with these standard files; return its pid."""
        started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._started.append(started)
        request = json.dumps({"role": role, "args": args}).encode()
        self._socket.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))])
        return await started

    async def ended(self, pid: int) -> int:
        """Wait for the end of a process; return its status, minus the signal that ended it."""
        return await asyncio.shield(self._end_of(pid))

    def has_ended(self, pid: int) -> bool:
        return pid in self._ended and self._ended[pid].done()


@contextlib.contextmanager
def parent(path: Path, roles: str = "home_roles.py"):
    """Run the parent of processes with these roles for as long as the block lasts."""
    process = subprocess.Popen([sys.executable, str(Path(__file__).parent / roles), str(path)], stdin=subprocess.PIPE)
    try:
        while not path.exists():
            if process.poll() is not None:
                raise SystemExit("home_forks: the parent of all processes did not start")
            select.select([], [], [], 0.01)
        yield
    finally:
        if process.stdin is not None:
            process.stdin.close()  # it kills what is left and goes
        process.wait()


def serve(path: Path, roles: Roles) -> None:
    """Fork on request until standard input is closed; then kill what is left."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    draft = path.with_suffix(".new")
    listener.bind(str(draft))
    listener.listen()
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    gc.collect()
    gc.freeze()
    clients: list[socket.socket] = []
    children: set[int] = set()
    draft.rename(path)
    while True:
        ready, _, _ = select.select([listener, wake, sys.stdin, *clients], [], [])
        if sys.stdin in ready:
            break
        if wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 4096)
            _reap(children, clients)
        for each in ready:
            if each is listener:
                clients.append(listener.accept()[0])
            elif each in clients:
                pid = _serve_one(each, clients, roles, [listener, *clients])
                if pid is not None:
                    children.add(pid)
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _reap(children: set[int], clients: list[socket.socket]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        children.discard(pid)
        for client in clients:
            with contextlib.suppress(OSError):
                client.send(json.dumps({"ended": pid, "status": os.waitstatus_to_exitcode(status)}).encode())


def _serve_one(
    client: socket.socket,
    clients: list[socket.socket],
    roles: Roles,
    ours: list[socket.socket],
) -> int | None:
    try:
        data, files, _, _ = socket.recv_fds(client, MESSAGE_BYTES, 3)
    except ConnectionError:
        data, files = b"", []
    if not data:
        clients.remove(client)
        client.close()
        return None
    pid = os.fork()
    if pid == 0:
        _become(json.loads(data), files, roles, ours)
    for file in files:
        os.close(file)
    for each in clients:
        with contextlib.suppress(OSError):
            each.send(json.dumps({"started": pid, "is_yours": each is client}).encode())
    return pid


def _become(request: dict[str, Any], files: list[int], roles: Roles, ours: list) -> None:
    """Be the child: never comes back."""
    status = 70
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in ours:
            each.close()
        for target, file in enumerate(files):
            os.dup2(file, target)
            os.close(file)
        roles[request["role"]](**request["args"])
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - as at the end of any process
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
