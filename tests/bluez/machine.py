"""A guest that runs: qemu with the shared folders, the host's ends of its ports, and calls to what serves them."""

import asyncio
import contextlib
import itertools
import json
import shutil
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from bumble.transport.common import AsyncPipeSink

from bled.link.bumble_radio import BumbleRadio

from .hub import AdapterPort, Hub, listen

QEMU: Final = "qemu-system-x86_64"
BOOT_SECONDS: Final = 150.0
"""Longest wait for the shell. It takes 8 s on an idle machine; two busy cores are far slower."""
IDLE_BOOT_SECONDS: Final = 14.0
"""What the boot takes on two idle cores, without KVM."""
CALL_SECONDS: Final = 120.0
"""Longest wait for an answer from the guest, whatever it does."""
ADDRESSES: Final = ("00:AA:01:00:00:01", "00:AA:01:00:00:02")
RECOMMENDED: Final = {
    "ControllerMode": "le",
    "Channels": "1",
    "MinConnectionInterval": "6",
    "MaxConnectionInterval": "12",
    "ConnectionLatency": "0",
    "ConnectionSupervisionTimeout": "200",
}
"""What `bled doctor radio` recommends for main.conf."""
PORTS: Final = ("shell", "till", "buyer")

MARKS: Final = [pytest.mark.system, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(150)]
"""Of every test with a guest: one loop for all, because the guest is one; time for its boot and emulation."""

_REPOSITORY: Final = Path(__file__).resolve().parents[2]


class GuestError(Exception):
    """The guest, or a process in it, answered a call with an error.

    Attributes:
        answer: what it said.
    """

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        super().__init__(str(answer))


class Caller(asyncio.Protocol):
    """The host's end of one port: calls by name, and steps that the other end tells."""

    def __init__(self) -> None:
        self.failed_tries = 0
        self.on_step: Callable[[str, Mapping[str, object]], None] = lambda _name, _facts: None
        self.ready = asyncio.Event()
        self._transport: Any = None
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """qemu has opened its end."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take what came, line by line."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            with contextlib.suppress(json.JSONDecodeError):  # half a line of a process that was killed
                self._take(json.loads(line))

    def _take(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self.ready.set()
        elif "step" in message:
            self.failed_tries += message["step"] == "try failed"
            self.on_step(message["step"], message["facts"])
        elif (waiting := self._waiting.pop(message.get("id", 0), None)) is not None and not waiting.done():
            if "error" in message:
                waiting.set_exception(GuestError(message["error"]))
            else:
                waiting.set_result(message["result"])

    def connection_lost(self, exc: Exception | None) -> None:
        """The guest is gone, and its answers with it."""
        self.forget("the guest is gone")

    def forget(self, why: str) -> None:
        """Nobody answers any more what was asked so far."""
        self.ready.clear()
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(GuestError(why))

    async def call(self, name: str, /, **arguments: Any) -> Any:
        """Return the answer to a call. Raises `GuestError`, `TimeoutError`."""
        number = next(self._numbers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self._transport.write(json.dumps({"id": number, "call": name, "with": arguments}).encode() + b"\n")
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await future
        except asyncio.CancelledError:
            self.tell("cancel", number=number)
            raise

    def tell(self, name: str, **arguments: object) -> None:
        """Call without waiting for an answer."""
        self._transport.write(json.dumps({"id": 0, "call": name, "with": arguments}).encode() + b"\n")

    def close(self) -> None:
        """Close this end."""
        if self._transport is not None:
            self._transport.close()


class Guest:
    """A running guest with two adapters in one air, hci0 and hci1 once bluetoothd runs.

    Attributes:
        hub: the air.
        adapters: the two controllers.
        boot_seconds: from qemu's start to the shell.
    """

    def __init__(self, hub: Hub, adapters: list[AdapterPort], callers: dict[str, Caller]) -> None:
        self.hub = hub
        self.adapters = [port.controller for port in adapters]
        self.boot_seconds = 0.0
        self._callers = callers

    @property
    def failed_tries(self) -> int:
        """How often a device in reach was not connected to at the first try: BlueZ's first one fails at times."""
        return sum(caller.failed_tries for caller in self._callers.values())

    @property
    def slowness(self) -> float:
        """How much slower than on an idle machine things are here, by the time that the boot took; 1 to 4."""
        return max(1.0, min(4.0, self.boot_seconds / IDLE_BOOT_SECONDS))

    async def run(self, command: str, *, seconds: float = 60.0) -> str:
        """Run a command line in the guest and return what it printed. Raises `GuestError` when it fails."""
        result = await self._callers["shell"].call("run", command=command, seconds=seconds)
        if result["code"] != 0:
            raise GuestError(f"{command}: exit code {result['code']}: {result['output']}")
        return str(result["output"])

    async def start(self, name: str, *command: str) -> None:
        """Start a process that goes on."""
        await self._callers["shell"].call("start", name=name, command=list(command))

    async def kill(self, name: str, number: int = 9) -> None:
        """Send a signal to a process that was started, and wait for its end."""
        await self._callers["shell"].call("kill", name=name, number=number)
        if name in self._callers:
            self._callers[name].forget("the process was killed")
            self._callers[name].ready.clear()

    async def is_running(self, name: str) -> bool:
        """Return whether a process that was started has not ended."""
        return bool(await self._callers["shell"].call("is_running", name=name))

    async def memory(self, name: str) -> dict[str, int]:
        """Return a process's resident kilobytes and open files."""
        return dict(await self._callers["shell"].call("memory", name=name))

    async def host_radio(self) -> BumbleRadio:
        """Return a radio on the host, in the same air."""
        adapter = self.hub.join()

        async def leave() -> None:
            self.hub.leave(adapter)

        return await BumbleRadio(adapter, AsyncPipeSink(adapter), leave=leave).start()

    async def side(self, name: str) -> Caller:
        """Return the way to call the process of a side, "till" or "buyer"; it is started unless it runs."""
        caller = self._callers[name]
        if caller.ready.is_set():
            return caller
        await self.start(name, "python3", "/code/tests/bluez/guest/side.py", name)
        async with asyncio.timeout(CALL_SECONDS):
            await caller.ready.wait()
        return caller

    async def start_bluetooth(self, settings: Mapping[str, str] = RECOMMENDED) -> None:
        """Attach the adapters and start bluetoothd with these settings of its main.conf."""
        await self.run("cp /etc/bluetooth/main.conf /run/main.conf.default")
        await self.configure(settings)
        await self.start("bridge", "python3", "/code/tests/bluez/guest/bridge.py", "hci0", "hci1")
        await self.run("for i in $(seq 200); do [ -e /sys/class/bluetooth/hci1 ] && exit 0; sleep 0.05; done; exit 1")
        await self.start_bluetoothd()

    async def configure(self, settings: Mapping[str, str]) -> None:
        """Write main.conf: Debian's, with these settings."""
        script = ";".join(f"s/^#\\?{name} *=.*/{name} = {value}/" for name, value in settings.items())
        await self.run(f"sed '{script}' /run/main.conf.default >/etc/bluetooth/main.conf")

    async def restart_bluetoothd(self, *options: str) -> None:
        """Stop bluetoothd and start it with these options."""
        await self.kill("bluetoothd", 15)
        await self.start_bluetoothd(*options)

    async def start_bluetoothd(self, *options: str) -> None:
        """Start bluetoothd; adapters come up a little later."""
        await self.start("bluetoothd", "/usr/libexec/bluetooth/bluetoothd", "-n", *options)


