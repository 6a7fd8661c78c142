"""The published codes of tills, read and refused alike by our code and by a second implementation."""

import json
from pathlib import Path
from typing import Any

import pytest

from bled.errors import PeerError
from bled.gatt.engagement import Engagement

from . import second

ENGAGEMENTS = json.loads((Path(__file__).parent / "engagement.json").read_text(encoding="utf-8"))


def _named(cases: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in cases]


@pytest.mark.parametrize("case", _named(ENGAGEMENTS["engagements"]))
def test_our_codes_of_tills_are_those_of_the_vectors(case: dict[str, str]) -> None:
    made = Engagement.parse(case["text"])
    assert (made.secret.hex(), made.fingerprint.hex()) == (case["secret"], case["fingerprint"])
    assert (made.format(), made.psk.hex(), str(made.uuid)) == (case["text"], case["psk"], case["uuid"])
    assert made.is_of(bytes.fromhex(case["reader_key"]))


@pytest.mark.parametrize("case", _named(ENGAGEMENTS["engagements"]))
def test_the_second_implementation_reads_the_same_codes(case: dict[str, str]) -> None:
    read = second.read_engagement(case["text"])
    assert (read["secret"], read["fingerprint"]) == (case["secret"], case["fingerprint"])
    assert second.psk_of(read).hex() == case["psk"]
    assert second.session_uuid(bytes.fromhex(case["secret"])) == case["uuid"]
    assert second.advertisement(case["uuid"]).hex() == case["advertisement"]


@pytest.mark.parametrize("text", ENGAGEMENTS["texts"], ids=ascii)
def test_both_read_a_code_with_white_space_around_it(text: str) -> None:
    case, made, read = ENGAGEMENTS["engagements"][-1], Engagement.parse(text), second.read_engagement(text)
    assert made.secret.hex() == read["secret"] == case["secret"]
    assert made.fingerprint.hex() == read["fingerprint"] == case["fingerprint"]


@pytest.mark.parametrize("text", ENGAGEMENTS["bad_texts"], ids=ascii)
def test_both_refuse_the_same_texts(text: str) -> None:
    with pytest.raises(PeerError) as caught:
        Engagement.parse(text)
    assert caught.value.code.value == "engagement-bad"
    with pytest.raises(second.Refusal, match="engagement-bad"):
        second.read_engagement(text)


def test_the_open_beacon_is_the_profiles() -> None:
    case = ENGAGEMENTS["open"]
    assert second.advertisement(case["uuid"]).hex() == case["advertisement"]
