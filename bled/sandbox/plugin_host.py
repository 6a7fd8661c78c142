"""Keeps a plugin running over lightningd's plugin protocol: starts it, asks it, and starts it again when it dies."""

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bled.codes import Code
from bled.errors import ConfigurationError
from bled.sandbox.node_data import VERSION
from bled.sandbox.plugin_child import PluginChild, PluginError, PluginGone
from bled.sandbox.plugin_hook import hook_of, hook_params
from bled.sandbox.plugin_manifest import Manifest, init_params
from bled_codec.onion_message import Received

_log = logging.getLogger(__name__)

_BACK_OFF_SECONDS: Final = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Waits before each new start; the last one for all further ones."""

_STEADY_SECONDS: Final = 10.0
"""A child that lived this long begins the waits anew."""

_HANDSHAKE_SECONDS: Final = 60.0
_FAILPOINT: Final = "BLED_FAILPOINT"


class PluginHost:
    """One plugin, through as many lives as it takes. lightningd gives up on a plugin that dies; the sandbox does not:
    a demo without its home would only look broken.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        lightning_dir: Path,
        log_file: Path,
        options: Mapping[str, object] | None = None,
        version: str = VERSION,
    ) -> None:
        """Take the command, the node's folder (where the plugin runs) and the file for what the plugin says.

        `options` are settings for the plugin's own options, in place of their defaults; `version` is the node's.
        """
        self._version = version
        self._options = options or {}
        self._command = tuple(command)
        self._folder = lightning_dir
        self._log_file = log_file
        self._child: PluginChild | None = None
        self._listening: asyncio.Task[int] | None = None
        self._manifest: Manifest | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The running child's process id."""
        return None if self._child is None else self._child.pid

    @property
    def methods(self) -> Mapping[str, str]:
        """RPC methods that the plugin serves just now, with their usage."""
        return self._manifest.methods if self._manifest is not None and self._ready.is_set() else {}

    async def start(self) -> None:
        """Start the plugin and wait until it is ready.

        Raises `ConfigurationError` (`CONFIG_BAD`) when it does not get that far.
        """
        await self._start_child(startup=True)
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """End the plugin in an orderly way."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        await self._end_child()

    async def ready(self) -> None:
        """Wait until the plugin serves its methods: after a death, until it is back."""
        await self._ready.wait()

    async def call(self, method: str, params: object, *, asked_by: str | None = None) -> Any:
        """Pass an RPC request on and return the result. Raises `PluginError`, `PluginGone`."""
        if self._child is None or not self._ready.is_set():
            raise PluginGone
        return await self._child.call(method, {} if params is None else params, asked_by=asked_by)

    async def on_message(self, received: Received) -> bool:
        """Show an onion message to the plugin's hook; say whether it has dealt with it."""
        name = hook_of(received)
        if self._manifest is None or name not in self._manifest.hooks:
            return False
        try:
            answer = await self.call(name, hook_params(received))
        except PluginGone:
            return False
        except PluginError as failure:
            _log.error("the plugin answered %s with an error (lightningd would have died of it): %s", name, failure)
            return True
        return isinstance(answer, dict) and answer.get("result") == "resolve"

    async def _keep(self) -> None:
        """Start the plugin again whenever it dies."""
        tries = 0
        loop = asyncio.get_running_loop()
        while self._listening is not None:
            began = loop.time()
            status = await asyncio.shield(self._listening)
            tries = 0 if loop.time() - began >= _STEADY_SECONDS else tries
            wait = _BACK_OFF_SECONDS[min(tries, len(_BACK_OFF_SECONDS) - 1)]
            tries += 1
            _log.warning(
                "the plugin ended with status %d; started again in %.2f s (see %s)", status, wait, self._log_file
            )
            await asyncio.sleep(wait)
            try:
                await self._start_child(startup=False)
            except ConfigurationError as error:
                _log.warning("%s", error)

    async def _start_child(self, *, startup: bool) -> None:
        try:
            env = _environment(self._version, with_failpoint=startup)
            self._child = await PluginChild.start(
                self._command, folder=self._folder, log_file=self._log_file, env=env, on_gone=self._ready.clear
            )
        except OSError as error:
            raise self._useless(str(error)) from error
        self._listening = asyncio.create_task(self._child.listen())
        try:
            async with asyncio.timeout(_HANDSHAKE_SECONDS):
                self._manifest = await self._handshake(self._child, startup=startup)
        except (PluginGone, PluginError, ValueError, TimeoutError) as error:
            await self._end_child()
            raise self._useless(str(error) or "it ended at once") from error
        self._ready.set()

    async def _handshake(self, child: PluginChild, *, startup: bool) -> Manifest:
        manifest = Manifest.read(await child.call("getmanifest", {"allow-deprecated-apis": False}))
        params = init_params(manifest, options=self._options, lightning_dir=self._folder, startup=startup)
        answer = await child.call("init", params)
        if isinstance(answer, dict) and "disable" in answer:
            raise ValueError(f"it disabled itself: {answer['disable']}")
        return manifest

    async def _end_child(self) -> None:
        self._ready.clear()
        if self._child is not None and self._listening is not None:
            await self._child.stop(told=self._manifest is not None and self._manifest.wants_shutdown)
            await self._listening

    def _useless(self, why: str) -> ConfigurationError:
        command = " ".join(self._command)
        detail = f"the plugin ({command}) did not start: {why}. What it said is in {self._log_file}"
        return ConfigurationError(Code.CONFIG_BAD, detail=detail)


def _environment(version: str, *, with_failpoint: bool) -> dict[str, str]:
    """Return the child's environment. A failpoint works in the first child only, or it would kill each one anew."""
    own = {name: value for name, value in os.environ.items() if with_failpoint or name != _FAILPOINT}
    return own | {"LIGHTNINGD_PLUGIN": "1", "LIGHTNINGD_VERSION": version}
