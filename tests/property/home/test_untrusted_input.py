"""Whatever comes in at the hook, home answers: a refusal by name, never an exception of another kind."""

import importlib.util
import json
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bled.errors import PeerError, Refused
from bled.home.hook_message import onion_invoice, onion_reply_path, onion_request
from bled.home.parameters import Parameters
from bled.home.plugin import Plugin
from bled.home.policy import glimpse, verify_invoice
from bled.home.refund_policy import payer_id_of
from bled.home.rpc import METHODS
from bled.node.json_stream import JsonStream, encode_message

_PATH = Path(__file__).parents[2] / "unit" / "home" / "purchases.py"
_SPEC = importlib.util.spec_from_file_location("tests_home_purchases_untrusted", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
sys.modules[_SPEC.name] = shop = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(shop)

HOME = shop.Purchases(ids=1)
INVOICE = shop.invoice(shop.request(HOME.grant())).encode()
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def refused_or_same(data: bytes) -> None:
    """An altered invoice is refused; only the very one that was made is verified."""
    try:
        verified = verify_invoice(
            data,
            secret=HOME.secret(),
            keys=HOME.keys,
            chain=shop.REGTEST_CHAIN,
            find_book={1: HOME.row}.get,
            now=shop.NOW,
        )
    except Refused:
        return
    assert verified.invoice.encode() == INVOICE


@given(data=st.binary(max_size=400))
def test_no_bytes_bring_verification_out_of_its_rules(data: bytes) -> None:
    refused_or_same(data)
    glimpse(data)


@settings(max_examples=300)
@given(place=st.integers(0, len(INVOICE)), put=st.binary(max_size=8), drop=st.integers(0, 8))
def test_no_change_of_an_invoice_is_verified(place: int, put: bytes, drop: int) -> None:
    data = INVOICE[:place] + put + INVOICE[place + drop :]
    refused_or_same(data)
    glimpse(data)


@given(params=json_values)
def test_the_hook_reads_anything(params: object) -> None:
    assert onion_invoice(params) is None
    assert onion_invoice({"onion_message": params}) is None
    for path in (params, {"first_node_id": "02" * 33, "first_path_key": "02" * 33, "hops": params}):
        message = {"onion_message": {"pathsecret": "00" * 32, "invoice_request": params, "reply_blindedpath": path}}
        assert onion_reply_path(message) is None or path is not params
        onion_request(message)


@given(data=st.binary(max_size=200))
def test_no_request_for_a_refund_brings_the_reader_out_of_its_rules(data: bytes) -> None:
    payer_id_of(data)


@given(params=json_values, method=st.sampled_from(sorted(METHODS)))
def test_parameters_are_bound_or_refused(params: object, method: str) -> None:
    try:
        Parameters.bind(params, METHODS[method].names)
    except PeerError:
        return


class Nobody:
    """An application that takes nothing."""

    def start(self, configuration: object, options: object) -> None:
        return

    def receive(self, invoice: bytes, secret: bytes) -> bool:
        return False

    def receive_request(self, request: bytes, secret: bytes, reply_path: object) -> bool:
        return False

    def hear(self, secret: bytes) -> bool:
        return False

    async def call(self, method: str, params: object) -> dict[str, object]:
        return {}


@given(params=json_values)
def test_the_hook_is_never_answered_with_an_error(params: object) -> None:
    """lightningd itself would end."""
    said: list[dict[str, object]] = []
    plugin = Plugin(Nobody(), said.append)
    plugin._serve([{"id": 1, "method": "init", "params": {}}])
    plugin._serve([{"id": 2, "method": "onion_message_recv_secret", "params": params}])
    assert said[1]["result"] == {"result": "continue"}


@given(messages=st.lists(st.dictionaries(st.text(), json_values, max_size=3), max_size=4), size=st.integers(1, 64))
def test_a_stream_gives_back_what_was_sent_however_it_is_cut(messages: list[dict[str, object]], size: int) -> None:
    text = b"".join(encode_message(message) for message in messages)
    stream = JsonStream()
    found = [message for start in range(0, len(text), size) for message in stream.feed(text[start : start + size])]
    assert json.dumps(found) == json.dumps(messages)
