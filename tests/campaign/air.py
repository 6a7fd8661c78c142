"""The campaign against the air: men in the middle of as many handshakes and whole sessions as one has time for.

    script/campaign air --runs 10000 --seed 1

Each run is one attack, drawn and played from the seed and its number, so that `--first NUMBER --runs 1` plays it again.
A run is broken when an attacker got what he must not get. Codes that agree by chance are counted over all runs: six
digits once in 10^6 and the last two once in 100, and the campaign fails when they agree more often than chance allows.
The same searches are then played against weak builds, where they have to win. The last line of the output is JSON.

Half of the attacks own the air of a whole purchase, resumes included (`sessions.py`): what both screens say must be
true in the end, and the next honest purchase of the same two is paid. The others are at the handshake alone
(`attacks.py`). The keys that honest machines draw in a purchase are their own, and new in each run.
"""

import argparse
import json
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import attacks
import hall
import sessions

from bled.errors import PeerError, Refused
from bled.gatt.code_limits import OpenTries, SaleCodes
from bled.gatt.compare_code import commitment
from bled.gatt.engagement import Engagement, Meeting, OpenMeeting, Resumption, fingerprint
from bled.gatt.handshake import Beacon, Reader, Secured
from bled.gatt.handshake_payloads import Hs1, decode_hs1
from bled.gatt.noise import Initiator, Responder
from bled.gatt.primitives import X25519Key
from bled_codec.units import UnixTime

Broken, require = sessions.Broken, sessions.require
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
"""Where a vault of one run lives, if the machine has it: a disk would take longer than the run."""
OFFER = b"\x10\x01\x2c\x00\x64" + b"o" * 100
FALSE_OFFER = b"\x10\x01\x2c\x00\x64" + b"f" * 100
AIM = attacks.Aim(digits=2, budget=300)
NOW = UnixTime(1_800_000_000)
UNLIKELY = 1e-9
"""Chance below which a count is no accident."""
MOST_TRIES = 30_000_000
"""Where a search for six digits ends; it takes 10^6 tries on average."""


@dataclass
class Totals:
    """What all runs have come to."""

    by_attack: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    equal: int = 0
    equal_in_two: int = 0
    broken: list[str] = field(default_factory=list)

    def compare(self, till: int | None, device: int | None) -> None:
        """Count two screens that showed a code while somebody was in between."""
        if till is None or device is None:
            return
        self.compared += 1
        self.equal += till == device
        self.equal_in_two += (till - device) % 100 == 0


def middle(random: Random, totals: Totals) -> None:
    """Two whole handshakes, one with each side."""
    honest = attacks.honest_pair(random, offer=OFFER)
    result = attacks.full_middle(honest, random, offer=FALSE_OFFER, promise=commitment)
    totals.compare(result.till, result.device)


def search(random: Random, totals: Totals) -> None:
    """Two handshakes, in one of which every value is searched that may still be chosen."""
    name = random.choice(SEARCHES)
    honest = attacks.honest_pair(random, offer=OFFER)
    result = getattr(attacks, name)(honest, random, offer=FALSE_OFFER, promise=commitment, aim=AIM)
    totals.compare(result.till, result.device)
    if name == "search_in_hs3" and result.found is not None:  # who finds nothing says what he promised
        require(result.refused == "commitment-broken", "a change of mind about HS3 was taken")
        totals.refused["commitment-broken"] += 1


def roll_again(random: Random, totals: Totals) -> None:
    """Drop every handshake whose code does not suit, for as long as both sides go along."""
    honest = attacks.honest_pair(random, offer=OFFER)
    tries, codes, at_device, at_till, pairs = OpenTries(), SaleCodes(), 0, 0, set()
    till = device = None
    while True:
        try:
            if till is None or random.random() < 0.4:
                codes = codes.take() if codes.shown < codes.allowed else codes.tap().take()
                till, at_till = attacks.meet_till(honest, random).code, at_till + 1
            else:
                tries = tries.take(now=UnixTime(NOW + random.randrange(600)))
                device = attacks.meet_device(honest, random, offer=FALSE_OFFER, promise=commitment)[0]
                at_device += 1
        except Refused as refusal:
            totals.refused[refusal.code.value] += 1
            break
        if device is not None and (till, device) not in pairs:
            pairs.add((till, device))
            totals.compare(till, device)
    require(at_device <= 3 and at_till <= 3 and len(pairs) <= 9, "codes were rolled more often than the limits allow")


