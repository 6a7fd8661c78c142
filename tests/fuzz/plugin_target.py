"""The plugin's stdin as a fuzz target: whatever is said, every request is answered, and the next one as well."""

import asyncio
import json
import math
from typing import Any, Final, cast

from bled.clock import SystemClock
from bled.codes import Code
from bled.errors import Unavailable
from bled.grants.keys import HomeKeys
from bled.grants.metadata import path_secret
from bled.home.parameters import Parameters
from bled.home.plugin import HOOK, Plugin
from bled.home.rpc import METHODS
from bled.home.service import HomeService
from bled.home.stdin import RequestStream
from bled.node.json_stream import JsonObject, encode_message
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.fields import Field
from bled_codec.tlv import make_record
from bled_codec.units import Msat

KEYS: Final = HomeKeys.from_master(bytes(range(32)))
PAYER: Final = SecretKey(b"\x44" * 32).public_key
SECRET: Final = path_secret(KEYS, PAYER).hex()
INVOICE: Final = make_record(Field.INVREQ_PAYER_ID, PAYER).raw.hex()
_LOOP: Final = asyncio.new_event_loop()


class Broken(Exception):
    """A promise of the plugin does not hold."""


class Home:
    """A home whose ledger cannot be opened: it knows its keys, and that is enough for the hook."""

    def __init__(self) -> None:
        nothing = cast("Any", None)
        parts = dict.fromkeys(("node", "ledger", "witness", "decisions", "payer"), nothing)
        self._service = HomeService(
            keys=KEYS, chain=REGTEST_CHAIN, clock=SystemClock(), log=lambda level, line: None, **parts
        )

    def start(self, configuration: JsonObject, options: JsonObject) -> None:
        """Start whatever is said."""

    def receive(self, invoice: bytes, secret: bytes) -> bool:
        return self._service.receive(invoice, secret)

    def hear(self, secret: bytes) -> bool:
        return False

    async def call(self, method: str, params: object) -> JsonObject:
        """Read the parameters as far as that goes without a ledger."""
        bound = Parameters.bind(params, METHODS[method].names)
        for name in bound.values:
            bound.msat(name, Msat(0))
        raise Unavailable(Code.STORE_BROKEN, detail="disk I/O error")


def request(id_: object, method: str, params: object) -> bytes:
    """Return one message of lightningd."""
    return encode_message({"jsonrpc": "2.0", "id": id_, "method": method, "params": params})


def hook(id_: object, secret: str, invoice: str = INVOICE) -> bytes:
    """Return one message of the hook."""
    return request(id_, HOOK, {"onion_message": {"pathsecret": secret, "invoice": invoice, "unknown_fields": []}})


FIRST: Final = request("first", "init", {"options": {}, "configuration": {}})
LAST: Final = b"\n\n" + hook("last-own", SECRET) + hook("last-other", "00" * 32) + request("last", "getmanifest", {})


def plugin(data: bytes) -> None:
    """Whatever comes in between, all requests are answered once, and the hook as it should be."""
    said = _LOOP.run_until_complete(_played(FIRST + data + LAST))
    if said is None:
        return  # it was told to end
    answers: dict[object, list[JsonObject]] = {}
    for message in said:
        encode_message(message)
        if "id" in message:
            if ("result" in message) == ("error" in message):
                raise Broken(message)
            answers.setdefault(message["id"], []).append(message)
    asked = [each for each in RequestStream().feed(FIRST + data + LAST) if _is_request(each)]
    if sum(len(each) for each in answers.values()) != len(asked):
        raise Broken("a request was not answered, or twice")
    for each in asked:
        _check(each, answers[each["id"]])
    own, other = answers["last-own"], answers["last-other"]
    if own[-1].get("result") != {"result": "resolve"} or other[-1].get("result") != {"result": "continue"}:
        raise Broken(own, other)


def _is_request(message: JsonObject) -> bool:
    return isinstance(message.get("id"), str | int) and not isinstance(message["id"], bool)


def _check(asked: JsonObject, answers: list[JsonObject]) -> None:
    """An error in the hook's place would end the node."""
    if asked.get("method") == HOOK and not any(
        each.get("result") in ({"result": "resolve"}, {"result": "continue"}) for each in answers
    ):
        raise Broken(asked)


async def _played(data: bytes) -> list[JsonObject] | None:
    """Return what the plugin says to it, None when it was told to end before all was said."""
    said: list[JsonObject] = []
    reader = asyncio.StreamReader(limit=2**26)
    reader.feed_data(data)
    running = asyncio.ensure_future(Plugin(Home(), said.append).run(reader))
    turns = 0
    while not running.done() and turns < 8:  # each method is one task, and is over after a turn
        await asyncio.sleep(0)
        turns += 1
    is_over = running.done()
    reader.feed_eof()
    await running
    return None if is_over else said


def seeds() -> list[bytes]:
    """Return what to begin with: each kind of message, whole and in bad company."""
    deep = b'{"id":"d","method":"bled-list","params":' + b"[" * 2_000 + b"]" * 2_000 + b"}\n\n"
    whole = [
        request(1, "getmanifest", {"allow-deprecated-apis": False}),
        request("two", "init", {"options": {"bled-any-clock": True}, "configuration": {"startup": True}}),
        hook("cln:onion#3", SECRET),
        hook("cln:onion#4", "ff" * 32),
        request("cln:onion#5", HOOK, {"onion_message": {"pathsecret": SECRET, "invoice_error": "05fd"}}),
        *(request(f"call {name}", name, {"book_id": 1}) for name in sorted(METHODS)),
        request("by place", "bled-issue", ["phone", 3, "1000msat"]),
        encode_message({"jsonrpc": "2.0", "method": "log", "params": {}}),
        encode_message({"id": "no method"}),
        encode_message({"id": [1], "method": "bled-list"}),
        json.dumps({"id": math.nan, "method": "bled-list"}).encode() + b"\n\n",
        deep,
        b"[]\n\n",
        b'{"id":1',
        b"\xff\xfe\n\n",
        b'{"id":"\\ud800","method":"x"}\n\n',
    ]
    return [*whole, b"".join(whole)]
