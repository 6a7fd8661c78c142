"""Keeps the sandbox running and says where everything is."""

import asyncio
import shlex
import signal
from pathlib import Path

from bled.cli.output import note, print_json, say
from bled.codes import Code
from bled.errors import ConfigurationError
from bled.link.air_server import serve_air
from bled.node.opening import NodeKind
from bled.sandbox.world import Sandbox

NOT_REAL = "The money of this sandbox is not real. Nothing here is a Lightning network that anybody else can see."


async def run_world(
    folder: Path, *, air: str, grpc_port: int, env: Path | None, as_json: bool, version: str, merchant: NodeKind
) -> None:
    """Run everything until SIGINT or SIGTERM.

    `version` is what the home node claims to be, `merchant` the kind of the merchant's node.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with (
        serve_air(air) as address,
        Sandbox.run(folder, grpc_port=grpc_port, version=version, merchant=merchant) as sandbox,
    ):
        settings = _settings(sandbox, address, folder)
        if env is not None:
            _write_env(env, settings)
        if as_json:
            print_json({"settings": settings, "balances_msat": dict(sandbox.balances()), "note": NOT_REAL})
        else:
            _print_settings(settings)
        await stop.wait()
    note("The sandbox has stopped.")


def _settings(sandbox: Sandbox, address: str, folder: Path) -> dict[str, str]:
    return {
        "BLED_CHAIN": "regtest",
        "BLED_RADIO": f"virtual:{address}",
        "BLED_NODE": sandbox.node_address,
        "BLED_CREDENTIALS": str(sandbox.credentials),
        "BLED_LIGHTNING_RPC": str(sandbox.home_rpc),
        "BLED_DATA_DIR": str(folder.parent),
    }


def _print_settings(settings: dict[str, str]) -> None:
    note(NOT_REAL)
    for name, value in settings.items():
        say(f"{name}={shlex.quote(value)}")


def _write_env(path: Path, settings: dict[str, str]) -> None:
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in settings.items()]
    try:
        path.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(Code.CONFIG_BAD, detail=f"{path} cannot be written: {error.strerror}") from error