def stranger(random: Random, totals: Totals) -> None:
    """Somebody without the secret, with another secret, or with the secret and without the till's key."""
    static, other = X25519Key(random.randbytes(32)), X25519Key(random.randbytes(32))
    engagement = Engagement.create(static.public, entropy=random.randbytes)
    resumption = Resumption(psk=random.randbytes(32), reader_key=static.public, session_id=random.randbytes(16))
    waiting: Meeting = random.choice([engagement, resumption])
    stolen: Meeting = (
        Engagement(secret=engagement.secret, fingerprint=fingerprint(other.public))
        if isinstance(waiting, Engagement)
        else Resumption(psk=resumption.psk, reader_key=other.public, session_id=resumption.session_id)
    )
    guessed = Engagement.create(other.public, entropy=random.randbytes)
    reader = Reader(static=other, meeting=random.choice([OpenMeeting(), guessed, stolen]), message=OFFER)
    expect_refusal(lambda: shake(reader, Beacon(meeting=waiting), random), totals, "a stranger was let in")


def shake(reader: Reader, beacon: Beacon, random: Random) -> tuple[Secured, Secured]:
    """Run a handshake to its end."""
    hs2 = beacon.answer(reader.start(entropy=random.randbytes), entropy=random.randbytes)
    hs3, till = reader.finish(hs2)
    return till, beacon.finish(hs3)[1]


def expect_refusal(action: Callable[[], object], totals: Totals, what: str) -> None:
    """Break the run unless a side refuses."""
    try:
        action()
    except PeerError as error:
        totals.refused[error.code.value] += 1
        return
    raise Broken(what)


def rewrite(random: Random, totals: Totals) -> None:
    """One handshake and one message, changed, cut, mixed up or made up at one place on their way."""
    static = X25519Key(random.randbytes(32))
    meeting = random.choice([OpenMeeting(), Engagement.create(static.public, entropy=random.randbytes)])
    place, recorded = random.randrange(4), record(static, meeting, random)
    passed: list[bytes] = []

    def air(message: bytes) -> bytes:
        passed.append(message)
        return changed(message, recorded, passed, random) if len(passed) == place + 1 else message

    def run() -> None:
        reader, beacon = Reader(static=static, meeting=meeting, message=OFFER), Beacon(meeting=meeting)
        hs2 = beacon.answer(air(reader.start(entropy=random.randbytes)), entropy=random.randbytes)
        hs3, till = reader.finish(air(hs2))
        _, device = beacon.finish(air(hs3))
        till.channel.open(air(device.channel.seal(b"request")))

    expect_refusal(run, totals, f"message {place + 1} was changed and nobody saw it")


def record(static: X25519Key, meeting: Meeting, random: Random) -> list[bytes]:
    """Return the four messages of an earlier meeting of the same two."""
    reader, beacon = Reader(static=static, meeting=meeting, message=OFFER), Beacon(meeting=meeting)
    hs1 = reader.start(entropy=random.randbytes)
    hs2 = beacon.answer(hs1, entropy=random.randbytes)
    hs3, _ = reader.finish(hs2)
    _, device = beacon.finish(hs3)
    return [hs1, hs2, hs3, device.channel.seal(b"request")]


