"""The published vectors: made by the recipe, and made and refused alike by our code and by a second implementation."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bled.errors import PeerError
from bled.gatt.compare_code import compare_code
from bled.gatt.engagement import Engagement, Meeting, OpenMeeting, Resumption
from bled.gatt.handshake import Beacon, Reader, VersionRefused
from bled.gatt.handshake_payloads import Feature
from bled.gatt.messages import decode_message
from bled.gatt.primitives import X25519Key
from bled.gatt.secure_channel import SecureChannel

from . import make_gatt, make_pairs, make_refusals, second_channel

FOLDER = Path(__file__).parent
HANDSHAKES, REFUSALS, PAIRS = (
    json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")) for name in ("handshake", "refusals", "pairs")
)
AT_DEVICE, AT_TILL = ([*REFUSALS[side], *PAIRS[side]] for side in ("device", "till"))


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bled_vectors_gatt_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def second() -> ModuleType:
    return _load("second")


def _named(cases: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in cases]


every_handshake = pytest.mark.parametrize("case", _named(HANDSHAKES["handshakes"]))


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text)


def _meeting(plain: dict[str, str]) -> Meeting:
    values = {name: _bytes(value) for name, value in plain.items() if name != "kind"}
    return {"open": OpenMeeting, "engaged": Engagement, "resumed": Resumption}[plain["kind"]](**values)


class _Entropy:
    """Gives the bytes of a vector, one after the other."""

    def __init__(self, text: str) -> None:
        self._left = _bytes(text)

    def __call__(self, length: int) -> bytes:
        drawn, self._left = self._left[:length], self._left[length:]
        return drawn


@pytest.mark.parametrize("recipe", [make_gatt, make_refusals, make_pairs])
def test_the_recipe_makes_the_committed_files(recipe: ModuleType) -> None:
    for name, content in recipe.make().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == recipe.text(content), name


def test_the_second_implementation_knows_nothing_of_the_first() -> None:
    assert "import bled" not in (FOLDER / "second.py").read_text(encoding="utf-8")
    assert "from bled" not in (FOLDER / "second.py").read_text(encoding="utf-8")
    assert "bled." not in (FOLDER / "second_noise.py").read_text(encoding="utf-8").split('"""', 2)[2]


@every_handshake
def test_our_till_and_device_say_what_the_vector_says(case: dict[str, Any]) -> None:
    till, device, meeting = case["till"], case["device"], _meeting(case["meeting"])
    reader = Reader(
        static=X25519Key(_bytes(till["static"])),
        meeting=meeting,
        message=_bytes(till["message"]),
        features=Feature(till["features"]),
        rx_frag_max=till["rx_frag_max"],
    )
    beacon = Beacon(
        meeting=meeting,
        features=Feature(device["features"]),
        rx_frag_max=device["rx_frag_max"],
        max_msg=device["max_msg"],
    )
    assert reader.start(entropy=_Entropy(till["entropy"])).hex() == case["hs1"]
    assert beacon.answer(_bytes(case["hs1"]), entropy=_Entropy(device["entropy"])).hex() == case["hs2"]
    hs3, at_till = reader.finish(_bytes(case["hs2"]))
    assert hs3.hex() == case["hs3"]
    message, at_device = beacon.finish(hs3)
    assert message.hex() == till["message"]
    for secured in (at_till, at_device):
        assert secured.features == case["features"]
        assert secured.code == case["results"]["compare_code"]
        assert secured.session_id.hex() == case["results"]["session_id"]
        assert secured.reader_key.hex() == case["results"]["reader_key"]
        if secured.resumption is not None:
            assert secured.resumption.psk.hex() == case["results"]["resume_psk"]
            assert str(secured.resumption.uuid) == case["results"]["resume_uuid"]
        assert (secured.resumption is None) is not bool(case["features"] & Feature.RESUME)
    for line in case["conversation"]:
        to, by = (at_till, at_device) if line["from"] == "device" else (at_device, at_till)
        assert by.channel.seal(_bytes(line["message"])).hex() == line["sealed"]
        assert to.channel.open(_bytes(line["sealed"])).hex() == line["message"]
        assert decode_message(_bytes(line["message"])) is not None


def _second_sides(second: ModuleType, case: dict[str, Any]):
    """Return the second implementation's till and device of one vector."""
    till, device = case["till"], case["device"]
    return second.Till(
        meeting=case["meeting"],
        ephemeral=_bytes(till["entropy"])[:32],
        nonce=_bytes(till["entropy"])[32:],
        static=_bytes(till["static"]),
        message=_bytes(till["message"]),
        features=till["features"],
        rx_frag_max=till["rx_frag_max"],
    ), second.Device(
        meeting=case["meeting"],
        ephemeral=_bytes(device["entropy"])[:32],
        nonce=_bytes(device["entropy"])[32:],
        features=device["features"],
        rx_frag_max=device["rx_frag_max"],
        max_msg=device["max_msg"],
    )


