"""The sandbox answers as the real nodes did whose transcripts lie in the shared vectors."""

import json
from pathlib import Path

import pytest

from .replay import open_replay
from .transcript import Transcript

# How many calls, events of streams, onion messages at the payer's home, and payments each file has to compare.
FILES = {
    "01-getinfo-offer": {"call": 31},
    "02-direct": {"call": 34, "event": 9, "onion message": 5, "payment": 4},
    "03-push": {"call": 31, "event": 9, "onion message": 4, "payment": 4},
    "04-private": {"call": 35, "event": 7, "onion message": 6, "payment": 3},
    "05-cancel": {"call": 43, "event": 6, "onion message": 3, "payment": 4},
    "06-refused": {"call": 58, "event": 6, "onion message": 19},
    "07-create-errors": {"call": 47, "event": 11, "onion message": 4, "payment": 1},
    "08-xpay-errors": {"call": 19, "event": 11, "payment": 5},
    "10-rate-limit": {"call": 72, "event": 24, "onion message": 16},
    "11-node-dies": {"call": 7},
}
UNSEEN = {"08-xpay-errors": 1}
"""Payments before the first whose number is shown."""
WITHOUT_PM = {"08-xpay-errors"}
"""There nobody listened when the private node made an invoice, so its preimage is not known."""


def load(folder: Path, name: str) -> Transcript:
    recorded = json.loads((folder / "cln" / f"{name}.json").read_text())
    steps = recorded["steps"]
    if name in WITHOUT_PM:
        steps = [step for step in steps if step.get("node") != "pm" and step["actor"] != "home-hook"]
    return Transcript(network=recorded["network"], steps=steps, unseen=UNSEEN.get(name, 0))


@pytest.mark.parametrize("name", FILES)
async def test_every_answer_is_the_recorded_one(name: str, shared_vectors: Path, tmp_path: Path) -> None:
    transcript = load(shared_vectors, name)
    async with open_replay(transcript, tmp_path) as replay:
        await replay.run()
    assert replay.compared == FILES[name]
    steps = [step["actor"] for step in transcript.steps]
    assert replay.compared["call"] == steps.count("merchant-grpc")
    assert replay.compared["event"] == steps.count("merchant-stream")
    assert replay.compared["onion message"] == steps.count("home-hook")