def changed(message: bytes, recorded: list[bytes], passed: list[bytes], random: Random) -> bytes:
    """Return something else than the message."""
    position = random.randrange(len(message))
    choices = [
        message[:position] + bytes([message[position] ^ 1 << random.randrange(8)]) + message[position + 1 :],
        message[:position],
        message + random.randbytes(random.randrange(1, 20)),
        message[:position] + random.randbytes(len(message) - position) if position < len(message) - 8 else b"",
        random.randbytes(len(message)),
        bytes(len(message)),
        message[::-1],
        *recorded,
        *passed[:-1],
    ]
    # An HS1 of an earlier meeting is an honest one: what comes of it is seen at the till, which has sent another.
    return random.choice(choices)


def rewrite_hello(random: Random, totals: Totals) -> None:
    """In the open everybody can seal an HS1 with the till's own key e: other versions, features, limits, commitment."""
    static = X25519Key(random.randbytes(32))
    reader = Reader(static=static, meeting=OpenMeeting(), message=OFFER)
    hs1 = reader.start(entropy=random.randbytes)
    said = decode_hs1(Responder(ephemeral=static, psk=bytes(32)).read_first(hs1))
    fields = {"min_version": 1, "max_version": 1, "features": said.features, "rx_frag_max": 495, "commit": said.commit}
    fields |= random.choice([{"features": 1}, {"features": 3}, {"max_version": 9}, {"rx_frag_max": 18}])
    forged = Initiator(static=static, ephemeral=_Public(hs1[:32]), psk=bytes(32)).write_first(Hs1(**fields).encode())
    hs2 = Beacon(meeting=OpenMeeting()).answer(forged, entropy=random.randbytes)
    expect_refusal(lambda: reader.finish(hs2), totals, "a rewritten HS1 was not seen at the till")


class _Public:
    """The public half of somebody else's key; enough to write an HS1."""

    def __init__(self, public: bytes) -> None:
        self.public = public


def whole_session(random: Random, totals: Totals) -> None:
    """One purchase with somebody in the air, and an honest one after it."""
    attack = random.choice(sessions.ATTACKS)
    totals.by_attack[f"session: {attack.__name__}"] += 1
    with (
        tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder,
        hall.new_vault(Path(folder) / "vault", random, payments=4) as vault,
    ):

        async def play() -> hall.Ends:
            return await sessions.play(hall.Hall(vault, random), random, attack)

        ends = hall.run_fast(play())
    if attack is sessions.middle and ends.shown and ends.asked and ends.asked[0].code is not None:
        totals.compare(int(ends.shown[0].replace(" ", "")), int(ends.asked[0].code))
    device = ends.missed or (ends.bought.code if ends.bought else None)
    totals.ends[f"{ends.till.value}, {device.value if device else 'nothing'}"] += 1


SEARCHES = ("search_in_hs1", "search_in_hs2", "search_in_hs3")
ATTACKS: tuple[Callable[[Random, Totals], None], ...] = (
    middle, search, search, roll_again, stranger, rewrite, rewrite, rewrite_hello, *[whole_session] * 8,
)  # fmt: skip

WEAK: dict[str, dict[str, Any]] = {
    "search_in_hs1": {"build": {"repeat": "device"}, "promise": commitment},
    "search_in_hs2": {"build": {"repeat": "till"}, "promise": commitment},
    "search_in_hs3": {
        "build": {"reader": attacks.NonceOnlyReader, "beacon": attacks.NonceOnlyBeacon},
        "promise": attacks.nonce_only,
    },
}


def play(number: int, seed: int, totals: Totals) -> None:
    """Play one run."""
    random = Random(f"{seed}:{number}")  # noqa: S311 - the same in every run
    attack = random.choice(ATTACKS)
    if attack is not whole_session:
        totals.by_attack[attack.__name__] += 1
    try:
        attack(random, totals)
    except Broken as broken:
        totals.broken.append(f"run {number}, {attack.__name__}: {broken}")
    except Exception as error:  # noqa: BLE001 - whatever escapes is a find, and the other runs are played all the same
        totals.broken.append(f"run {number}, {attack.__name__}: {type(error).__name__}: {error}")