@every_handshake
def test_the_second_implementation_says_it_too(second, case: dict[str, Any]) -> None:
    till, device = _second_sides(second, case)
    assert till.start().hex() == case["hs1"]
    assert device.answer(_bytes(case["hs1"])).hex() == case["hs2"]
    hs3, at_till = till.finish(_bytes(case["hs2"]))
    assert hs3.hex() == case["hs3"]
    message, at_device = device.finish(hs3)
    assert message.hex() == case["till"]["message"]
    assert at_till == at_device == case["results"]
    for line in case["conversation"]:
        to, by = (till, device) if line["from"] == "device" else (device, till)
        assert by.seal(_bytes(line["message"])).hex() == line["sealed"]
        assert to.open(_bytes(line["sealed"])).hex() == line["message"]


@every_handshake
def test_the_words_of_the_profile_make_it_without_a_library_for_noise(second, case: dict[str, Any]) -> None:
    by_the_text = _load("second_noise")
    till, device, results = case["till"], case["device"], case["results"]
    entropy = {"till": _bytes(till["entropy"]), "device": _bytes(device["entropy"])}
    limits = device["rx_frag_max"].to_bytes(2, "big") + device["max_msg"].to_bytes(2, "big")
    said, state, keys = by_the_text.shake(
        psk=second.psk_of(case["meeting"]),
        till=entropy["till"][:32],
        till_static=_bytes(till["static"]),
        device=entropy["device"][:32],
        payloads=(
            _bytes(case["hs1_payload"]),
            b"\x01" + case["features"].to_bytes(4, "big") + limits + entropy["device"][32:],
            entropy["till"][32:] + _bytes(till["message"]),
        ),
    )
    assert [message.hex() for message in said] == [case["hs1"], case["hs2"], case["hs3"]]
    assert (state.h.hex(), state.ck.hex()) == (results["handshake_hash"], results["chaining_key"])
    assert keys.hex() == results["initiator_key"] + results["responder_key"]


def test_the_first_message_of_strangers_can_be_read_by_everybody() -> None:
    case = HANDSHAKES["handshakes"][0]
    anybody, hs1 = _load("second_noise").State(), _bytes(case["hs1"])
    anybody.mix_key_and_hash(bytes(32))
    anybody.mix_key_of(hs1[:32])
    assert anybody.open(hs1[32:]).hex() == case["hs1_payload"]


@pytest.mark.parametrize("case", _named(AT_DEVICE))
def test_our_device_refuses_it(case: dict[str, Any]) -> None:
    beacon = Beacon(meeting=_meeting(case["meeting"]), max_msg=case.get("max_msg", 4096))

    def run() -> None:
        assert beacon.answer(_bytes(case["hs1"]), entropy=_Entropy(case["entropy"])).hex() == case["hs2"]
        beacon.finish(_bytes(case["hs3"]))

    with pytest.raises(PeerError) as caught:
        run()
    assert caught.value.code.value == case["code"]
    if isinstance(caught.value, VersionRefused):
        assert caught.value.hs2.hex() == case["hs2"]


@pytest.mark.parametrize("case", _named(HANDSHAKES["later"]))
def test_both_devices_answer_a_till_that_knows_more_alike(second, case: dict[str, Any]) -> None:
    entropy = _bytes(case["entropy"])
    parts = [entropy[:32], entropy[32:]]
    ours = Beacon(meeting=OpenMeeting())
    theirs = second.Device(meeting=case["meeting"], ephemeral=entropy[:32], nonce=entropy[32:])
    answer = ours.answer(_bytes(case["hs1"]), entropy=lambda _: parts.pop(0))
    assert answer.hex() == theirs.answer(_bytes(case["hs1"])).hex() == case["hs2"]
    message, secured = ours.finish(_bytes(case["hs3"]))
    heard, results = theirs.finish(_bytes(case["hs3"]))
    assert message.hex() == heard.hex() == case["message"]
    assert secured.code == results["compare_code"] == case["compare_code"]
    assert secured.frame_limit == theirs.limit == case["rx_frag_max"]