@contextlib.asynccontextmanager
async def run_guest(image: Path) -> AsyncIterator[Guest]:
    """Boot the guest that `build` has made; it is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="bled-guest-") as name:
        folder = Path(name)
        hub = Hub()
        adapters = [AdapterPort(hub, address) for address in ADDRESSES]
        callers = {port: Caller() for port in PORTS}
        servers = [await listen(port, folder / f"hci{index}") for index, port in enumerate(adapters)]
        loop = asyncio.get_running_loop()
        for port, caller in callers.items():
            servers.append(await loop.create_unix_server(lambda caller=caller: caller, folder / port))
        guest = Guest(hub, adapters, callers)
        started = loop.time()
        process = await asyncio.create_subprocess_exec(*_command(image, folder), stdin=asyncio.subprocess.DEVNULL)
        try:
            await _shell_of(callers["shell"], process, folder)
            guest.boot_seconds = loop.time() - started
            yield guest
        finally:
            for caller in callers.values():
                caller.close()
            if process.returncode is None:
                process.kill()
            await process.wait()
            for server in servers:
                server.close()
                await server.wait_closed()


async def _shell_of(shell: Caller, process: asyncio.subprocess.Process, folder: Path) -> None:
    ended = asyncio.ensure_future(process.wait())
    ready = asyncio.ensure_future(shell.ready.wait())
    try:
        await asyncio.wait({ended, ready}, timeout=BOOT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ready.cancel()
        ended.cancel()
    if not shell.ready.is_set():
        log = folder / "console"
        raise GuestError(
            "the guest did not start: " + (log.read_text(errors="replace")[-2000:] if log.exists() else "")
        )


def _command(image: Path, folder: Path) -> list[str]:
    """Return qemu's command line: emulation only, one core (more are slower), no network, no disk."""
    command = [QEMU, "-M", "pc", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "1", "-m", "512"]
    command += ["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none"]
    command += ["-kernel", str(image / "vmlinuz"), "-initrd", str(image / "initramfs")]
    command += [
        "-append",
        "console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off random.trust_cpu=on tsc=reliable cryptomgr.notests",
    ]
    command += ["-serial", f"file:{folder / 'console'}", "-device", "virtio-serial-pci"]
    command += ["-object", "rng-random,filename=/dev/urandom,id=rng", "-device", "virtio-rng-pci,rng=rng"]
    for port in (*PORTS, "hci0", "hci1"):
        command += ["-chardev", f"socket,id={port},path={folder / port}"]
        command += ["-device", f"virtserialport,chardev={port},name={port}"]
    shares = {"root": image / "root", "code": _REPOSITORY, "site": Path(sysconfig.get_path("purelib"))}
    for tag, path in shares.items():
        command += ["-fsdev", f"local,id={tag},path={path},security_model=none,readonly=on"]
        command += ["-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
    return command


def missing() -> str:
    """Return why no guest can run here; nothing when one can."""
    if shutil.which(QEMU) is None:
        return f"{QEMU} is not here; on Debian: apt-get install --no-install-recommends qemu-system-x86"
    return ""