def beat_weak_builds(seed: int, runs: int) -> dict[str, dict[str, int]]:
    """Play each search against the build that it is made for, to two digits; it has to win each time."""
    aim, found = attacks.Aim(digits=2, budget=5000), {}
    for name, weak in WEAK.items():
        won = 0
        for number in range(runs):
            random = Random(f"{seed}:weak:{name}:{number}")  # noqa: S311 - the same in every run
            honest = attacks.honest_pair(random, offer=OFFER, **weak["build"])
            result = getattr(attacks, name)(honest, random, offer=FALSE_OFFER, promise=weak["promise"], aim=aim)
            won += result.matches(2)
        found[name] = {"runs": runs, "won": won}
    return found


def search_six_digits(seed: int, *, weak: bool) -> dict[str, Any]:
    """Search HS3 for all six digits, against the first draft's commitment or against ours."""
    build, promise = (WEAK["search_in_hs3"]["build"], attacks.nonce_only) if weak else ({}, commitment)
    random = Random(f"{seed}:six")  # noqa: S311 - the same in every run
    honest = attacks.honest_pair(random, offer=OFFER, **build)
    aim, began = attacks.Aim(budget=MOST_TRIES), time.monotonic()
    result = attacks.search_in_hs3(honest, random, offer=FALSE_OFFER, promise=promise, aim=aim)
    seconds = round(time.monotonic() - began, 1)
    return {"tries": result.found, "seconds": seconds, "won": result.matches(), "refused": result.refused}


def is_chance(count: int, runs: int, chance: float) -> bool:
    """Return whether so many of so many are not too many for luck (Chernoff's bound on the binomial tail)."""
    share = count / runs if runs else 0.0
    if share <= chance:
        return True
    other = (1 - share) * math.log((1 - share) / (1 - chance)) if share < 1 else 0.0
    return math.exp(-runs * (share * math.log(share / chance) + other)) > UNLIKELY


def main() -> int:
    """Play, print the closing line, and return 1 when something is broken."""
    parser = argparse.ArgumentParser(description="Attack the secure channel.")
    parser.add_argument("--runs", type=int, default=10_000, help="how many attacks")
    parser.add_argument("--seed", type=int, default=1, help="from which everything follows")
    parser.add_argument("--first", type=int, default=0, help="number of the first run")
    parser.add_argument("--weak-runs", type=int, default=20, help="how often each weak build is attacked")
    parser.add_argument("--no-six-digits", action="store_true", help="leave the two long searches out")
    chosen = parser.parse_args()
    totals, began = Totals(), time.monotonic()
    for number in range(chosen.first, chosen.first + chosen.runs):
        play(number, chosen.seed, totals)
    weak = beat_weak_builds(chosen.seed, chosen.weak_runs)
    six = {} if chosen.no_six_digits else {
        "nonce_only_build": search_six_digits(chosen.seed, weak=True),
        "our_build": search_six_digits(chosen.seed, weak=False),
    }  # fmt: skip
    fair = is_chance(totals.equal, totals.compared, 1e-6) and is_chance(totals.equal_in_two, totals.compared, 1e-2)
    bites = all(row["won"] == row["runs"] for row in weak.values())
    bites_six = not six or (six["nonce_only_build"]["won"] and not six["our_build"]["won"])
    passed = not totals.broken and fair and bites and bites_six
    print(  # noqa: T201 - the closing line is what the campaign is run for
        json.dumps(
            {
                "campaign": "air",
                "runs": chosen.runs,
                "first": chosen.first,
                "seed": chosen.seed,
                "passed": passed,
                "broken": totals.broken[:20],
                "by_attack": dict(sorted(totals.by_attack.items())),
                "refused": dict(sorted(totals.refused.items())),
                "sessions_ended": dict(totals.ends.most_common()),
                "codes_compared": totals.compared,
                "equal_codes": totals.equal,
                "equal_in_two_digits": totals.equal_in_two,
                "expected_in_two_digits": round(totals.compared / 100, 1),
                "weak_builds": weak,
                "six_digits": six,
                "seconds": round(time.monotonic() - began, 1),
            }
        )
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
