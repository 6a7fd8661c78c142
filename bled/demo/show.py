"""Runs the demo and shows it, as a play in the terminal or as one JSON object."""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Final, TypedDict

from bled.codes import Code
from bled.demo.acts import play_attack, play_purchase
from bled.demo.attacks import ATTACKS, Tamper
from bled.demo.recorder import Recorder, Step
from bled.demo.render import Screen
from bled.demo.result import Result, as_json
from bled.errors import BledError
from bled.node.opening import NodeKind, node_kind
from bled_codec.units import Msat

_LONGEST_FOLDER: Final = 60
"""Bytes; below it come the demo's own folder and `sandbox/home/lightning-rpc`."""
_SHORT: Final = "/tmp"  # noqa: S108 - for a folder that `tempfile` makes there, for its owner alone


def show(
    *,
    amount_msat: int,
    tip_msat: int,
    description: str,
    att_mtu: int,
    tamper: str | None,
    merchant: str,
    in_json: bool,
) -> int:
    """Play a purchase, attacked if `tamper` names an attack; return the exit code.

    `merchant` is the kind of the merchant's node. Raises `BledError` (`USAGE`) for an unknown attack or kind, a tip
    above the price or in an attack, and whatever keeps the stage from being set up.
    """
    attack, kind = _attack(tamper), node_kind(merchant)
    if tip_msat > amount_msat or (tip_msat and attack is not None):
        raise BledError(Code.USAGE, detail="a tip is at most the price again, and goes with an honest purchase")
    screen = None if in_json else Screen()
    if screen is not None:
        screen.open(ATTACKS[attack].story if attack else "A buyer without internet pays at a till.")
    recorder = Recorder(_silent if screen is None else screen.step)
    terms = Terms(amount=Msat(amount_msat), description=description, att_mtu=att_mtu, merchant=kind)
    result = asyncio.run(_play(attack, terms, Msat(tip_msat), recorder))
    if screen is None:
        sys.stdout.write(json.dumps(as_json(result), ensure_ascii=False) + "\n")
    else:
        screen.close(result)
    return result.exit_code


def _silent(step: Step) -> None:
    """Show nothing: the steps are in the JSON object."""


def _attack(name: str | None) -> Tamper | None:
    try:
        return None if name is None else Tamper(name)
    except ValueError:
        known = ", ".join(tamper.value for tamper in Tamper)
        raise BledError(Code.USAGE, detail=f"no attack is called {name!r}; there are {known}") from None


class Terms(TypedDict):
    """What is bought, and over what."""

    amount: Msat
    description: str
    att_mtu: int
    merchant: NodeKind


def _short_folder() -> str | None:
    """Return where the demo's files go: a socket's path may have 107 bytes, so not below a long `TMPDIR`."""
    usual = os.fsencode(tempfile.gettempdir())
    is_short = len(usual) <= _LONGEST_FOLDER
    return None if is_short or not os.access(_SHORT, os.W_OK) else _SHORT


async def _play(attack: Tamper | None, terms: Terms, tip: Msat, recorder: Recorder) -> Result:
    with tempfile.TemporaryDirectory(prefix="bled-demo-", dir=_short_folder()) as name:
        folder = Path(name)
        if attack is None:
            return await play_purchase(folder, tip=tip, recorder=recorder, **terms)
        return await play_attack(folder, attack, recorder=recorder, **terms)