@pytest.mark.parametrize("case", _named(HANDSHAKES["later_answers"]))
def test_both_tills_make_the_same_of_a_device_that_knows_more_or_takes_less(second, case: dict[str, Any]) -> None:
    static, message = _bytes(case["static"]), _bytes(case["message"])
    reader = Reader(static=X25519Key(static), meeting=OpenMeeting(), message=message)
    assert reader.start(entropy=_Entropy(case["entropy"])).hex() == case["hs1"]
    hs3, secured = reader.finish(_bytes(case["hs2"]))
    entropy = _bytes(case["entropy"])
    till = second.Till(
        meeting=case["meeting"], ephemeral=entropy[:32], nonce=entropy[32:], static=static, message=message
    )
    till.start()
    theirs, results = till.finish(_bytes(case["hs2"]))
    assert hs3.hex() == theirs.hex() == case["hs3"]
    assert secured.code == results["compare_code"] == case["compare_code"]
    assert secured.frame_limit == till.limit == case["rx_frag_max"]
    assert (Feature.INVOICE in secured.features) is till.may_send_invoice is case["may_send_invoice"]
    assert (secured.resumption is not None) is bool(till.features & second.RESUME) is case["may_resume"]


@pytest.mark.parametrize("case", _named(AT_DEVICE))
def test_the_second_device_refuses_it_with_the_same_outcome(second, case: dict[str, Any]) -> None:
    entropy = _bytes(case["entropy"])
    device = second.Device(
        meeting=case["meeting"], ephemeral=entropy[:32], nonce=entropy[32:], max_msg=case.get("max_msg", 4096)
    )

    def run() -> None:
        assert device.answer(_bytes(case["hs1"])).hex() == case["hs2"]
        device.finish(_bytes(case["hs3"]))

    with pytest.raises(second.Refusal) as caught:
        run()
    assert caught.value.name == case["code"]
    assert not caught.value.reply or caught.value.reply.hex() == case["hs2"]


@pytest.mark.parametrize("case", _named(AT_TILL))
def test_our_till_refuses_it(case: dict[str, Any]) -> None:
    reader = Reader(
        static=X25519Key(_bytes(case["static"])), meeting=_meeting(case["meeting"]), message=_bytes(case["message"])
    )
    assert reader.start(entropy=_Entropy(case["entropy"])).hex() == case["hs1"]
    with pytest.raises(PeerError) as caught:
        reader.finish(_bytes(case["hs2"]))
    assert caught.value.code.value == case["code"]


@pytest.mark.parametrize("case", _named(AT_TILL))
def test_the_second_till_refuses_it_with_the_same_outcome(second, case: dict[str, Any]) -> None:
    entropy = _bytes(case["entropy"])
    till = second.Till(
        meeting=case["meeting"],
        ephemeral=entropy[:32],
        nonce=entropy[32:],
        static=_bytes(case["static"]),
        message=_bytes(case["message"]),
    )
    assert till.start().hex() == case["hs1"]
    with pytest.raises(second.Refusal) as caught:
        till.finish(_bytes(case["hs2"]))
    assert caught.value.name == case["code"]


@pytest.mark.parametrize("case", _named(REFUSALS["channel"]))
def test_our_channel_refuses_it(case: dict[str, Any]) -> None:
    channel = SecureChannel(send_key=bytes(32), receive_key=_bytes(case["key"]), own_limit=case.get("max_msg", 4096))
    for data in case["opened"]:
        channel.open(_bytes(data))
    with pytest.raises(PeerError) as caught:
        channel.open(_bytes(case["refused"]))
    assert caught.value.code.value == case["code"]


@pytest.mark.parametrize("case", _named(REFUSALS["channel"]))
def test_the_second_channel_refuses_it_with_the_same_outcome(case: dict[str, Any]) -> None:
    opener = second_channel.Opener(_bytes(case["key"]), max_msg=case.get("max_msg", 4096))
    for data in case["opened"]:
        opener.open(_bytes(data))
    with pytest.raises(second_channel.Refusal) as caught:
        opener.open(_bytes(case["refused"]))
    assert caught.value.name == case["code"]


@pytest.mark.parametrize("case", HANDSHAKES["compare_codes"])
def test_codes_keep_their_leading_zeros(second, case: dict[str, str]) -> None:
    values = [_bytes(case[name]) for name in ("handshake_hash", "nm", "nb")]
    assert compare_code(*values) == second.compare_code(*values) == case["code"]
    assert len(case["code"]) == 6


def test_the_vectors_reach_every_outcome_of_a_handshake() -> None:
    cases = (*AT_DEVICE, *AT_TILL, *REFUSALS["channel"])
    assert {case["code"] for case in cases} == {
        "handshake-malformed",
        "handshake-failed",
        "handshake-weak-key",
        "handshake-version",
        "handshake-features",
        "commitment-broken",
        "reader-mismatch",
        "channel-broken",
        "bad-state",
        "message-too-large",
    }
