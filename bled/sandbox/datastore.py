"""lightningd's datastore: values under keys of several parts, for its plugins; it outlives them and the node."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from bled.node.json_stream import JsonObject
from bled.sandbox.rpc_error import INVALID_PARAMS, RpcError, bad_parameter
from bled.sandbox.rpc_params import bind, read_number, read_text, token

Key = tuple[str, ...]

_ALREADY_EXISTS: Final = 1202
_DOES_NOT_EXIST: Final = 1203
_WRONG_GENERATION: Final = 1204
_HAS_CHILDREN: Final = 1205
_NO_CHILDREN: Final = 1206
_MODES: Final = ("must-create", "must-replace", "create-or-replace", "must-append", "create-or-append")


class Datastore:
    """The commands `datastore` and `listdatastore`. A change is on the disk before its command answers."""

    def __init__(self, path: Path | None = None) -> None:
        """Open the file; None keeps everything in memory."""
        self._path = path
        self._entries: dict[Key, tuple[int, bytes]] = {}
        if path is not None and path.exists():
            for key, generation, data in json.loads(path.read_text(encoding="utf-8")):
                self._entries[tuple(key)] = (generation, bytes.fromhex(data))

    async def datastore(self, params: object) -> JsonObject:
        """Write a value. Raises `RpcError`: -32602, 1202 to 1206."""
        bound = bind(params, ("key", "string", "hex", "mode", "generation"), required=1)
        key, mode = _key(bound["key"]), read_text(bound, "mode") or _MODES[0]
        if mode not in _MODES:
            raise bad_parameter("mode", f"should be one of {', '.join(_MODES)}", mode)
        self._check_place(key)
        generation = self._next_generation(key, mode, bound)
        before = self._entries[key][1] if key in self._entries and mode.endswith("append") else b""
        self._entries[key] = (generation, before + _data(bound))
        self._save()
        return self._shown(key)

    async def listdatastore(self, params: object) -> JsonObject:
        """List the value of a key, or what is immediately below it. Raises `RpcError` (-32602)."""
        bound = bind(params, ("key",))
        key = _key(bound["key"]) if "key" in bound else ()
        shown = [self._shown(each) for each in self._children(key)]
        return {"datastore": [self._shown(key)] if key in self._entries else shown}

    def _children(self, key: Key) -> Iterator[Key]:
        below = {each[: len(key) + 1] for each in self._entries if len(each) > len(key) and each[: len(key)] == key}
        return iter(sorted(below))

    def _check_place(self, key: Key) -> None:
        if next(self._children(key), None) is not None:
            raise RpcError(_HAS_CHILDREN, "Key has children already")
        if any(key[:length] in self._entries for length in range(1, len(key))):
            raise RpcError(_NO_CHILDREN, "Parent key already has a value")

    def _next_generation(self, key: Key, mode: str, bound: Mapping[str, Any]) -> int:
        present = self._entries.get(key)
        if present is None:
            if mode.startswith("must-") and mode != "must-create":
                raise RpcError(_DOES_NOT_EXIST, "Key does not exist")
            return 0
        if mode == "must-create":
            raise RpcError(_ALREADY_EXISTS, "Key already exists")
        if read_number(bound, "generation", present[0]) != present[0]:
            raise RpcError(_WRONG_GENERATION, "generation is different")
        return present[0] + 1

    def _shown(self, key: Key) -> JsonObject:
        entry = self._entries.get(key)
        if entry is None:
            return {"key": list(key)}
        generation, data = entry
        shown: JsonObject = {"key": list(key), "generation": generation, "hex": data.hex()}
        with suppress(UnicodeDecodeError):  # only text is shown as text
            shown["string"] = data.decode()
        return shown

    def _save(self) -> None:
        if self._path is None:
            return
        rows = [[list(key), generation, data.hex()] for key, (generation, data) in self._entries.items()]
        draft = self._path.with_suffix(".new")
        with draft.open("w", encoding="utf-8") as file:
            json.dump(rows, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)


def _key(value: object) -> Key:
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list) or not parts or not all(isinstance(part, str) for part in parts):
        raise bad_parameter("key", "should be string or array of strings", token(value))
    return tuple(parts)


def _data(bound: Mapping[str, Any]) -> bytes:
    text, digits = read_text(bound, "string"), read_text(bound, "hex")
    if (text is None) is (digits is None):
        raise RpcError(INVALID_PARAMS, "Must have either hex or string")
    if digits is None:
        return (text or "").encode()
    try:
        return bytes.fromhex(digits)
    except ValueError as error:
        raise bad_parameter("hex", "should be valid hex", digits) from error
