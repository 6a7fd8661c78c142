"""The plugin's stdin holds for its seeds, for thousands of damages to them, and for what was thought of."""

import random

import pytest

from .plugin_target import LAST, Broken, hook, plugin, request, seeds
from .test_targets import damaged

DAMAGES = 3_000


def test_the_plugin_answers_its_seeds_and_damaged_ones() -> None:
    given = seeds()
    chance = random.Random("plugin")  # noqa: S311 - the same damages every time
    for seed in [b"", *given]:
        plugin(seed)
    for number in range(DAMAGES):
        plugin(damaged(given[number % len(given)], chance))


@pytest.mark.parametrize(
    "said",
    [
        b'{"id":1,"method":"bled-list","params":' + b"[" * 100_000,
        b"{" * 100_000 + b"\n\n",
        b'{"id":1,"method":"bled-list","params":[' + b"9" * 100_000 + b"]}\n\n",
        b'{"id":"' + b"x" * 5_000_000 + b'","method":"bled-list"}\n\n',
        b'{"id":"never ends","params":"' + b"x" * 9_000_000,
        b"\n" * 100_000,
        b"{}" * 50_000 + b"\n\n",
        b'{"id":1,"id":2,"method":"bled-list","method":"getmanifest"}\n\n',
        request("same", "getmanifest", {}) * 3,
        request(True, "getmanifest", {}) + request(None, "getmanifest", {}) + request(1.5, "getmanifest", {}),
        request(-1, "init", None) + request(2**70, "init", []),
        hook("", "zz") + hook("long", "00" * 40_000),
    ],
    ids=lambda said: repr(bytes(said[:24])),
)
def test_the_plugin_answers_what_comes_behind(said: bytes) -> None:
    plugin(said)


def test_a_promise_that_the_plugin_breaks_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from bled.home.plugin import Plugin

    monkeypatch.setattr(Plugin, "_hook", lambda self, params: "continue")
    with pytest.raises(Broken):
        plugin(b"")
    assert LAST.count(b"pathsecret") == 2
