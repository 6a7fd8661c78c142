"""The conversation of lightningd with a home plugin, word for word."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bled.sandbox.home_commands import HomeCommands
from bled.sandbox.plugin_host import PluginHost
from bled.sandbox.rpc_error import RpcError

pytestmark = pytest.mark.system

PLUGIN = Path(__file__).with_name("tee_plugin.py")
OPTIONS = {"h239-file": "home.jsonl", "h239-master": "6fdfa0b13719b85f48e9e61a33f4804d6635b44014efe9a259674b99625a7d6f"}


class Conversation:
    """The recording and its plugin, which runs as a child of the sandbox here."""

    def __init__(self, recording: Any, folder: Path) -> None:
        self.recording = recording
        self.folder = folder
        self.heard = folder / "heard"
        self.read = 0
        self.compared = 0
        self.statuses: list[int] = []
        self.host = self._host()

    def _host(self) -> PluginHost:
        manifest = next(step for step in self.recording.steps if "options" in str(step.get("sends", {}).get("result")))
        command = (sys.executable, str(PLUGIN), str(self.heard), _json(manifest["sends"]["result"]))
        host = PluginHost(command, lightning_dir=self.folder, log_file=self.folder / "log", options=OPTIONS)
        home = self.recording.world.node("home")
        self.commands = HomeCommands(home, self.recording.world.payments, host)
        home.hook = host.on_message
        return host

    async def stop(self) -> None:
        listening = self.host._listening
        await self.host.stop()
        assert listening is not None
        self.statuses.append(listening.result())

    async def do(self, place: int, step: Any) -> None:
        match step["actor"], step.get("method"):
            case "home-rpc", "plugin" if step["request"]["subcommand"] == "start":
                await self.host.start()
            case "home-rpc", "plugin" if step["request"]["subcommand"] == "stop":
                await self.stop()
            case "home-rpc", "stop":
                await self.stop()
            case "home-rpc", str(method) if method.startswith("h239") and isinstance(step["request"], dict):
                await self._call(place, step)
            case "aid", _:
                self.host = self._host()
                await self.host.start()
            case "lightningd", _:
                if step["sends"].get("id", "").startswith("cli:"):  # the call itself was recorded after this
                    await self._call(place, self.recording.steps[place + 2])
                self._compare(step)
            case "home-rpc", "h239-mode":
                pass
            case _:
                await self.recording._do(step)

    async def _call(self, place: int, step: Any) -> None:
        try:
            got = {
                "response": await self.commands.call(step["method"], step["request"], request_id=self._asked_by(place))
            }
        except RpcError as error:
            got = {"error": {"code": error.code, "message": error.message}}
        expected = {name: step[name] for name in ("response", "error") if name in step}
        if step["method"] == "h239-pid":
            expected = {"response": {"pid": self.host.pid}}
        assert got == expected

    def _asked_by(self, place: int) -> str:
        """Return the id that the recorded caller had chosen."""
        for step in self.recording.steps[place - 2 : place + 3]:
            if step["actor"] == "lightningd" and step["sends"]["method"].startswith("h239"):
                return str(step["sends"]["id"].split("/")[0])
        return "unused"

    def _compare(self, step: Any) -> None:
        text = self.heard.read_text()[self.read :]
        message, blank, _ = text.partition("\n\n")
        assert blank == step["followed_by"]
        self.read += len(message) + 2
        if not step["text"].startswith('{"jsonrpc":"2.0"'):  # lightningd passed on the caller's own white space
            assert _settled(message) == _settled(_json(_ordered(step["sends"])))
        else:
            assert _settled(message).replace(str(self.folder), "NET/home/regtest") == _settled(step["text"])
        self.compared += 1


def _ordered(message: dict[str, Any]) -> dict[str, Any]:
    return {name: message[name] for name in ("jsonrpc", "id", "method", "params")}


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _settled(text: str) -> str:
    """Blank out the numbers of requests, whether the node was starting, and one secret."""
    text = re.sub(r'"(?:[^"/]*/)?cln:getmanifest', '"cln:getmanifest', text)
    text = re.sub(r'"startup":(true|false)', '"startup":any', text)
    return re.sub(r"#\d+", "#N", _without_secret(text))


def _without_secret(text: str) -> str:
    """Blank out the path_secret in a refusal: it comes from a seed that is not recorded."""
    return re.sub(f"({b'path_secret = '.hex()})[0-9a-f]{{128}}", r"\1any", text)


async def test_every_word_to_the_plugin_is_the_recorded_one(replay: Callable[[str], Any], tmp_path: Path) -> None:
    recording = await replay("09")
    conversation = Conversation(recording, tmp_path)
    for place, step in enumerate(recording.steps):
        recording.place = place
        recording.world.clock.seconds = recording.started_at + step["at_ms"] / 1000
        await conversation.do(place, step)
        await recording.world.network.quiet()
    assert conversation.statuses == [0, 0]
    assert conversation.compared == 21
