"""One transcript: its steps, the keys and secrets of its nodes, and what their random values were."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bled.sandbox.books_paths import Chance
from bled_codec.blinded_path import BlindedPath, Unblinded, create_blinded_path, decode_paths, unblind
from bled_codec.bolt12_string import parse_string
from bled_codec.crypto import SecretKey
from bled_codec.errors import OnionError
from bled_codec.fields import Field
from bled_codec.tlv import split_stream
from bled_codec.units import Point, UnixTime

from .wire import Json

DEFAULT_EXPIRY = 7200
WITHOUT_TIMES = 1_795_335_645.0
"""When the one file was recorded that shows no time."""


class RecordedClock:
    """Shows the time at which the present step was recorded."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> UnixTime:
        return UnixTime(int(self.time))

    def monotonic(self) -> float:
        return self.time


def records_of(text: str) -> dict[int, bytes]:
    """Return the records of a BOLT 12 string by their type."""
    return {record.type: record.value for record in split_stream(parse_string(text)[1])}


@dataclass
class Transcript:
    """One file. `keys` are the nodes' own. `unseen`: payments before the first one whose number is shown."""

    network: Json
    steps: list[Json]
    unseen: int = 0
    keys: dict[str, SecretKey] = field(init=False)

    def __post_init__(self) -> None:
        secrets = self.network["node_secret_keys"]
        self.keys = {name: SecretKey(bytes.fromhex(secret)) for name, secret in secrets.items()}

    def name_of(self, node_id: bytes) -> str:
        return next(name for name, key in self.keys.items() if key.public_key == node_id)

    def of_method(self, node: str, method: str) -> list[Json]:
        return [step for step in self.steps if step.get("method") == method and step.get("node") == node]

    def invoices(self, node: str) -> list[Json]:
        """Return every state of an invoice that the node showed."""
        calls = ("CreateInvoice", "ListInvoices", "WaitInvoice", "DelInvoice")
        answers = [step["response"] for call in calls for step in self.of_method(node, call) if step.get("response")]
        return [invoice for answer in answers for invoice in answer.get("invoices", [answer])]

    def last_number(self, node: str, name: str) -> int:
        """Return the number before the file's first, of those that lightningd gives to invoices under `name`."""
        first = min((int(row[name]) for row in self.invoices(node) if name in row), default=1)
        return first - 1 - (0 if name == "created_index" else self.unseen)

    def seconds(self) -> dict[int, int]:
        """Return the second in which a step ran, by its number, for those whose answer tells."""
        found = {}
        for number, step in enumerate(self.steps):
            if step.get("method") == "CreateInvoice" and "response" in step:
                lifetime = records_of(step["request"]["invstring"]).get(Field.INVOICE_RELATIVE_EXPIRY)
                seconds = DEFAULT_EXPIRY if lifetime is None else int.from_bytes(lifetime, "big")
                found[number] = int(step["response"]["expires_at"]) - seconds
        return found

    def _known(self) -> Iterator[tuple[int, float, float]]:
        """Yield seconds that the nodes wrote down, each with the earliest and latest place of it in the file."""
        for number, second in self.seconds().items():
            step = self.steps[number]
            yield second, step["at_ms"] / 1000, (step["at_ms"] + step["ms"]) / 1000
        injected = 0.0
        for step in self.steps:
            if step.get("method") == "InjectOnionMessage":
                injected = step["at_ms"] / 1000
            if step.get("method") == "SubscribeInvoiceCreation":
                second = self.own_seconds(step["node"]).get(step["response"]["label"])
                if second is not None:
                    yield second, injected, step["at_ms"] / 1000

    def start(self) -> float:
        """Return the time at which the file begins: the middle of what its answers allow."""
        known = list(self._known())
        if not known:
            return WITHOUT_TIMES
        earliest = max(second - last for second, _, last in known)
        latest = min(second + 1 - first for second, first, _ in known)
        assert earliest < latest, "the transcript's times contradict each other"
        return (earliest + latest) / 2

    def payment_seconds(self, node: str) -> dict[str, int]:
        """Return when invoices were paid, by their label."""
        return {row["label"]: int(row["paid_at"]) for row in self.invoices(node) if "paid_at" in row}

    def own_seconds(self, node: str) -> dict[str, int]:
        """Return when the node made invoices itself, by their label."""
        given = {step["request"].get("label", "") for step in self.of_method(node, "CreateInvoice")}
        rows = [row for row in self.invoices(node) if row["label"] not in given]
        return {row["label"]: int(row["expires_at"]) - DEFAULT_EXPIRY for row in rows}

    def chance(self, node: str) -> Chance:
        """Return the random values of a node: its own preimages in their order, and its blinded paths."""
        given = {step["request"].get("preimage") for step in self.of_method(node, "CreateInvoice")}
        events = self.of_method(node, "SubscribeInvoiceCreation")
        own = [bytes.fromhex(event["response"]["preimage"]) for event in events]
        preimages = iter([preimage for preimage in own if preimage.hex() not in given])
        return Chance(preimage=lambda: next(preimages), make_path=self._path_maker())

    def _path_maker(self) -> Callable[[Sequence[Point], Sequence[bytes]], BlindedPath]:
        paths = [path for text in set(_strings(self.steps)) for path in _paths(text)]
        known = {opened: path for path in paths if (opened := self.open_path(path)) is not None}
        fresh = SecretKey(bytes([1]) * 32)  # for paths that no answer ever showed

        def make(nodes: Sequence[Point], data: Sequence[bytes]) -> BlindedPath:
            path = known.get((tuple(nodes), tuple(data)))
            return create_blinded_path(nodes, data, session_key=fresh) if path is None else path

        return make

    def open_path(self, path: BlindedPath) -> tuple[tuple[Point, ...], tuple[bytes, ...]] | None:
        """Return the nodes of a path and the clear data of each; None when a hop is for nobody of this network."""
        path_key, nodes, data = path.first_path_key, [], []
        for hop in path.hops:
            found = self._open_hop(path_key, hop.encrypted_recipient_data)
            if found is None:
                return None
            node, opened = found
            nodes.append(node)
            data.append(opened.data)
            path_key = opened.next_path_key
        return tuple(nodes), tuple(data)

    def _open_hop(self, path_key: Point, encrypted: bytes) -> tuple[Point, Unblinded] | None:
        for key in self.keys.values():
            try:
                return key.public_key, unblind(key, path_key, encrypted)
            except OnionError:
                continue
        return None


def _paths(text: str) -> list[BlindedPath]:
    records = records_of(text)
    types = (Field.OFFER_PATHS, Field.INVOICE_PATHS)
    return [path for type_ in types for path in decode_paths(records.get(type_, b""))]


def _strings(value: Any) -> list[str]:
    """Return the offers and invoices that nodes gave in their answers."""
    if isinstance(value, dict):
        return [text for name, part in value.items() if name != "request" for text in _strings(part)]
    if isinstance(value, list):
        return [text for part in value for text in _strings(part)]
    return [value] if isinstance(value, str) and value.startswith(("lno1", "lni1")) else []
