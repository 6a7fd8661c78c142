"""A buyer's device as a process of its own: `python device.py ACTION FOLDER [ARGUMENT]`.

Prints one line for every request that leaves it, and last the name of what went wrong, if something did.
"""

import os
import resource
import signal
import sys
from pathlib import Path

from bled.errors import BledError
from bled.vault.vault import Vault
from bled_codec.chains import REGTEST_CHAIN
from bled_codec.crypto import SecretKey
from bled_codec.offer import create_offer
from bled_codec.units import Msat, UnixTime

NOW = UnixTime(1_800_000_000)


def reserve(folder: Path, times: int) -> None:
    offer = create_offer(
        description="coffee",
        amount=1_000,
        chains=[REGTEST_CHAIN],
        issuer_id=SecretKey(b"\x41" * 32).public_key,
        absolute_expiry=UnixTime(NOW + 300),
    )
    with Vault.open(folder, create=False) as vault:
        say("open")
        for _ in range(times):
            say(vault.reserve(offer, amount=Msat(1_000), now=NOW).request.hex())


def take(folder: Path, book: Path) -> None:
    with Vault.open(folder) as vault:
        vault.import_book(book.read_bytes(), passphrase=None, chain=REGTEST_CHAIN, now=NOW)
    say("imported")


def hold(folder: Path) -> None:
    with Vault.open(folder):
        say("open")
        sys.stdin.read()


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def act(action: str, folder: Path, *arguments: str) -> None:
    match action:
        case "reserve":
            reserve(folder, int(arguments[0]))
        case "import":
            take(folder, Path(arguments[0]))
        case "hold":
            hold(folder)


if __name__ == "__main__":
    if limit := os.environ.get("FILE_SIZE_LIMIT"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    if delay := os.environ.get("DIE_AFTER_SECONDS"):
        signal.setitimer(signal.ITIMER_REAL, float(delay))  # nobody handles the alarm: it kills, wherever we are
    try:
        act(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
    except BledError as error:
        say(error.code.value)
