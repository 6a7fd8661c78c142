"""The guest's first service: runs commands for the host, and starts and kills the processes of the two sides."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from port import Port

processes: dict[str, subprocess.Popen[bytes]] = {}


async def run(command: str, seconds: float = 30.0) -> dict[str, object]:
    """Run a command line to its end; return exit code and output."""
    process = await asyncio.create_subprocess_shell(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), seconds)
    return {"code": process.returncode, "output": output.decode(errors="replace")}


async def start(name: str, command: list[str]) -> int:
    """Start a process that goes on; its output is kept in /run/NAME.log."""
    processes[name] = _start(name, command)
    return processes[name].pid


def _start(name: str, command: list[str]) -> "subprocess.Popen[bytes]":
    with Path(f"/run/{name}.log").open("ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


async def kill(name: str, number: int = signal.SIGKILL) -> int:
    """Send a signal to a process and wait for its end."""
    process = processes.pop(name)
    process.send_signal(number)
    return await asyncio.get_running_loop().run_in_executor(None, process.wait)


async def is_running(name: str) -> bool:
    """Return whether a process that was started has not ended by itself."""
    return processes[name].poll() is None


async def memory(name: str) -> dict[str, int]:
    """Return what a process holds: resident kilobytes and open files."""
    return _memory(Path(f"/proc/{processes[name].pid}"))


def _memory(process: Path) -> dict[str, int]:
    status = (process / "status").read_text(encoding="utf-8")
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return {"kilobytes": resident, "files": len(list((process / "fd").iterdir()))}


CALLS = {"run": run, "start": start, "kill": kill, "is_running": is_running, "memory": memory}

if __name__ == "__main__":
    asyncio.run(Port("shell", CALLS, repr).serve())
